package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// writerState is the one writer: a goroutine that lives while something is to
// be written.
//
// A write that hangs hangs the writer alone. After writerStuck it is abandoned
// and another takes over, at most one at a time; should it wake up, it finds
// its turn over, leaves the file alone if it still can, and has everything
// written again.
type writerState struct {
	turn      uint64 // who may write
	busy      bool
	sweep     bool      // settled incidents wait to be moved to incidents/closed
	since     time.Time // of the write that is under way
	hung      time.Time // … of the abandoned writer
	abandoned bool
	err       error // of the last write; nil = the disk works
	errSince  time.Time
}

var errHangs = errors.New("a write to the state directory does not return")

// stuck reports whether a write hangs: nobody need wait for it. mu is held.
func (o *Outbox) stuck() bool { return o.writer.busy && time.Since(o.writer.since) > hangsAfter }

var errReplaced = errors.New("the writer was replaced")

// ErrNotDurable is in the chain of the error of a Put whose alert is not on
// disk yet. The alert is delivered from memory all the same, and is written as
// soon as the disk takes it.
var ErrNotDurable = errors.New("not on disk yet")

// item is one incident's snapshot in a batch, or one whose file is to be moved
// to incidents/closed.
type item struct {
	r     *record
	rev   uint64
	data  []byte
	close bool
	err   error
}

const (
	batchSize    = 64
	batchWriters = 8 // fsyncs at the same time share a commit of the file system's journal
	probes       = 2 // files tried each second while the disk fails, of as many as wait
)

// kick starts the writer if there is work and it is not at it. mu is held.
func (o *Outbox) kick() {
	if o.writer.busy || !o.unwritten() {
		return
	}
	o.writer.busy, o.writer.since = true, time.Now()
	go o.write(o.writer.turn)
}

// unwritten reports whether anything waits that has not failed already.
func (o *Outbox) unwritten() bool {
	if o.writer.sweep || o.state.waits() || o.silenceFile.waits() || len(o.audits) > 0 && o.writer.err == nil {
		return true
	}
	for _, r := range o.open {
		if r.rev > max(r.saved, r.failed) {
			return true
		}
	}
	return false
}

// load is what the writer takes on at once.
type load struct {
	items []item
	blobs []blobWrite
	audit []byte
	lost  error // of the audit log
}

// blobWrite is one blob's content at one revision.
type blobWrite struct {
	b    *blob
	name string
	rev  uint64
	data []byte
	err  error
}

// gather takes what waits. What a failing disk refused waits for retryDisk: a
// log that was tried again at once would be tried for ever. mu is held.
func (o *Outbox) gather() load {
	var l load
	if o.writer.err == nil || o.writer.sweep {
		l.audit, o.audits = o.audits, nil
	}
	l.items = o.batch()
	for _, b := range []*blob{&o.state, &o.silenceFile} {
		if b.waits() {
			l.blobs = append(l.blobs, blobWrite{b: b, name: b.name, rev: b.rev, data: b.data})
		}
	}
	return l
}

// write is the writer: batch after batch until nothing waits.
func (o *Outbox) write(turn uint64) {
	for {
		o.mu.Lock()
		l := o.gather()
		if len(l.items)+len(l.blobs)+len(l.audit) == 0 {
			o.writer.busy = false
			o.mu.Unlock()
			return
		}
		mend := o.writer.err != nil
		o.writer.since = time.Now()
		o.mu.Unlock()

		if mend {
			_ = o.disk.layout() // a folder may have vanished; the write tells
			if o.unnamed.Load() && o.writeInstall() == nil {
				o.unnamed.Store(false)
			}
		}
		current := func() bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.writer.turn == turn
		}
		if len(l.audit) > 0 {
			l.lost = o.writeAudit(l.audit)
		}
		o.writeItems(l.items, current)
		for i := range l.blobs {
			l.blobs[i].err = o.writeBlob(l.blobs[i].name, l.blobs[i].data, current)
		}
		if !o.written(turn, l) {
			return
		}
	}
}

