package detect

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// checkIncidents refuses incidents that cannot be.
func (s *saved) checkIncidents() error {
	seen := map[uint64]bool{}
	for _, inc := range s.Open {
		if inc == nil || inc.ID == 0 || inc.ID > s.Minted || seen[inc.ID] || inc.Updates < 0 || inc.Rule == "" ||
			inc.Began > s.Clock || inc.Newest > s.Clock || inc.Told > s.Clock || max(len(inc.Past), len(inc.Named)) > maxMembers {
			return errors.New("restore detector state: damaged incident")
		}
		seen[inc.ID] = true
	}
	if len(s.Open) > maxEntries || len(s.Flaps) > 2*maxEntries || s.Minted > maxSlot {
		return errors.New("restore detector state: out of bounds")
	}
	return nil
}

// adoptIncidents takes the incidents of a state, whose entries are in force. An
// entry that fires and is of none, as in the state of an agent that did not
// group, is one of its own.
func (d *Detector) adoptIncidents(s *saved) {
	d.incidents, d.minted = s.Open, s.Minted
	d.flaps = map[key]flap{}
	for _, f := range s.Flaps {
		if f.Times > 0 && f.At <= d.clock {
			d.flaps[key{f.Rule, f.Target}] = flap{f.Times, f.At}
		}
	}
	for _, e := range d.entries {
		if e.Phase != firing && e.Phase != clearing {
			e.Incident = 0
			continue
		}
		if i := slices.IndexFunc(d.incidents, func(inc *incident) bool { return inc.ID == e.Incident }); i >= 0 {
			e.incident = d.incidents[i]
			e.incident.members = append(e.incident.members, e)
			continue
		}
		inc := d.open(e)
		inc.Alert, inc.Lead, inc.LeadOn, inc.Told = e.Alert, e.Rule, e.Target, d.clock
	}
	d.incidents = slices.DeleteFunc(d.incidents, func(inc *incident) bool { return len(inc.members) == 0 })
}

// open makes e the first member of a new incident.
func (d *Detector) open(e *entry) *incident {
	d.minted++
	inc := &incident{ID: d.minted, Rule: e.Rule, Target: e.Target, Began: e.Began, Newest: d.clock, Adopted: e.Adopted}
	d.incidents = append(d.incidents, inc)
	inc.members = append(inc.members, e)
	e.incident, e.Incident = inc, inc.ID
	return inc
}

// Adopt makes the detector agree with what the outbox accepted: an incident
// that is open there is open here with the members that fired, whatever the
// state said, and one that is open here and was never accepted is raised anew.
// The alerts that come back are those that were owed, and resolve what fires by
// a rule that is gone. now is the wall clock, for a detector that has seen no
// frame.
func (d *Detector) Adopt(open []alert.Alert, now time.Time) []alert.Alert {
	if d.now.IsZero() {
		d.now = now
	}
	accepted := map[*incident]bool{}
	for _, a := range open {
		accepted[d.adopt(a)] = true
	}
	for _, inc := range d.incidents {
		if accepted[inc] {
			continue
		}
		for _, e := range inc.members {
			e.Phase, e.incident, e.Incident = pending, nil, 0
		}
		inc.members, inc.Alert = nil, alert.Alert{} // never told: nothing to resolve
	}
	return d.retire(func(name string) bool { _, there := d.kinds[name]; return there })
}

// adopt is the incident of an alert that the outbox holds as firing.
func (d *Detector) adopt(a alert.Alert) *incident {
	// What the outbox adds, it adds anew.
	a.Schema, a.Key, a.Incident, a.Host, a.Labels, a.SilenceCommand, a.Agent = alert.Schema, "", "", "", nil, "", alert.Agent{}
	i := slices.IndexFunc(d.incidents, func(inc *incident) bool { return inc.Rule == a.Rule && inc.Target == a.Target })
	if i >= 0 {
		inc := d.incidents[i]
		if inc.Alert.ChangedAt.After(a.ChangedAt) || inc.Alert.Severity.Rank() > a.Severity.Rank() {
			inc.Owed, inc.Told = true, d.clock-updateEvery<<5 // the last update was not accepted
		}
		inc.Alert, inc.stirred = a, true
		return inc
	}
	var members []alert.Member
	for _, m := range a.Members {
		if m.State != alert.Resolved {
			members = append(members, m)
		}
	}
	if len(members) == 0 {
		members = []alert.Member{{Rule: a.Rule, Target: a.Target, Severity: a.Severity, Summary: a.Summary}}
	}
	var inc *incident
	for _, m := range members {
		e := d.adoptMember(a, m)
		if e.incident != nil {
			continue // it is of another incident already
		}
		if inc == nil {
			inc = d.open(e)
			inc.Rule, inc.Target = a.Rule, a.Target
			inc.Lead, inc.LeadOn = e.Rule, e.Target
			continue
		}
		inc.members = append(inc.members, e)
		e.incident, e.Incident = inc, inc.ID
	}
	if inc == nil { // all of its members have gone on to others: it is over
		inc = &incident{ID: d.minted + 1, Rule: a.Rule, Target: a.Target, Adopted: true}
		d.minted++
		d.incidents = append(d.incidents, inc)
	}
	inc.Alert, inc.Told = a, d.clock
	for _, m := range a.Members {
		if m.State == alert.Resolved && len(inc.Past) < maxMembers {
			inc.Past = append(inc.Past, m)
		}
	}
	return inc
}

// adoptMember is the entry of a member of a, which fires.
func (d *Detector) adoptMember(a alert.Alert, m alert.Member) *entry {
	k := key{m.Rule, m.Target}
	e := d.index[k]
	if e == nil {
		e = &entry{Rule: m.Rule, Target: m.Target, Adopted: true, Began: d.clock, Seen: d.history.slot, Worst: alert.Number(math.NaN()), value: math.NaN()}
		d.index[k] = e
		d.entries = append(d.entries, e)
	}
	if e.Phase != clearing {
		e.Phase = firing
	}
	if len(a.Members) == 0 {
		e.Alert, e.Worst = a, a.Value
	} else if e.Alert.Summary == "" {
		e.Alert = alert.Alert{Schema: alert.Schema, Phase: alert.PhaseFiring, State: alert.Firing, Severity: m.Severity, Rule: m.Rule, Target: m.Target,
			Summary: m.Summary, Value: alert.Number(math.NaN()), StartedAt: a.StartedAt, ChangedAt: a.ChangedAt}
	}
	if e.Subsystem == "" {
		e.Subsystem = d.subsystemOf(m.Rule, a)
	}
	return e
}

// subsystemOf is where the trouble of a rule is, of whose verdict only the alert
// is left.
func (d *Detector) subsystemOf(rule string, a alert.Alert) string {
	for _, r := range d.rules {
		if t, ok := r.(*Threshold); ok && r.Name() == rule {
			return d.history.Metric(t.cfg.Metric).Subsystem
		}
	}
	return d.subsystem(&Verdict{Metric: a.Metric, Causes: a.Causes})
}
