package awsfake

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// Evaluate judges every alarm by the periods that ended at or before now, and
// returns those whose state changed, with the new one. It follows "Evaluating an
// alarm" of the CloudWatch user guide: M of the last N datapoints, and what is
// missing counted as TreatMissingData says. (The service looks at a few more
// periods than N where some are missing; this fake does not.)
func (s *Server) Evaluate(now time.Time) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.alarms)) {
		a := s.alarms[name]
		if state := s.judge(a, now); state != a.state {
			a.state, a.since = state, now
			changed[name] = state
		}
	}
	return changed
}

func (s *Server) judge(a *alarm, now time.Time) string {
	n := int(number(a.spec["EvaluationPeriods"]))
	m := int(number(a.spec["DatapointsToAlarm"]))
	if m == 0 {
		m = n
	}
	breaching, missing := 0, 0
	for _, v := range s.datapoints(a.spec, n, now) {
		switch {
		case math.IsNaN(v):
			missing++
		case beyond(v, number(a.spec["Threshold"]), text(a.spec["ComparisonOperator"])):
			breaching++
		}
	}
	switch text(a.spec["TreatMissingData"]) {
	case "breaching":
		breaching += missing
	case "notBreaching":
	case "ignore":
		if missing > 0 && breaching < m {
			return a.state
		}
	default:
		if missing == n {
			return StateInsufficient
		}
		m = min(m, n-missing)
	}
	if breaching >= m {
		return StateAlarm
	}
	return StateOK
}

func beyond(v, threshold float64, operator string) bool {
	switch operator {
	case "GreaterThanThreshold":
		return v > threshold
	case "GreaterThanOrEqualToThreshold":
		return v >= threshold
	case "LessThanThreshold":
		return v < threshold
	}
	return v <= threshold
}

// datapoints returns the last n, oldest first; NaN = missing.
func (s *Server) datapoints(spec cbor.Map, n int, now time.Time) []float64 {
	metrics, isMath := spec["Metrics"].(cbor.List)
	if !isMath {
		statistic := text(spec["Statistic"])
		if statistic == "" {
			statistic = text(spec["ExtendedStatistic"])
		}
		return s.points(spec, statistic, number(spec["Period"]), n, now)
	}
	known := map[string][]float64{}
	for _, item := range metrics {
		m, _ := item.(cbor.Map)
		if stat, ok := m["MetricStat"].(cbor.Map); ok {
			metric, _ := stat["Metric"].(cbor.Map)
			known[text(m["Id"])] = s.points(metric, text(stat["Stat"]), number(stat["Period"]), n, now)
		}
	}
	for _, item := range metrics {
		m, _ := item.(cbor.Map)
		if e := text(m["Expression"]); e != "" {
			return difference(e, known, n)
		}
	}
	return nil
}

func (s *Server) points(m cbor.Map, statistic string, period float64, n int, now time.Time) []float64 {
	dims := map[string]string{}
	list, _ := m["Dimensions"].(cbor.List)
	for _, x := range list {
		d, _ := x.(cbor.Map)
		dims[text(d["Name"])] = text(d["Value"])
	}
	step := time.Duration(period) * time.Second
	end := now.Truncate(step)
	out := make([]float64, n)
	for i := range out {
		to := end.Add(-time.Duration(n-1-i) * step)
		out[i] = statisticOf(s.within(text(m["Namespace"]), text(m["MetricName"]), dims, to.Add(-step), to), statistic)
	}
	return out
}

// differenceForm is the one expression that the agent's alarms use.
var differenceForm = regexp.MustCompile(`^(\w+) - FILL\((\w+), 0\)$`)

// difference evaluates "a - FILL(b, 0)"; another expression has no data.
func difference(expression string, known map[string][]float64, n int) []float64 {
	out := make([]float64, n)
	form := differenceForm.FindStringSubmatch(expression)
	for i := range out {
		if form == nil || known[form[1]] == nil || known[form[2]] == nil {
			out[i] = math.NaN()
			continue
		}
		b := known[form[2]][i]
		if math.IsNaN(b) {
			b = 0
		}
		out[i] = known[form[1]][i] - b
	}
	return out
}