// batch takes snapshots of what waits. mu is held.
func (o *Outbox) batch() []item {
	var items []item
	sweep := o.writer.sweep
	o.writer.sweep = false
	for _, r := range o.open {
		switch {
		case r.rev > max(r.saved, r.failed) && len(items) < batchSize:
			b, err := r.encode()
			o.bytes += len(b) - r.size
			r.size = len(b)
			items = append(items, item{r: r, rev: r.rev, data: b, err: err})
		case sweep && o.closable(r):
			items = append(items, item{r: r, rev: r.rev, close: true})
		}
	}
	return items
}

// writeItems writes a batch: the files side by side, one fsync of the folder,
// and the moves of those that are closed.
func (o *Outbox) writeItems(items []item, current func() bool) {
	var all sync.WaitGroup
	slots := make(chan struct{}, batchWriters)
	saves, moves := false, false
	for i := range items {
		it := &items[i]
		saves, moves = saves || !it.close, moves || it.close
		if it.close || it.err != nil {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			it.err = o.disk.save(dirOpen+"/"+it.r.ID+".json", it.data, current)
			<-slots
		})
	}
	all.Wait()
	fail := func(closing bool, err error) {
		for i := range items {
			if items[i].close == closing && items[i].err == nil {
				items[i].err = err
			}
		}
	}
	if saves {
		fail(false, o.disk.syncDir(dirOpen))
	}
	if !moves {
		return
	}
	for i := range items {
		if it := &items[i]; it.close {
			it.err = o.disk.rename(dirOpen+"/"+it.r.ID+".json", dirClosed+"/"+closedName(it.r))
		}
	}
	err := o.disk.syncDir(dirClosed)
	if err == nil {
		err = o.disk.syncDir(dirOpen)
	}
	fail(true, err)
}

// closedName is the name of a closed incident's file: one with dead letters is
// found without reading the rest.
func closedName(r *record) string {
	if r.hasDead() {
		return r.ID + deadSuffix
	}
	return r.ID + ".json"
}

const deadSuffix = ".dead.json"

// written takes over the outcome of a batch; false ends the writer.
func (o *Outbox) written(turn uint64, l load) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.wake()
	if o.writer.turn != turn {
		o.writer.abandoned = false
		for _, r := range o.open {
			r.saved, r.failed = 0, 0
			r.rev++
		}
		o.kick()
		return false
	}
	err := l.lost
	if err != nil {
		o.audits = append(l.audit, o.audits...)
	}
	for _, w := range l.blobs {
		if w.err != nil {
			err = w.err
			w.b.failed, w.b.failedCause = w.rev, w.err
		} else {
			w.b.saved = max(w.b.saved, w.rev)
		}
	}
	for _, it := range l.items {
		if it.err != nil {
			err = it.err
			it.r.failed, it.r.saveErr = it.rev, it.err
			if it.close {
				it.r.saved, it.r.rev = 0, it.r.rev+1 // the file may be in either folder: write it again
			}
			continue
		}
		if it.close {
			o.closed(it.r)
			continue
		}
		it.r.saved = max(it.r.saved, it.rev)
	}
	if err != nil {
		o.diskFailed(err)
	} else {
		o.diskWorks()
	}
	return true
}

// closed forgets an incident whose file is in incidents/closed. mu is held.
func (o *Outbox) closed(r *record) {
	r.closed = true
	delete(o.open, r.ID)
	o.bytes -= r.size
	o.stats.Closed++
	o.remember(r, time.Now())
	for _, d := range r.Sinks {
		o.dead = append(o.dead, d.Dead...)
	}
	if n := len(o.dead) - maxListed; n > 0 {
		o.dead = append([]DeadLetter(nil), o.dead[n:]...)
	}
}

