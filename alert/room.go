package alert

import (
	"fmt"
	"time"
)

// makeRoom keeps the open incidents within their bounds, in number and in
// bytes, before one more of a severity is taken. What goes first: what is told
// everywhere, then info, then warning; of those what has ended, then the
// oldest. Nothing gives way to what is less severe. An alert that was owed and
// is given up becomes a dead letter: counted, listed and reported. Of criticals
// only one that has ended gives way, at the bound; twice the bound refuses all.
// mu is held.
func (o *Outbox) makeRoom(s Severity) error {
	n := o.inUse()
	for o.overfull() {
		var victim *record
		for _, r := range o.open {
			if !r.evictable(s) {
				continue
			}
			if victim == nil || r.goesBefore(victim) {
				victim = r
			}
		}
		if victim == nil {
			if s == Critical && n < 2*o.opt.MaxOpen {
				return nil
			}
			o.stats.Refused++
			return fmt.Errorf("accept alert: %w: %d", ErrFull, n)
		}
		o.evict(victim)
	}
	return nil
}

// inUse counts the open incidents that are not on their way out.
func (o *Outbox) inUse() int {
	n := 0
	for _, r := range o.open {
		if !r.evicted {
			n++
		}
	}
	return n
}

func (o *Outbox) overfull() bool {
	n, size := 0, 0
	for _, r := range o.open {
		if !r.evicted {
			n++
			size += r.size
		}
	}
	return n >= o.opt.MaxOpen || size >= o.opt.MaxBytes
}

// evictable reports whether r may give way to an alert of a severity.
func (r *record) evictable(s Severity) bool {
	switch {
	case r.evicted || r.digest():
		return false
	case r.Worst.Rank() > s.Rank():
		return false
	case r.Worst == Critical:
		return r.End != nil
	}
	return true
}

// goesBefore orders what gives way.
func (r *record) goesBefore(o *record) bool {
	if a, b := r.Worst.Rank(), o.Worst.Rank(); a != b {
		return a < b
	}
	if a, b := r.End != nil, o.End != nil; a != b {
		return a
	}
	return r.AcceptedAt.Before(o.AcceptedAt)
}

// evict gives up what is owed of an incident. mu is held.
func (o *Outbox) evict(r *record) {
	now := time.Now().UTC().Round(0)
	if r.End == nil {
		end := r.First
		end.State, end.ResolvedAt, end.ChangedAt = Resolved, now, now
		end.Summary = "given up to make room, while it fired: " + cut(r.First.Summary, maxName)
		end = o.fill(end, r, PhaseResolved, now)
		end.Key = r.ID + "." + PhaseResolved
		r.End = &end
	}
	gone := false
	for name, d := range r.Sinks {
		a := r.next(d)
		if a == nil {
			continue
		}
		gone = true
		d.Dead = append(d.Dead, DeadLetter{
			Sink: name, Incident: r.ID, Key: a.Key, Severity: a.Severity, Summary: cut(a.Summary, maxName),
			Error: "given up to make room: too much is owed", At: now,
		})
		d.Done, d.First, d.Joined = PhaseResolved, nil, 0
	}
	r.evicted = true
	o.stats.Evicted++
	if gone {
		o.stats.Dead++
	}
	if o.stats.Evicted == 1 {
		o.opt.Log.Error("too much is owed: the least important incidents are given up and kept as dead letters", "open", len(o.open))
	}
	o.touch(r)
}
