package detect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// incident is the troubles that belong together: those whose subsystems have to
// do with each other (Dependencies) and that began within together of each
// other. It is told of, updated, escalated and resolved as one.
//
// Its rule and target are those of the member that opened it and never change:
// by them the outbox knows it. The rest of its alerts is of the member that is
// named first.
type incident struct {
	ID      uint64         `json:"id"` // counts from 1; the outbox has its own
	Rule    string         `json:"rule"`
	Target  string         `json:"target,omitempty"`
	Began   time.Duration  `json:"began"`             // clock of the earliest onset
	Newest  time.Duration  `json:"newest"`            // clock at which the newest member joined
	Told    time.Duration  `json:"told"`              // clock of the last alert
	Updates int            `json:"updates,omitempty"` // that had to wait
	Owed    bool           `json:"owed,omitempty"`    // members came or went since
	Adopted bool           `json:"adopted,omitempty"` // Began is not known: the alert's own time counts
	Lead    string         `json:"lead,omitempty"`    // rule of the member named first in the last alert
	LeadOn  string         `json:"lead_on,omitempty"` // its target
	Why     string         `json:"why,omitempty"`     // it became a page
	Ended   string         `json:"ended,omitempty"`   // how the one named first ended
	Past    []alert.Member `json:"past,omitempty"`    // members that are well again, the newest last
	Said    []string       `json:"said,omitempty"`    // rules and their subsystems that were told of
	Named   []string       `json:"named,omitempty"`   // members that were, and what their alerts named first
	Alert   alert.Alert    `json:"alert"`             // the last one told; no schema = none yet

	members []*entry // that fire or clear
	stirred bool     // since tell looked last
}

// Constants of grouping.
const (
	together   = 5 * time.Minute // between the onsets of members
	causeLag   = time.Minute     // a cause may be seen to begin this much after its effect: rules differ in how fast they see
	maxMembers = 64              // past ones; as many as the outbox keeps of all
)

// flap remembers that a (rule, target) resolved lately.
type flap struct {
	Times int           // resolved so often, each within flapMemory of the last
	At    time.Duration // clock of the last time
}

const (
	flapMemory = 10 * time.Minute
	flapMost   = 4
	flapsOften = 3 // times, and what comes back waits
)

// hold is how long it must be well before it counts as resolved: 5 s, and from
// the third time on four times as long as the time before, at most 320 s. So
// what flaps every half minute ends as one long incident instead of hundreds.
func (f flap) hold() time.Duration {
	return leastHold << (2 * max(0, min(f.Times, flapMost)-1))
}

// kind is what a rule is, for escalation.
type kind int

const (
	levelRule kind = iota
	symptomRule
	anomalyRule
)

// symptoms are metrics that show that somebody suffers: pressure stall
// information, probes, the resolver, retransmits, and the OOM killer.
var symptoms = []string{"pressure_", "probe_", "resolver_", "netstat_tcp_retrans", "mem_oom_kills", "cgroup_oom"}

// kindOf tells what a rule is: an anomaly where it is not a threshold.
func kindOf(r Rule) kind {
	t, ok := r.(*Threshold)
	switch {
	case !ok:
		return anomalyRule
	case t.cfg.Statistic == "time_to_full",
		slices.ContainsFunc(symptoms, func(p string) bool { return strings.HasPrefix(t.cfg.Metric, p) }):
		return symptomRule
	}
	return levelRule
}

// subsystem is where a verdict's trouble is.
func (d *Detector) subsystem(v *Verdict) string {
	if v.Subsystem != "" {
		return v.Subsystem
	}
	if s := d.history.Metric(v.Metric).Subsystem; s != "" || len(v.Causes) == 0 {
		return s
	}
	return d.history.Metric(v.Causes[0].Metric).Subsystem
}

