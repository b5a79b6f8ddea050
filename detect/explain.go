package detect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// explained is the number of series that an alert of one rule names: its own
// and the two of those it has to do with that are farthest from what they
// usually are.
const explained = 3

// oddest is how far outside its usual range, in widths of it, a series must be
// to be named beside another's.
const oddest = 0.5

// explain adds to a verdict that becomes an alert what its series usually are,
// and names up to two others of subsystems that have to do with it: "with
// netstat_tcp_retrans 9.4 /s, usually 0 to 0.3 /s".
func (d *Detector) explain(v *Verdict) {
	v.Causes = slices.Clone(v.Causes)
	for i := range v.Causes {
		c := &v.Causes[i]
		if m := d.norms.byKey[key{c.Metric, c.Target}]; m != nil && c.Usual == nil && !slices.Contains(changing, d.statistic(v, c)) {
			c.Usual, _ = m.usual()
		}
	}
	if len(v.Causes) > 0 && v.Usual == nil && v.Causes[0].Metric == v.Metric {
		if v.Usual = v.Causes[0].Usual; v.Usual != nil {
			v.Summary += ", usually " + between(v.Usual, v.Unit)
		}
	}
	var with []string
	for _, c := range d.companions(v, explained-len(v.Causes)) {
		v.Causes = append(v.Causes, c)
		with = append(with, now(name(c.Metric, human.Clean(c.Target, 60)), c.Value, c.Usual, c.Unit))
	}
	if len(with) > 0 {
		v.Summary += "; with " + strings.Join(with, "; ")
	}
}

func between(r *alert.Range, unit string) string {
	return fmt.Sprintf("%s to %s", human.Value(float64(r.Low), unit), human.Value(float64(r.High), unit))
}

// companions are the at most n series in the verdict's subsystem, and in those
// that make trouble in it, that are oddest now. Of metrics that say the same in
// other words one is named.
func (d *Detector) companions(v *Verdict, n int) []alert.Cause {
	if n <= 0 || d.frame == nil {
		return nil
	}
	home := d.subsystem(v)
	type odd struct {
		alert.Cause
		far float64
	}
	var list []odd
	for i := range d.frame.Samples {
		s := &d.frame.Samples[i]
		if !slices.Contains(telling, s.Metric) || slices.ContainsFunc(v.Causes, func(c alert.Cause) bool { return family(c.Metric) == family(s.Metric) }) {
			continue
		}
		m := d.norms.byKey[key{s.Metric, s.Target}]
		info := d.history.Metric(s.Metric)
		if m == nil || info.Subsystem != home && !makes(info.Subsystem, home) {
			continue
		}
		usual, _ := m.usual()
		if usual == nil || math.IsNaN(s.Value) {
			continue
		}
		if far := beyond(s.Value, usual, leastByUnit(info.Unit)); far > oddest {
			list = append(list, odd{alert.Cause{Metric: s.Metric, Target: s.Target, Unit: info.Unit, Value: alert.Number(s.Value), Usual: usual}, far})
		}
	}
	slices.SortStableFunc(list, func(a, b odd) int { return cmp.Compare(b.far, a.far) })
	var out []alert.Cause
	for _, o := range list {
		if len(out) < n && !slices.ContainsFunc(out, func(c alert.Cause) bool { return family(c.Metric) == family(o.Metric) }) {
			out = append(out, o.Cause)
		}
	}
	return out
}

// family is the part of a metric's name that those share which say the same:
// its first two words, "pressure_io" of pressure_io_some_avg10.
func family(metric string) string {
	words := strings.SplitN(metric, "_", 3)
	return strings.Join(words[:min(2, len(words))], "_")
}

// changing are the statistics whose figure is not one of the metric's own
// values.
var changing = []string{"sum", "rate", "times", "time_to_full"}

// statistic is that of the threshold rule behind a cause; "" where there is
// none.
func (d *Detector) statistic(v *Verdict, c *alert.Cause) string {
	if c.Metric != v.Metric || v.Threshold == nil {
		return ""
	}
	for _, r := range d.rules {
		if t, ok := r.(*Threshold); ok && t.level == v.Threshold {
			return t.cfg.Statistic
		}
	}
	return ""
}

// ill is whether a series' own rule fires: then it is not learnt as usual.
func (d *Detector) ill(k key) bool {
	for _, e := range d.entries {
		if e.Alert.Metric == k.metric && e.Target == k.target && e.Phase != pending {
			return true
		}
	}
	return false
}
