package alert

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing wrong in a state directory.
type Problem struct {
	Path    string `json:"path"` // relative to the state directory
	Problem string `json:"problem"`
}

// load adopts every open incident and quarantines what is none. In a clone all
// that is open belongs to another machine. It returns the files of the closed.
func (o *Outbox) load(clone bool) []string {
	closed := map[string]bool{}
	done, _ := listDir(o.disk.root(), dirClosed)
	for _, n := range done {
		id, _, _ := strings.Cut(n, ".")
		closed[id] = true
	}
	o.loadDead(done)
	names, _ := listDir(o.disk.root(), dirTmp)
	for _, n := range names {
		o.quarantine(dirTmp+"/"+n, errors.New("half written: never accepted"))
	}
	names, err := listDir(o.disk.root(), dirOpen)
	if err != nil {
		o.diskFailed(err)
	}
	for _, n := range names {
		path := dirOpen + "/" + n
		r, err := readRecord(o.disk.root(), path)
		switch {
		case err != nil:
		case clone:
			err = errors.New("this directory was copied from another machine")
		case closed[r.ID]:
			err = errors.New("this incident is closed already")
		case r.ID+".json" != n:
			err = fmt.Errorf("holds incident %s", r.ID)
		}
		if err != nil {
			o.quarantine(path, err)
			continue
		}
		o.adopt(r)
	}
	o.stats.Adopted = uint64(len(o.open))
	for _, r := range o.open {
		if r.digest() {
			o.told(r)
		}
	}
	return done
}

func readRecord(root *os.Root, path string) (*record, error) {
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
		if d.Done == "" {
			d.Digest = "" // set again by a digest that is still to go
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
	o.opt.Log.Warn("quarantined a file of the state directory", "file", to, "reason", why)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.Quarantined++
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
	for _, n := range names {
		if !strings.HasSuffix(n, deadSuffix) || len(o.dead) >= maxListed {
			continue
		}
		r, err := readRecord(o.disk.root(), dirClosed+"/"+n)
		if err != nil {
			o.quarantine(dirClosed+"/"+n, err)
			continue
		}
		for _, d := range r.Sinks {
			o.dead = append(o.dead, d.Dead...)
		}
	}
}
