package alert

import (
	"fmt"
	"slices"
	"time"
)

// summarize begins a digest for a sink that recovered with more than ten
// incidents owed. The digest goes first. It tells of those that began and ended
// meanwhile, which are not told one by one then; what still fires, and the end
// of what the sink had been told of, follow by themselves. mu is held.
func (o *Outbox) summarize(s *slot, now time.Time) {
	var owed []*record
	view := o.view(now)
	for _, r := range o.sorted() {
		if r.digest() && r.Sinks[s.name] != nil {
			return // one is on its way
		}
		if a, _ := r.owed(s.name, now, view); a != nil {
			owed = append(owed, r)
		}
	}
	if len(owed) <= digestOver {
		return
	}
	wall := now.UTC().Round(0)
	d := &record{Schema: recordSchema, ID: newID(), AcceptedAt: wall, Worst: Info, Chains: [][]string{{s.name}}, Sinks: map[string]*delivery{s.name: {}}}
	a := Alert{Rule: PhaseDigest, State: Resolved, StartedAt: owed[0].First.StartedAt, ChangedAt: wall}
	fires := 0
	for _, r := range owed {
		n := r.newest()
		if r.Worst.Rank() > d.Worst.Rank() {
			d.Worst = r.Worst
		}
		if r.First.StartedAt.Before(a.StartedAt) {
			a.StartedAt = r.First.StartedAt
		}
		switch {
		case r.End == nil:
			fires++
			a.State = Firing
		case r.Sinks[s.name].Confirmed == "" && r.saved >= r.rev: // an end that is in memory alone, a crash may take back
			d.Covers = append(d.Covers, r.ID)
		}
		if len(a.Members) < maxList {
			a.Members = append(a.Members, Member{Rule: r.First.Rule, Target: r.First.Target, Severity: r.Worst, State: n.State, Summary: cut(n.Summary, 200)})
		}
	}
	a.Severity = d.Worst
	a.Summary = fmt.Sprintf("%s was out of reach: %d incidents changed meanwhile, %d still fire, %d began and ended", s.name, len(owed), fires, len(d.Covers))
	d.First = o.fill(a, d, PhaseDigest, wall)
	d.First.SilenceCommand = ""
	o.open[d.ID] = d
	o.stats.Digests++
	o.told(d)
	o.touch(d)
	o.hold(d, confirmWait)
	o.wake()
}

// told applies a digest to the incidents that it covers: while it is on its way
// they wait, once it is confirmed they are told, and where it was refused they
// go one by one after all. mu is held.
func (o *Outbox) told(d *record) {
	for name, mine := range d.Sinks {
		for _, id := range d.Covers {
			r := o.open[id]
			if r == nil || r.Sinks[name] == nil || r.Sinks[name].Done == PhaseResolved {
				continue
			}
			its := r.Sinks[name]
			switch {
			case r.End == nil: // it fires after all: told by itself
				its.Digest = ""
			case mine.Confirmed != "":
				its.Digest, its.Confirmed, its.Done, its.Receipt = d.ID, PhaseResolved, PhaseResolved, Receipt{ID: mine.Receipt.ID}
				o.touch(r)
			case mine.Done != "":
				its.Digest = ""
			default:
				its.Digest = d.ID
			}
		}
	}
}

// closable reports whether an incident's file may move to incidents/closed: it
// says so itself. A digest stays until what it told is on disk: a crash before
// that finds it again. mu is held.
func (o *Outbox) closable(r *record) bool {
	return r.saved == r.rev && r.settled() && !slices.ContainsFunc(r.Covers, func(id string) bool {
		covered := o.open[id]
		return covered != nil && covered.saved < covered.rev
	})
}

// cut shortens s to n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return string([]rune(s[:n-3])) + "…"
}