func (o *Outbox) diskFailed(err error) {
	if o.writer.err == nil {
		o.writer.errSince = time.Now()
		o.opt.Log.Error("the state directory cannot be written; alerts are delivered from memory", "error", err)
	}
	o.writer.err = err
}

func (o *Outbox) diskWorks() {
	if o.writer.err != nil {
		o.opt.Log.Info("the state directory can be written again", "after", time.Since(o.writer.errSince).Round(time.Second))
	}
	o.writer.err = nil
}

// retryDisk lets what failed be tried again, has settled incidents moved to
// incidents/closed, and replaces a writer that is stuck. Called every second by
// Run.
func (o *Outbox) retryDisk(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	tries := len(o.open)
	if o.writer.err != nil {
		tries = probes
	}
	for _, r := range o.open { // in no order: one that always fails keeps no other waiting
		if r.failed > 0 && tries > 0 {
			r.failed = 0
			tries--
		}
		o.writer.sweep = o.writer.sweep || o.closable(r)
	}
	o.state.failed, o.silenceFile.failed = 0, 0
	if len(o.audits) > 0 && o.writer.err != nil && !o.unwritten() {
		o.writer.sweep = true // nothing else tries the disk: the log does
	}
	if o.writer.busy && !o.writer.abandoned && now.Sub(o.writer.since) > writerStuck {
		o.opt.Log.Error("a write to the state directory does not return; another writer takes over", "since", o.writer.since)
		o.writer.turn++
		o.writer.abandoned, o.writer.busy, o.writer.hung = true, false, o.writer.since
		o.stats.WritersAbandoned++
	}
	o.kick()
}

// saved waits until change rev of r is on disk, its write failed, or ctx ends.
func (o *Outbox) awaitSaved(ctx context.Context, r *record, rev uint64) error {
	for {
		o.mu.Lock()
		saved, failed, cause, ch, stuck := r.saved, r.failed, r.saveErr, o.changed, o.stuck()
		o.mu.Unlock()
		switch {
		case saved >= rev:
			return nil
		case failed >= rev:
			return fmt.Errorf("write incident: %w: %w", ErrNotDurable, cause)
		case stuck:
			return fmt.Errorf("write incident: %w: %w", ErrNotDurable, errHangs)
		}
		if err := o.awaitWriter(ctx, ch); err != nil {
			return fmt.Errorf("write incident: %w: %w", ErrNotDurable, err)
		}
	}
}

// awaitWriter waits for a change, for the moment at which a write counts as
// hanging, which no change tells, or for the end of ctx, which is an error.
func (o *Outbox) awaitWriter(ctx context.Context, ch <-chan struct{}) error {
	late := time.NewTimer(hangsAfter + time.Millisecond)
	defer late.Stop()
	select {
	case <-ch:
	case <-late.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// Health says whether accepted alerts reach the disk.
type Health struct {
	Durable bool      `json:"durable"`         // the last write worked and none hangs
	Hangs   bool      `json:"hangs,omitempty"` // not durable, because a write does not return
	Pending int       `json:"pending"`         // incidents whose newest change is not on disk
	Error   string    `json:"error,omitempty"` // why not
	Since   time.Time `json:"since,omitzero"`  // when it began
	Full    bool      `json:"full,omitempty"`  // the disk is full: spare files take the changes
	Spare   int       `json:"spare"`           // changes that they still take, of 64; each that is written takes one
}

// Health reports on the disk. A write counts as hanging after 1 s.
func (o *Outbox) Health() Health {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := Health{Durable: true}
	h.Full, h.Spare = o.disk.room()
	for _, r := range o.open {
		if r.saved < r.rev {
			h.Pending++
		}
	}
	switch w := o.writer; {
	case w.err != nil:
		h.Durable, h.Error, h.Since = false, w.err.Error(), w.errSince
	case o.stuck() || w.abandoned && w.busy:
		h.Durable, h.Hangs, h.Error, h.Since = false, true, errHangs.Error(), w.since
		if w.abandoned {
			h.Since = w.hung
		}
	}
	return h
}
