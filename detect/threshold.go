package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// Threshold is a rule on one metric; see RuleConfig.
//
// The newest datapoint always ends at the newest slot, so trouble is seen
// within seconds and not at the end of an aligned period. Rules with a period
// over a minute are computed every sixtieth of it.
//
// Clear is judged over the same datapoints as the threshold: what fires
// resolves when fewer than DatapointsToAlarm of them are beyond clear, and that
// for 5 s.
type Threshold struct {
	cfg      RuleConfig
	stat     statistic
	level    *alert.Number // the threshold, shared by all verdicts
	period   int           // slots
	stride   uint64
	changed  uint64
	series   []*Series
	at       uint64 // slot of the verdicts below
	verdicts []Verdict
	within   *alert.Range // interval of the newest datapoint
	buf      []float64
}

// NewThreshold makes the rule; c must be valid.
func NewThreshold(c RuleConfig) (*Threshold, error) {
	if faults := c.Validate(nil); len(faults) > 0 {
		return nil, fmt.Errorf("make rule %q: %s", c.Name, faults[0])
	}
	c = c.withDefaults()
	level := alert.Number(*c.Threshold)
	return &Threshold{cfg: c, stat: statisticByName(c.Statistic), level: &level, changed: math.MaxUint64}, nil
}

// Name implements Rule.
func (r *Threshold) Name() string { return r.cfg.Name }

// Config returns the rule's configuration, defaults filled in.
func (r *Threshold) Config() RuleConfig { return r.cfg }

// prepare asks h for the windows that the rule needs.
func (r *Threshold) prepare(h *History) {
	r.period = h.Slots(r.cfg.Period.D())
	if r.cfg.Statistic == "rate" {
		r.period = max(leastSlope, r.period) // where readings are seconds apart
	}
	r.stride = uint64(max(1, r.period/60))
	h.Need(r.cfg.Metric, h.Interval()*time.Duration(r.period*r.cfg.EvaluationPeriods))
	r.changed = math.MaxUint64
}

// Judge implements Rule.
func (r *Threshold) Judge(h *History) []Verdict {
	if r.period == 0 {
		r.prepare(h)
	}
	if h.Changed() != r.changed {
		r.match(h)
		r.changed = h.Changed()
	} else if h.Age()/r.stride == r.at/r.stride {
		return r.verdicts
	}
	r.at = h.Age()
	r.verdicts = r.verdicts[:0]
	for _, s := range r.series {
		r.verdicts = append(r.verdicts, r.judge(h, s))
	}
	return r.verdicts
}

// match picks the series that the target names: with none named, the host's
// own series where there is one, else all.
func (r *Threshold) match(h *History) {
	r.series = r.series[:0]
	for _, s := range h.Of(r.cfg.Metric) {
		switch {
		case r.cfg.Target == "" && s.Target == "":
			r.series = append(r.series[:0], s)
			return
		case r.cfg.Target == "" || glob(r.cfg.Target, s.Target):
			r.series = append(r.series, s)
		}
	}
}

// judge evaluates M of N datapoints of one series, against the threshold and,
// for a target that may be firing, against clear.
func (r *Threshold) judge(h *History, s *Series) Verdict {
	c := &r.cfg
	v := Verdict{Target: s.Target, Metric: c.Metric, Unit: r.unit(h), Severity: c.Severity, Value: math.NaN(), Threshold: r.level}
	alarm, hold := tally{cfg: c}, tally{cfg: c}
	bad := false // of the newest datapoint
	for i := range c.EvaluationPeriods {
		x, ok := r.datapoint(h, s, i)
		if !ok && uint64((i+1)*r.period) > h.Covered() {
			continue // nobody looked: neither good nor bad nor missing
		}
		if math.IsNaN(v.Value) {
			v.Value, v.Within = x, r.within
		}
		beyond := ok && r.beyond(x, *c.Threshold)
		bad = bad || i == 0 && (beyond || !ok && c.Missing == "breaching")
		alarm.add(i, ok, beyond)
		if c.Clear != nil {
			beyond = ok && r.beyond(x, *c.Clear)
		}
		hold.add(i, ok, beyond)
		if alarm.good() && hold.good() {
			break // older datapoints change nothing: on a healthy host one is enough
		}
	}
	switch v.Level = alarm.level(); {
	case bad && (v.Level == OK || v.Level == Unknown):
		v.Level = Suspect
	case v.Level == OK && hold.level() == Breach:
		v.Level = Unknown // between clear and threshold: whatever was so stays so
	}
	return v
}

// datapoint is the statistic over the i-th newest period. It needs one reading
// where the whole period was watched, so that metrics that come seldom have
// datapoints, and readings in three quarters of its slots where it reaches back over a
// restart or a gap.
func (r *Threshold) datapoint(h *History, s *Series, i int) (float64, bool) {
	end := uint64((i + 1) * r.period)
	if end > h.Age() {
		return math.NaN(), false
	}
	r.buf = h.Window(s, i*r.period, r.period, r.buf[:0])
	if n := len(r.buf); n == 0 || end > h.Covered() && n < (3*r.period+3)/4 {
		return math.NaN(), false
	}
	full := h.Metric(r.cfg.Metric).Max
	if math.IsNaN(full) || full <= 0 {
		full = 100
	}
	if r.cfg.Statistic == "time_to_full" {
		x, early, late := timeToFull(r.buf, h.Interval().Seconds(), full)
		if r.within = nil; !math.IsInf(x, 1) {
			r.within = &alert.Range{Low: alert.Number(early), High: alert.Number(late)}
		}
		return x, !math.IsNaN(x)
	}
	x := r.stat(r.buf, h.Interval().Seconds(), full)
	return x, !math.IsNaN(x)
}

func (r *Threshold) beyond(x, level float64) bool {
	switch r.cfg.Comparison {
	case ">":
		return x > level
	case ">=":
		return x >= level
	case "<":
		return x < level
	}
	return x <= level
}

// unit is that of the statistic: time_to_full is in seconds and times is a
// factor, whatever the metric's own is.
func (r *Threshold) unit(h *History) string {
	switch r.cfg.Statistic {
	case "time_to_full":
		return "Seconds"
	case "times":
		return "None"
	}
	return h.Metric(r.cfg.Metric).Unit
}

// vanished implements vanishing.
func (r *Threshold) vanished(h *History) (int, Level) {
	slots := h.Slots(r.cfg.Period.D() * time.Duration(r.cfg.EvaluationPeriods))
	switch r.cfg.Missing {
	case "breaching":
		return slots, Breach
	case "notBreaching":
		return slots, OK
	case "ignore":
		return slots, Unknown
	}
	return slots, Missing
}

// Rules makes a Threshold of each configuration.
func Rules(configs []RuleConfig) ([]Rule, error) {
	out := make([]Rule, 0, len(configs))
	for _, c := range configs {
		r, err := NewThreshold(c)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
