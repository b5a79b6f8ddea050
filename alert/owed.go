package alert

import (
	"slices"
	"time"
)

// sinkView is what owed must know of the sinks of a chain: whether the sink is
// configured, and whether its gate is shut for long (breaker, credentials,
// throttled for more than 15 s).
type sinkView func(name string) (exists, shut bool)

// owed returns the alert that a sink is owed for this incident now, or nil,
// and the time at which that may change by itself (zero = it does not).
//
// A sink alone in its chain is owed everything. In a longer chain a sink is
// owed
//
//   - everything, once it has confirmed a phase: who heard "firing" must hear
//     "resolved";
//   - nothing, where another sink of the chain has confirmed the newest phase;
//   - else everything, if each sink before it is past: not configured, settled
//     without success (dead letter), or, for a critical, behind an open breaker
//     or 15 s after its first attempt. Those that confirmed a phase come first,
//     then the order of the chain.
func (r *record) owed(name string, now time.Time, view sinkView) (*Alert, time.Time) {
	d := r.Sinks[name]
	if d == nil {
		return nil, time.Time{}
	}
	next := r.next(d)
	if d.Digest != "" {
		return nil, time.Time{}
	}
	if next == nil || d.Confirmed != "" {
		return next, time.Time{}
	}
	var wake time.Time
	for _, chain := range r.Chains {
		mine, when := r.turn(chain, name, now, view)
		if mine {
			return next, time.Time{}
		}
		wake = earlier(wake, when)
	}
	return nil, wake
}

// turn reports whether it is name's turn in chain, or when it may be.
func (r *record) turn(chain []string, name string, now time.Time, view sinkView) (bool, time.Time) {
	member, before := false, true
	var wake time.Time
	for _, other := range chain {
		if other == name {
			member, before = true, false
			continue
		}
		d := r.Sinks[other]
		if d.Confirmed != "" && at(d.Confirmed) >= r.head() {
			return false, time.Time{}
		}
		if !before && d.Confirmed == "" {
			continue
		}
		past, when := r.past(other, now, view)
		if !past {
			if when.IsZero() {
				// Something else must happen first: remember that, and ask no clock.
				return false, time.Time{}
			}
			if when.After(wake) {
				wake = when
			}
		}
	}
	return member && wake.IsZero(), wake
}

// past reports whether a chain need not wait for a sink any longer, or when.
func (r *record) past(name string, now time.Time, view sinkView) (bool, time.Time) {
	exists, shut := view(name)
	d := r.Sinks[name]
	if !exists || (at(d.Done) >= r.head() && at(d.Confirmed) < r.head()) {
		return true, time.Time{}
	}
	if r.Worst != Critical {
		return false, time.Time{}
	}
	if shut {
		return true, time.Time{}
	}
	if d.first.IsZero() {
		return false, time.Time{}
	}
	when := d.first.Add(failoverAfter)
	return !now.Before(when), when
}

// standsInFor returns the sink that name stands in for, or "" where name heads
// a chain itself.
func (r *record) standsInFor(name string) string {
	first := ""
	for _, chain := range r.Chains {
		switch {
		case len(chain) == 0 || !slices.Contains(chain, name):
		case chain[0] == name:
			return ""
		case first == "":
			first = chain[0]
		}
	}
	return first
}

// settled reports whether nothing is owed any more, to anyone, ever: the
// resolution is confirmed or dead everywhere.
func (r *record) settled() bool {
	if r.End == nil && !r.digest() {
		return false
	}
	for _, chain := range r.Chains {
		delivered, all := false, true
		for _, name := range chain {
			d := r.Sinks[name]
			done := at(d.Done) >= r.head()
			if d.Confirmed != "" && !done {
				return false
			}
			delivered = delivered || d.Confirmed != ""
			all = all && done
		}
		if !delivered && !all {
			return false
		}
	}
	return true
}

// cancel settles the chains of an incident that is not critical, or is muted,
// and that ended before anything of it was sent, and returns how many there were. What may
// have reached a service is not cancelled: who may have heard "firing" hears
// "resolved".
func (r *record) cancel(muted bool) int {
	if r.End == nil || r.Worst == Critical && !muted {
		return 0
	}
	n := 0
	for _, chain := range r.Chains {
		untold := true
		for _, name := range chain {
			d := r.Sinks[name]
			untold = untold && d.Done == "" && !d.maybe
		}
		if !untold {
			continue
		}
		for _, name := range chain {
			r.Sinks[name].Done, r.Sinks[name].Cancelled = PhaseResolved, true
		}
		n++
	}
	return n
}

// sooner orders what two incidents owe a sink: the more severe first, then a
// firing that is untold and an end before an update, then the older.
func (r *record) sooner(mine *Alert, o *record, its *Alert) bool {
	if r.digest() == o.digest() && r.Worst == o.Worst {
		if a, b := isUpdate(mine), isUpdate(its); a != b {
			return b
		}
	}
	return r.before(o)
}

func isUpdate(a *Alert) bool { n := at(a.Phase); return n > 0 && n < seqResolved }

// before orders incidents at a sink: the more severe first, then the older.
func (r *record) before(o *record) bool {
	if r.digest() != o.digest() {
		return r.digest()
	}
	if a, b := r.Worst.Rank(), o.Worst.Rank(); a != b {
		return a > b
	}
	if !r.AcceptedAt.Equal(o.AcceptedAt) {
		return r.AcceptedAt.Before(o.AcceptedAt)
	}
	return r.ID < o.ID
}

// earlier returns the earlier of two times, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
