package detect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// updateEvery is the time between two updates that only say that members came
// or went; it doubles with each of them, up to 16 min. So twelve probes behind a
// dead interface are one update and not twelve. What is worse, a new cause, the
// first member by a rule, and one that comes back the first times or after 5 min (see
// again, too) are told at once; a further critical one waits no longer than this, however many
// updates there were.
const updateEvery = 30 * time.Second

// tell returns the alerts that the incidents owe.
func (d *Detector) tell() []alert.Alert {
	var out []alert.Alert
	for _, inc := range d.incidents {
		if len(inc.members) == 0 {
			if inc.told() {
				out = append(out, d.over(inc))
			}
			continue
		}
		wait := updateEvery << min(inc.Updates, 5)
		if inc.urgent() {
			wait = updateEvery
		}
		due := inc.Owed && d.clock-inc.Told >= wait
		if !inc.stirred && !due {
			continue
		}
		inc.stirred = false
		before := inc.Alert.Severity
		order(inc.members)
		severity, why := d.severity(inc.members)
		lead := inc.members[0]
		cause := (lead.Rule != inc.Lead || lead.Target != inc.LeadOn) && inc.fires(inc.Lead, inc.LeadOn)
		switch {
		case !inc.told():
			inc.Alert = d.alert(inc, severity, inc.page(severity, why))
		case severity.Rank() > before.Rank() || due || inc.Owed && (cause || inc.spread()):
			page := inc.page(severity, why)
			if severity.Rank() < before.Rank() {
				severity = before // it is told as bad as it was until it is over
			}
			inc.Alert = d.alert(inc, severity, page)
			inc.Alert.Phase = alert.PhaseUpdate
			if due {
				inc.Updates++
			}
		default:
			continue
		}
		inc.Lead, inc.LeadOn, inc.Told, inc.Owed = lead.Rule, lead.Target, d.clock, false
		inc.note()
		out = append(out, inc.Alert)
	}
	d.incidents = slices.DeleteFunc(d.incidents, func(inc *incident) bool { return len(inc.members) == 0 })
	return out
}

// page says why it is a page, where its first member does not, and remembers it for
// as long as it is told as one.
func (inc *incident) page(severity alert.Severity, why string) string {
	switch {
	case why != "":
		inc.Why = why
		return "a page because " + why
	case severity != alert.Critical:
		if inc.Why != "" {
			return "made a page when " + inc.Why
		}
	default:
		i := slices.IndexFunc(inc.members, func(e *entry) bool { return e.Alert.Severity == alert.Critical })
		inc.Why = name(inc.members[i].Rule, inc.members[i].Target) + " fired"
	}
	return ""
}

func (inc *incident) told() bool { return inc.Alert.Schema != 0 }

// spread is whether a member is by a rule, or of its subsystem, that was not
// told of yet. There are few of them, so this cannot flood.
func (inc *incident) spread() bool {
	return len(inc.Said) < maxMembers && slices.ContainsFunc(inc.members, func(e *entry) bool { return !slices.Contains(inc.Said, e.news()) })
}

// urgent is whether a critical member was not told of yet.
func (inc *incident) urgent() bool {
	return slices.ContainsFunc(inc.members, func(e *entry) bool {
		return e.Alert.Severity == alert.Critical && (e.Rule != inc.Lead || e.Target != inc.LeadOn) &&
			!slices.ContainsFunc(inc.Alert.Members, func(m alert.Member) bool { return m.Rule == e.Rule && m.Target == e.Target })
	})
}

// unsaid has e told of as if it were new.
func (inc *incident) unsaid(e *entry) {
	inc.Said = slices.DeleteFunc(inc.Said, func(s string) bool { return s == e.news() })
}

// note remembers what is told of.
func (inc *incident) note() {
	for _, e := range inc.members {
		if !slices.Contains(inc.Said, e.news()) && len(inc.Said) < maxMembers {
			inc.Said = append(inc.Said, e.news())
		}
	}
}

// news is what a member is called in Said. One rule watches several subsystems
// for anomalies.
func (e *entry) news() string { return e.Rule + "/" + e.Subsystem }

func (inc *incident) fires(rule, target string) bool {
	return slices.ContainsFunc(inc.members, func(e *entry) bool { return e.Rule == rule && e.Target == target })
}