// join makes e, which begins to fire, a member of the incident it belongs to,
// or of a new one.
func (d *Detector) join(e *entry) {
	inc := d.home(e)
	if inc == nil {
		d.open(e).stirred = true
		return
	}
	past := len(inc.Past)
	inc.Past = slices.DeleteFunc(inc.Past, func(m alert.Member) bool { return m.Rule == e.Rule && m.Target == e.Target })
	if f := d.flaps[e.key()]; len(inc.Past) < past && (f.Times < flapsOften || d.clock-f.At >= together || !slices.Contains(inc.Named, e.about())) {
		inc.unsaid(e) // it was well, and comes back: news, unless it does so all the time, and of the same series
	}
	inc.Began, inc.Newest, inc.Owed = min(inc.Began, e.Began), d.clock, true
	inc.members = append(inc.members, e)
	e.incident, e.Incident, inc.stirred = inc, inc.ID, true
}

// home is the open incident that e belongs to: the one it was a member of, else
// the oldest that fits; nil where none does.
func (d *Detector) home(e *entry) *incident {
	for _, inc := range d.incidents {
		was := inc.Rule == e.Rule && inc.Target == e.Target
		if was || slices.ContainsFunc(inc.Past, func(m alert.Member) bool { return m.Rule == e.Rule && m.Target == e.Target }) {
			return inc
		}
	}
	if d.opt.Apart {
		return nil
	}
	for _, inc := range d.incidents {
		near := d.clock-inc.Newest <= together || e.Began-inc.Began <= together && inc.Began-e.Began <= together
		if near && slices.ContainsFunc(inc.members, func(m *entry) bool { return related(m.Subsystem, e.Subsystem) }) {
			return inc
		}
	}
	return nil
}

// leave takes e, which is well again, out of its incident; why says why where
// it is not that the values are.
func (d *Detector) leave(e *entry, why string) {
	f := d.flaps[e.key()]
	d.flaps[e.key()] = flap{f.Times + 1, d.clock}
	inc := e.incident
	e.incident, e.Incident = nil, 0
	inc.members = slices.DeleteFunc(inc.members, func(m *entry) bool { return m == e })
	inc.Owed, inc.stirred = true, true
	if inc.Ended == "" || inc.Lead == e.Rule && inc.LeadOn == e.Target {
		inc.Ended = e.ended(why)
	}
	m := e.member()
	m.State = alert.Resolved
	inc.Past = append(inc.Past, m)
	if n := len(inc.Past); n > maxMembers {
		inc.Past = inc.Past[n-maxMembers:]
	}
}

func (e *entry) member() alert.Member {
	return alert.Member{Rule: e.Rule, Target: e.Target, Severity: e.Alert.Severity, State: alert.Firing, Summary: e.summary()}
}

// order sorts members: causes before what they make, then by onset. A cause
// that was seen to begin over a minute after its effect is none.
func order(members []*entry) {
	first := map[string]time.Duration{} // onset in each subsystem
	for _, e := range members {
		if t, ok := first[e.Subsystem]; !ok || e.Began < t {
			first[e.Subsystem] = e.Began
		}
	}
	effect := func(e *entry) int {
		for cause, began := range first {
			if began <= e.Began+causeLag && makes(cause, e.Subsystem) {
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(members, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(effect(a), effect(b)), cmp.Compare(a.Began, b.Began))
	})
}

// severity is the greatest of the members', and why it is more than that: an
// anomaly alone is a warning, and a page only together with a symptom or with
// an anomaly in a second subsystem.
func (d *Detector) severity(members []*entry) (alert.Severity, string) {
	var most alert.Severity
	var odd, symptom *entry
	second := ""
	for _, e := range members {
		if e.Alert.Severity.Rank() > most.Rank() {
			most = e.Alert.Severity
		}
		switch d.kinds[e.Rule] {
		case anomalyRule:
			if odd == nil {
				odd = e
			} else if e.Subsystem != odd.Subsystem {
				second = e.Subsystem
			}
		case symptomRule:
			if symptom == nil {
				symptom = e
			}
		}
	}
	switch {
	case most == alert.Critical || odd == nil:
		return most, ""
	case symptom != nil:
		return alert.Critical, "it is unusual and " + name(symptom.Rule, symptom.Target) + " shows that it hurts"
	case second != "":
		return alert.Critical, odd.Subsystem + " and " + second + " are unusual at once"
	}
	return most, ""
}

func name(rule, target string) string {
	if target == "" {
		return rule
	}
	return rule + " on " + target
}
