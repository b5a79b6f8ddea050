package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// describing is what a rule may add: it completes a verdict that becomes an
// alert, so that no text is written for the many that do not.
type describing interface {
	describe(v *Verdict)
}

// describe implements describing.
func (r *Threshold) describe(v *Verdict) {
	v.Summary = r.summary(v)
	v.Causes = []alert.Cause{{Metric: r.cfg.Metric, Target: v.Target, Unit: v.Unit, Value: alert.Number(v.Value), Share: 1}}
}

// summary says what, where, how much against which threshold, for how long.
func (r *Threshold) summary(v *Verdict) string {
	c := &r.cfg
	what := c.Summary
	if what == "" {
		what = c.Name
	}
	on := ""
	if v.Target != "" {
		on = " on " + human.Clean(v.Target, 120)
	}
	over := time.Duration(c.EvaluationPeriods) * c.Period.D()
	side := map[string]string{">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}[c.Comparison]
	if math.IsNaN(v.Value) {
		return fmt.Sprintf("%s%s: %s gives no data for %s", what, on, c.Metric, human.Duration(over))
	}
	figure := c.Metric + " " + human.Value(v.Value, v.Unit)
	switch c.Statistic {
	case "time_to_full":
		within := ""
		if v.Within != nil {
			within = " (" + between(v.Within, v.Unit) + ")"
		}
		figure = fmt.Sprintf("full in %s%s at the pace of the last %s", human.Value(v.Value, v.Unit), within, human.Duration(c.Period.D()))
		return fmt.Sprintf("%s%s: %s, threshold %s", what, on, figure, human.Value(*c.Threshold, v.Unit))
	case "last":
	case "times":
		return fmt.Sprintf("%s%s: %s is %s times what it was in the %s before, threshold %s", what, on, c.Metric, human.Number(v.Value), human.Duration(c.Period.D()), human.Number(*c.Threshold))
	case "rate":
		figure = fmt.Sprintf("%s changes by %s per second", c.Metric, human.Value(v.Value, v.Unit))
	default:
		figure += fmt.Sprintf(" (%s over %s)", c.Statistic, human.Duration(c.Period.D()))
	}
	return fmt.Sprintf("%s%s: %s, %s %s for %s", what, on, figure, side, human.Value(*c.Threshold, v.Unit), human.Duration(over))
}
