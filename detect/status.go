package detect

import (
	"cmp"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// RuleStatus is how one rule is, for people; a rule with trouble on several
// targets comes once for each.
type RuleStatus struct {
	Rule      string         `json:"rule"`
	Target    string         `json:"target,omitempty"`
	State     string         `json:"state"` // quiet, pending, firing, clearing, "no data", or what the rule says of itself
	Since     time.Time      `json:"since,omitzero"`
	Severity  alert.Severity `json:"severity,omitempty"` // of what fires
	Metric    string         `json:"metric,omitempty"`
	Unit      string         `json:"unit,omitempty"`
	Value     *alert.Number  `json:"value,omitempty"`     // the newest
	Threshold *alert.Number  `json:"threshold,omitempty"` // null where there is none
	Summary   string         `json:"summary,omitempty"`   // of what fires
}

// Status lists every rule in order: its targets that are not quiet, else one
// line.
func (d *Detector) Status() []RuleStatus {
	var out []RuleStatus
	for _, r := range d.rules {
		state := string(quiet)
		if s, ok := r.(interface{ state(*History) string }); ok {
			state = s.state(d.history)
		}
		n := len(out)
		if out = d.targets(out, r, func(*entry) bool { return true }); len(out) == n {
			out = append(out, RuleStatus{Rule: r.Name(), State: state})
		}
	}
	return out
}

// targets appends those of a rule, in order, that are wanted.
func (d *Detector) targets(out []RuleStatus, r Rule, want func(*entry) bool) []RuleStatus {
	n := len(out)
	for _, e := range d.entries {
		if e.Rule == r.Name() && want(e) {
			out = append(out, e.status())
		}
	}
	slices.SortFunc(out[n:], func(a, b RuleStatus) int { return cmp.Compare(a.Target, b.Target) })
	return out
}

// Firing lists what fires now: (rule, target), since when, how bad.
func (d *Detector) Firing() []RuleStatus {
	var out []RuleStatus
	for _, r := range d.rules {
		out = d.targets(out, r, func(e *entry) bool { return e.Phase == firing || e.Phase == clearing })
	}
	return out
}

// Unusual lists how unusual the newest row is by the rules that learn: Value is
// the score, and beyond Threshold they fire. A rule that still learns gives
// none.
func (d *Detector) Unusual() []RuleStatus {
	var out []RuleStatus
	for _, r := range d.rules {
		a, ok := r.(interface{ judged() []Verdict })
		if !ok {
			continue
		}
		for _, v := range a.judged() {
			score := alert.Number(v.Value)
			out = append(out, RuleStatus{Rule: r.Name(), Target: v.Target, Metric: v.Metric, Unit: v.Unit, Value: &score, Threshold: v.Threshold})
		}
	}
	return out
}

// judged implements what Unusual asks a rule for.
func (a *Anomaly) judged() []Verdict { return a.verdict }

// Open returns the newest alert of each incident that is open.
func (d *Detector) Open() []alert.Alert {
	var out []alert.Alert
	for _, inc := range d.incidents {
		out = append(out, inc.Alert)
	}
	return out
}

// Dropped counts the samples that found no room in the windows and the troubles
// that found none among those open at once, 1000.
func (d *Detector) Dropped() (samples, troubles uint64) {
	return d.history.Dropped(), d.dropped
}

// Usual is the range of the middle 96 % of what a series has been over the last
// 14 days; nil where it is not one of those that are learnt, or with fewer than
// 30 readings of it, 5 min.
func (d *Detector) Usual(metric, target string) *alert.Range {
	n := d.norms.byKey[key{metric, target}]
	if n == nil {
		return nil
	}
	usual, _ := n.usual()
	return usual
}

func (e *entry) status() RuleStatus {
	value := alert.Number(e.value)
	return RuleStatus{Rule: e.Rule, Target: e.Target, State: string(e.Phase), Since: e.Alert.StartedAt, Severity: e.Alert.Severity,
		Metric: e.Alert.Metric, Unit: e.Alert.Unit, Value: &value, Threshold: e.Alert.Threshold, Summary: e.Alert.Summary}
}

// state implements what Status asks a rule for.
func (r *Threshold) state(h *History) string {
	if len(h.Of(r.cfg.Metric)) == 0 {
		return "no data"
	}
	return string(quiet)
}
