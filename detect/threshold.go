package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Threshold is a rule on one metric; see RuleConfig.
//
// The newest datapoint always ends at the newest slot, so trouble is seen
// within seconds and not at the end of an aligned period. A datapoint needs
// min(3, slots of a period) readings. Rules that look over more than a minute
// are computed every sixtieth of their period.
type Threshold struct {
	cfg      RuleConfig
	stat     statistic
	period   int // slots
	stride   uint64
	changed  uint64
	series   []*Series
	at       uint64 // slot of the verdicts below
	verdicts []Verdict
	buf      []float64
}

// NewThreshold makes the rule; c must be valid.
func NewThreshold(c RuleConfig) (*Threshold, error) {
	if faults := c.Validate(nil); len(faults) > 0 {
		return nil, fmt.Errorf("make rule %q: %s", c.Name, faults[0])
	}
	c = c.withDefaults()
	return &Threshold{cfg: c, stat: statisticByName(c.Statistic), changed: math.MaxUint64}, nil
}

// Name implements Rule.
func (r *Threshold) Name() string { return r.cfg.Name }

// Config returns the rule's configuration, defaults filled in.
func (r *Threshold) Config() RuleConfig { return r.cfg }

// prepare asks h for the windows that the rule needs.
func (r *Threshold) prepare(h *History) {
	r.period = h.Slots(r.cfg.Period.D())
	r.stride = uint64(max(1, r.period/60))
	h.Need(r.cfg.Metric, r.cfg.Period.D()*time.Duration(r.cfg.EvaluationPeriods))
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
	v := Verdict{Target: s.Target, Metric: c.Metric, Unit: r.unit(h), Severity: c.Severity, Value: math.NaN()}
	bad, held, have, absent, newest := 0, 0, 0, 0, false
	for i := range c.EvaluationPeriods {
		if uint64((i+1)*r.period) > h.Age() {
			break // before the agent's time: neither good nor bad
		}
		x, ok := r.datapoint(h, s, i*r.period)
		if i == 0 {
			v.Value = x
		}
		switch {
		case ok:
			have++
			if r.beyond(x, *c.Threshold) {
				bad++
				newest = newest || i == 0
			}
			if c.Clear != nil && r.beyond(x, *c.Clear) || c.Clear == nil && r.beyond(x, *c.Threshold) {
				held++
			}
		case c.Missing == "breaching":
			have, bad, held = have+1, bad+1, held+1
			newest = newest || i == 0
		case c.Missing == "notBreaching":
			have++
		default:
			absent++
		}
	}
	switch {
	case bad >= c.DatapointsToAlarm:
		v.Level = Breach
	case have == 0 && absent >= c.EvaluationPeriods && c.Missing == "missing":
		v.Level = Missing
	case have == 0 || held >= c.DatapointsToAlarm:
		v.Level = Unknown // no data, or between clear and threshold: whatever was so stays so
	case newest:
		v.Level = Suspect
	case have < c.DatapointsToAlarm && have+absent < c.EvaluationPeriods:
		v.Level = Unknown
	default:
		v.Level = OK
	}
	t := alert.Number(*c.Threshold)
	v.Threshold = &t
	if v.Level == Breach {
		v.Summary = r.summary(s, v)
		v.Causes = []alert.Cause{{Metric: c.Metric, Target: s.Target, Unit: v.Unit, Value: alert.Number(v.Value), Share: 1}}
	}
	return v
}

// datapoint is the statistic over the period that ends back slots ago.
func (r *Threshold) datapoint(h *History, s *Series, back int) (float64, bool) {
	r.buf = h.Window(s, back, r.period, r.buf[:0])
	if len(r.buf) < min(3, r.period) {
		return math.NaN(), false
	}
	full := h.Metric(r.cfg.Metric).Max
	if math.IsNaN(full) || r.cfg.Statistic != "time_to_full" {
		full = 100
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

// unit is that of the statistic: time_to_full is in seconds, whatever the
// metric's own is.
func (r *Threshold) unit(h *History) string {
	if r.cfg.Statistic == "time_to_full" {
		return "Seconds"
	}
	return h.Metric(r.cfg.Metric).Unit
}

// summary says what, where, how much against which threshold, for how long.
func (r *Threshold) summary(s *Series, v Verdict) string {
	c := &r.cfg
	what := c.Summary
	if what == "" {
		what = c.Name
	}
	on := ""
	if s.Target != "" {
		on = " on " + human.Clean(s.Target, 120)
	}
	over := time.Duration(c.EvaluationPeriods) * c.Period.D()
	side := map[string]string{">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}[c.Comparison]
	if math.IsNaN(v.Value) {
		return fmt.Sprintf("%s%s: %s gives no data for %s", what, on, c.Metric, human.Duration(over))
	}
	figure := c.Metric + " " + human.Value(v.Value, v.Unit)
	switch c.Statistic {
	case "time_to_full":
		figure = fmt.Sprintf("full in %s at the pace of the last %s", human.Value(v.Value, v.Unit), human.Duration(c.Period.D()))
		return fmt.Sprintf("%s%s: %s, threshold %s", what, on, figure, human.Value(*c.Threshold, v.Unit))
	case "last":
	case "rate":
		figure = fmt.Sprintf("%s changes by %s per second", c.Metric, human.Value(v.Value, v.Unit))
	default:
		figure += fmt.Sprintf(" (%s over %s)", c.Statistic, human.Duration(c.Period.D()))
	}
	return fmt.Sprintf("%s%s: %s, %s %s for %s", what, on, figure, side, human.Value(*c.Threshold, v.Unit), human.Duration(over))
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

// glob matches s against a pattern in which * stands for any text, slashes
// included, since targets are mount points too.
func glob(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p, i = p+1, i+1
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
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
