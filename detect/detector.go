package detect

import (
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// Options configure a Detector.
type Options struct {
	Interval time.Duration    // of the tick; default 1 s
	Metrics  []collect.Metric // what the collectors can give, with units and bounds
	Apart    bool             // each (rule, target) is an incident of its own: for back-tests and rule tests, which judge rules
}

// maxEntries bounds the targets that are anything but quiet at once.
const maxEntries = 1000

// maxAway is the longest time between two runs that counts; more is taken for a
// clock that was wrong.
const maxAway = 30 * 24 * time.Hour

// Detector judges each frame by its rules and tells of changes.
//
// Observe is a function of the frames seen since New (or Restore): no clock,
// no I/O. It is not safe for concurrent use.
type Detector struct {
	opt     Options
	history *History
	rules   []Rule
	entries []*entry
	index   map[key]*entry
	clock   time.Duration   // sum of Frame.Elapsed
	now     time.Time       // of the newest frame
	dropped uint64          // troubles beyond maxEntries
	kinds   map[string]kind // by rule

	incidents []*incident // open, in the order in which they began
	minted    uint64      // the newest incident's ID
	flaps     map[key]flap
	norms     *norms
	frame     *collect.Frame // the newest, while it is observed
}

// entry is a (rule, target) that is not quiet.
type entry struct {
	Rule    string        `json:"rule"`
	Target  string        `json:"target"`
	Phase   phase         `json:"phase"`
	Began   time.Duration `json:"began"` // clock when the trouble began
	Well    time.Duration `json:"well"`  // clock when it was first well again
	Seen    uint64        `json:"seen"`  // slot of the last verdict
	Worst   alert.Number  `json:"worst"`
	Gone    string        `json:"gone,omitempty"`    // clearing, and why, where that is not for its values
	Adopted bool          `json:"adopted,omitempty"` // Began is not known: the alert's own time counts
	Alert   alert.Alert   `json:"alert"`             // as it was raised, of this member alone

	Incident  uint64 `json:"incident,omitempty"` // ID, while it fires or clears
	Subsystem string `json:"subsystem,omitempty"`

	Back  time.Duration `json:"back,omitempty"`  // clock when it came back, after it was well for a while
	Told  time.Duration `json:"told,omitempty"`  // clock when that, or what was new in it, was told
	Times int           `json:"times,omitempty"` // that it was told to be back

	incident *incident
	value    float64 // newest
}

func (e *entry) key() key { return key{e.Rule, e.Target} }

// New makes a Detector. Rules must have different names.
func New(rules []Rule, o Options) *Detector {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	d := &Detector{opt: o, history: NewHistory(o.Interval, o.Metrics), index: map[key]*entry{}, flaps: map[key]flap{}, norms: newNorms()}
	d.use(rules)
	return d
}

func (d *Detector) use(rules []Rule) {
	d.rules = rules
	d.kinds = make(map[string]kind, len(rules))
	d.norms.use(rules)
	d.history.forget()
	for _, r := range rules {
		d.kinds[r.Name()] = kindOf(r)
		if p, ok := r.(interface{ prepare(*History) }); ok {
			p.prepare(d.history)
		}
	}
	d.history.settle()
}

// Observe takes one frame and returns the alerts that it causes, in the order
// in which their incidents began.
func (d *Detector) Observe(f collect.Frame) []alert.Alert {
	if f.Elapsed == 0 && !d.now.IsZero() {
		// The first frame of a run: the agent was away for the time between.
		f.Elapsed = min(max(0, f.Time.Sub(d.now)), maxAway)
	}
	d.clock += f.Elapsed
	d.now = f.Time
	d.history.Observe(f)
	d.frame = &f
	trouble := d.trouble()
	for _, r := range d.rules {
		if a, ok := r.(*Anomaly); ok {
			a.amid = trouble
		}
		verdicts := r.Judge(d.history)
		for i := range verdicts {
			d.apply(r, &verdicts[i])
		}
		d.absent(r)
	}
	out := d.tell()
	d.forget()
	d.norms.observe(d.clock, &f, d.ill)
	d.frame = nil
	return out
}

// newTrouble is for how long what a host is like in trouble is not learnt.
const newTrouble = time.Hour

// trouble is whether a threshold of a warning or worse fires that did not an hour ago.
func (d *Detector) trouble() bool {
	return slices.ContainsFunc(d.entries, func(e *entry) bool {
		return (e.Phase == firing || e.Phase == clearing) && d.kinds[e.Rule] != anomalyRule && e.Alert.Severity.Rank() >= alert.Warning.Rank() && d.clock-e.Began < newTrouble
	})
}

// apply moves one target by its verdict.
func (d *Detector) apply(r Rule, v *Verdict) {
	e := d.index[key{r.Name(), v.Target}]
	if e == nil {
		if v.Level != Suspect && v.Level != Breach {
			return
		}
		if len(d.entries) >= maxEntries {
			d.dropped++
			return
		}
		e = &entry{Rule: r.Name(), Target: v.Target, Phase: quiet, Began: d.clock, Worst: alert.Number(v.Value)}
		e.Alert.StartedAt = d.now
		d.index[key{e.Rule, e.Target}] = e
		d.entries = append(d.entries, e)
	}
	e.Seen = d.history.Age()
	d.move(r, e, v)
}

// move steps an entry and lets its incident know.
func (d *Detector) move(r Rule, e *entry, v *Verdict) {
	if well := v.Level == OK || v.Level == Missing; well && e.Phase == firing {
		e.Well, e.Gone = d.clock, v.Ended
		if v.Level == Missing {
			e.Gone = "it is no longer measured"
			if x, ok := r.(interface{ gone() string }); ok {
				e.Gone = x.gone()
			}
		}
	}
	if v.Level == Breach {
		e.Worst = worst(e.Worst, v)
	}
	e.value = v.Value
	next, what := step(e.Phase, v.Level, d.clock-e.Well, d.flaps[e.key()].hold())
	e.comeBack(next, d.clock)
	e.Phase = next
	switch {
	case what == fired:
		e.Alert = d.firing(r, e, v)
		e.Subsystem = d.subsystem(v)
		d.join(e)
		d.name(e, e.Began, false)
	case what == resolved:
		d.leave(e, e.Gone)
	case v.Level == Breach:
		news := v.News || e.again(d.clock)
		if !news && v.Severity.Rank() <= e.Alert.Severity.Rank() {
			break
		}
		e.Alert = d.firing(r, e, v)
		e.incident.stirred = true
		if news {
			d.renew(e)
		}
	}
}

// worst keeps the value that is farther beyond the threshold, on the side on
// which the trouble began.
func worst(w alert.Number, v *Verdict) alert.Number {
	x := alert.Number(v.Value)
	switch {
	case math.IsNaN(float64(w)) || v.Threshold == nil:
		return x
	case math.IsNaN(v.Value):
		return w
	case w >= *v.Threshold:
		return max(w, x)
	}
	return min(w, x)
}

// firing is the alert for an entry that starts to fire, or grows worse.
func (d *Detector) firing(r Rule, e *entry, v *Verdict) alert.Alert {
	if x, ok := r.(describing); ok && v.Summary == "" {
		x.describe(v)
	}
	d.explain(v)
	return alert.Alert{
		Schema: alert.Schema, Phase: alert.PhaseFiring, Severity: v.Severity, State: alert.Firing,
		Rule: e.Rule, Target: e.Target, Metric: v.Metric, Unit: v.Unit, Value: alert.Number(v.Value),
		Threshold: v.Threshold, Usual: v.Usual, Summary: v.Summary, Causes: v.Causes,
		StartedAt: e.Alert.StartedAt, ChangedAt: d.now,
	}
}

// absent deals with targets that a rule says nothing of any more: their series
// are gone. After the rule's look-back its missing setting decides.
func (d *Detector) absent(r Rule) {
	now := d.history.Age()
	for _, e := range d.entries {
		if e.Rule != r.Name() || e.Seen == now {
			continue
		}
		slots, becomes := d.history.Slots(5*time.Minute), Missing
		if x, ok := r.(vanishing); ok {
			slots, becomes = x.vanished(d.history)
		}
		if min(now-e.Seen, d.history.Covered()) < uint64(slots) {
			continue // not that long, or nobody looked that long
		}
		v := Verdict{Target: e.Target, Level: becomes, Severity: e.Alert.Severity, Metric: e.Alert.Metric, Unit: e.Alert.Unit,
			Value: math.NaN(), Threshold: e.Alert.Threshold, Summary: e.Rule + ": its series is no longer measured"}
		d.move(r, e, &v)
	}
}

// forget drops entries that are quiet again, and flapping that is long past.
func (d *Detector) forget() {
	for k, f := range d.flaps {
		if d.index[k] == nil && d.clock-f.At > flapMemory {
			delete(d.flaps, k)
		}
	}
	d.entries = slices.DeleteFunc(d.entries, func(e *entry) bool {
		if e.Phase == quiet {
			delete(d.index, key{e.Rule, e.Target})
			return true
		}
		return false
	})
}

// SetRules replaces the rules. Rules of the same name go on where they were;
// what fires by a rule that is gone is resolved, and the alerts that say so
// come back.
func (d *Detector) SetRules(rules []Rule) []alert.Alert {
	rules = slices.Clone(rules)
	for i, r := range rules {
		for _, old := range d.rules {
			if l, ok := r.(interface{ sameAs(Rule) bool }); ok && l.sameAs(old) {
				rules[i] = old // it goes on with what it learnt
			}
		}
	}
	d.use(rules)
	return d.retire(func(name string) bool {
		return slices.ContainsFunc(rules, func(r Rule) bool { return r.Name() == name })
	})
}

// retire resolves and forgets the entries whose rule is not there.
func (d *Detector) retire(there func(rule string) bool) []alert.Alert {
	for _, e := range d.entries {
		if there(e.Rule) {
			continue
		}
		if e.Phase == firing || e.Phase == clearing {
			d.leave(e, "rule removed")
		}
		e.Phase = quiet
	}
	out := d.tell()
	d.forget()
	return out
}
