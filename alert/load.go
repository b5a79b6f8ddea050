package alert

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing wrong in a state directory.
type Problem struct {
	Path    string `json:"path"` // relative to the state directory
	Problem string `json:"problem"`
}

// later is what the start leaves to a goroutine, so that the agent is ready
// soon whatever the state directory holds.
type later struct {
	open   []string // files of incidents/open: what is none by its name, or took too long
	closed []string
	tmp    []string // half written, and left by a crash
	ended  map[string]bool
}

// load adopts the open incidents, for as long as loadWait allows, and leaves
// the rest for loadLater. In a clone all that is open belongs to another
// machine and is quarantined before the new install id is written.
func (o *Outbox) load(clone bool) later {
	l := later{ended: map[string]bool{}}
	l.closed, _ = listDir(o.disk.root(), dirClosed)
	for _, n := range l.closed {
		id, _, _ := strings.Cut(n, ".")
		l.ended[id] = true
	}
	l.tmp, _ = listDir(o.disk.root(), dirTmp)
	names, err := listDir(o.disk.root(), dirOpen)
	if err != nil {
		o.diskFailed(err)
	}
	began := time.Now()
	read := 0 // files read
	for _, n := range names {
		id, ours := strings.CutSuffix(n, ".json")
		if !clone && (!ours || !isID(id) || read > loadAtOnce && time.Since(began) > o.opt.loadWait) {
			l.open = append(l.open, n)
			continue
		}
		read++
		o.take1(n, clone, l.ended)
	}
	o.stats.Adopted = uint64(len(o.open))
	o.toldAll()
	return l
}

// loadLater reads what load left, and the keys and dead letters of closed
// incidents. An Accept with a key waits for the keys; nothing else waits.
func (o *Outbox) loadLater(l later) {
	o.loadKeys(l.closed)
	for _, n := range l.open {
		if r := o.take1(n, false, l.ended); r != nil {
			o.mu.Lock()
			o.stats.Adopted++
			o.late = true
			o.toldAll()
			o.wake()
			o.mu.Unlock()
		}
	}
	o.loadDead(l.closed)
	for _, n := range l.tmp {
		o.quarantine(dirTmp+"/"+n, errors.New("half written: never accepted"))
	}
}

// take1 adopts one file of incidents/open, or quarantines it and returns nil.
func (o *Outbox) take1(n string, clone bool, ended map[string]bool) *record {
	path := dirOpen + "/" + n
	r, err := readRecord(o.disk.root(), path)
	switch {
	case err != nil:
	case clone:
		err = errors.New("this directory was copied from another machine")
	case ended[r.ID]:
		err = errors.New("this incident is closed already")
	case r.ID+".json" != n:
		err = fmt.Errorf("holds incident %s", r.ID)
	}
	if err != nil {
		o.quarantine(path, err)
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.adopt(r)
	return r
}

// toldAll applies every digest. mu is held, or nobody else is there yet.
func (o *Outbox) toldAll() {
	for _, r := range o.open {
		if r.digest() {
			o.told(r)
		}
	}
}

// AdoptedLate reports, once, that incidents were adopted after Open returned:
// there were too many to read before. The detector is to adopt OpenFiring
// again.
func (o *Outbox) AdoptedLate() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	late := o.late
	o.late = false
	return late
}

func readRecord(root tree, path string) (*record, error) {
	b, err := readFile(root, path, maxRecordSize)
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(b)
	if err == nil {
		r.size = len(b)
	}
	return r, err
}

// adopt takes over an incident from disk. What a crash left in flight may have
// reached the service.
func (o *Outbox) adopt(r *record) {
	r.rev, r.saved = 1, 1
	r.changed = r.newest().ChangedAt
	for _, d := range r.Sinks {
		d.maybe = true
		if a := r.next(d); a != nil {
			d.since = a.ChangedAt // no attempt can be older
		}
		d.Attempts, d.NextTry = 0, time.Time{}
		if d.Done != PhaseResolved {
			d.Digest = "" // set again by a digest that is still to go; one that never reached the disk would hold it back for ever
		}
	}
	o.open[r.ID] = r
	o.bytes += r.size
}

// quarantine moves a file out of the way, under a name that is free.
func (o *Outbox) quarantine(path string, why error) {
	base := path[strings.LastIndexByte(path, '/')+1:]
	to := dirQuarantine + "/" + base
	for i := 1; i < 10_000; i++ {
		if _, err := o.disk.root().Lstat(to); err != nil {
			break
		}
		to = dirQuarantine + "/" + base + "." + strconv.Itoa(i)
	}
	if err := o.disk.rename(path, to); err != nil {
		why = fmt.Errorf("%w (and it cannot be moved: %w)", why, err)
		to = path
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.Quarantined++
	switch n := o.stats.Quarantined; {
	case n < maxLogged:
		o.opt.Log.Warn("quarantined a file of the state directory", "file", to, "reason", why)
	case n == maxLogged:
		o.opt.Log.Warn("many files of the state directory are quarantined; the rest is counted and not told one by one")
	}
	if len(o.bad) < maxListed {
		o.bad = append(o.bad, Problem{to, why.Error()})
	}
}

// Quarantined lists what was moved to incidents/quarantine since the start, at
// most 1000; Stats counts all.
func (o *Outbox) Quarantined() []Problem {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Problem(nil), o.bad...)
}

// loadDead lists the dead letters of closed incidents, by the names of their
// files.
func (o *Outbox) loadDead(names []string) {
	files := 0
	for _, n := range names {
		if !strings.HasSuffix(n, deadSuffix) || files >= maxListed {
			continue
		}
		files++
		r, err := readRecord(o.disk.root(), dirClosed+"/"+n)
		if errors.Is(err, fs.ErrNotExist) {
			continue // retried or trimmed since
		}
		if err != nil {
			o.quarantine(dirClosed+"/"+n, err)
			continue
		}
		o.mu.Lock()
		for _, d := range r.Sinks {
			o.dead = append(o.dead, d.Dead...)
		}
		o.mu.Unlock()
	}
}