// alert is that of an incident as it stands, its members in order.
func (d *Detector) alert(inc *incident, severity alert.Severity, page string) alert.Alert {
	a := inc.members[0].Alert
	a.Phase, a.Severity, a.ChangedAt, a.Summary = alert.PhaseFiring, severity, d.now, inc.members[0].summary()
	a.Rule, a.Target = inc.Rule, inc.Target
	a.Members, a.Causes = nil, slices.Clone(a.Causes)
	if inc.told() {
		a.StartedAt = inc.Alert.StartedAt
	}
	for _, e := range inc.members {
		if !e.Alert.StartedAt.IsZero() && e.Alert.StartedAt.Before(a.StartedAt) {
			a.StartedAt = e.Alert.StartedAt
		}
	}
	if len(inc.members)+len(inc.Past) > 1 {
		for _, e := range inc.members {
			a.Members = append(a.Members, e.member())
		}
		a.Members = append(a.Members, inc.Past...)
		a.Members = a.Members[:min(len(a.Members), maxMembers)]
		more := inc.newestFirst(d.clock)
		a.Summary += others(more, inc.Past)
		a.Causes = drivers(a.Causes, more)
	}
	if page != "" {
		a.Summary += "; " + page
	}
	return a
}

// newestFirst are the members beside the first, those first that were not told of,
// or are told of anew: few are named, and they are why there is a message.
func (inc *incident) newestFirst(clock time.Duration) []*entry {
	told := func(e *entry) bool {
		return e.Told < clock && (e.Rule == inc.Lead && e.Target == inc.LeadOn || slices.ContainsFunc(inc.Alert.Members, func(m alert.Member) bool { return m.Rule == e.Rule && m.Target == e.Target && m.State == alert.Firing }))
	}
	out := slices.Clone(inc.members[1:])
	slices.SortStableFunc(out, func(a, b *entry) int { return first(!told(a), !told(b)) })
	return out
}

// others names the members beside the first, and those that are well again.
func others(more []*entry, past []alert.Member) string {
	const named = 3
	var also, well []string
	for _, e := range more {
		also = append(also, human.Clean(name(e.Rule, e.Target), 80)+e.since()+e.driver())
	}
	for _, m := range past {
		well = append(well, human.Clean(name(m.Rule, m.Target), 80))
	}
	out := ""
	for _, l := range []struct {
		what string
		list []string
	}{{"also ", also}, {"well again: ", well}} {
		if n := len(l.list); n > named {
			l.list = append(l.list[:named:named], fmt.Sprintf("%d more", n-named))
		}
		if len(l.list) > 0 {
			out += "; " + l.what + strings.Join(l.list, ", ")
		}
	}
	return out
}

// driver says what drove an anomaly, as its name does not.
func (e *entry) driver() string {
	if e.Alert.Metric != RankMetric || len(e.Alert.Causes) == 0 {
		return ""
	}
	c := e.Alert.Causes[0]
	return " (" + now(name(c.Metric, human.Clean(c.Target, 60)), c.Value, c.Usual, c.Unit) + ")"
}

// maxDrivers is how many series an alert names as what drove it.
const maxDrivers = 5

// drivers adds the first cause of each further member.
func drivers(causes []alert.Cause, more []*entry) []alert.Cause {
	for _, e := range more {
		if len(causes) >= maxDrivers || len(e.Alert.Causes) == 0 {
			continue
		}
		c := e.Alert.Causes[0]
		if !slices.ContainsFunc(causes, func(have alert.Cause) bool { return have.Metric == c.Metric && have.Target == c.Target }) {
			causes = append(causes, c)
		}
	}
	return causes
}

// over is the alert for an incident whose members are all well again.
func (d *Detector) over(inc *incident) alert.Alert {
	a := inc.Alert
	a.Phase, a.State = alert.PhaseResolved, alert.Resolved
	a.ResolvedAt = d.now
	if d.now.Before(a.StartedAt) {
		a.ResolvedAt = a.StartedAt // the wall clock was set back
	}
	a.ChangedAt = a.ResolvedAt
	took := d.clock - inc.Began
	if inc.Adopted {
		took = a.ResolvedAt.Sub(a.StartedAt)
	}
	if len(inc.Past) > 1 {
		a.Members = slices.Clone(inc.Past)
	}
	a.Summary = "resolved after " + human.Duration(took.Round(time.Second)) + inc.Ended + ": " + once(a.Summary)
	return a
}

// ended says how a member ended, beyond its time.
func (e *entry) ended(why string) string {
	s := ""
	if why != "" {
		s = " (" + why + ")"
	}
	if !math.IsNaN(float64(e.Worst)) && e.Alert.Metric != "" {
		s += ", worst " + human.Value(float64(e.Worst), e.Alert.Unit)
	}
	return s
}
