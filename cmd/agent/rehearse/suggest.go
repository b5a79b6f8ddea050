package rehearse

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Suggestion is the least change of a rule that keeps it silent on an input.
type Suggestion struct {
	Rule   detect.RuleConfig `json:"-"`      // as it would be
	Name   string            `json:"rule"`   // its name
	Change string            `json:"change"` // for people; "" where nothing helps
	Before int               `json:"alerts_before"`
	After  int               `json:"alerts_after"`
}

// Suggest looks for the least change of each threshold rule that fired in r:
// a level further out, or a longer look, each a step more, until it is silent.
// All are tried in one further pass over the input. Whether an alert was false
// only a person knows: it is for those that were.
func Suggest(ctx context.Context, in Input, r Result, rules Rules, metrics []collect.Metric, progress func(time.Time)) ([]Suggestion, error) {
	fired := map[string]int{}
	for _, f := range r.Fired {
		fired[f.Rule]++
	}
	known := map[string]collect.Metric{}
	for _, m := range slices.Concat(in.Metrics, metrics) {
		known[m.Name] = m
	}
	off := false
	try := Rules{Anomaly: detect.AnomalyConfig{Enable: &off}}
	var out []Suggestion
	var options [][]option
	for _, rule := range rules.Rules {
		if fired[rule.Name] == 0 {
			continue
		}
		list := changes(rule, known[rule.Metric])
		for i, o := range list {
			o.rule.Name = fmt.Sprintf("c%d-%d", len(out), i)
			try.Rules = append(try.Rules, o.rule)
		}
		out, options = append(out, Suggestion{Name: rule.Name, Rule: rule, Before: fired[rule.Name], After: fired[rule.Name]}), append(options, list)
	}
	if len(try.Rules) == 0 {
		return nil, nil
	}
	tried, err := Run(ctx, in, try, metrics, progress)
	if err != nil || tried.Partial {
		return nil, err // half a look proves nothing
	}
	loud := map[string]bool{}
	for _, f := range tried.Fired {
		loud[f.Rule] = true
	}
	for i, list := range options {
		for j, o := range list {
			if !loud[fmt.Sprintf("c%d-%d", i, j)] {
				o.rule.Name = out[i].Name
				out[i].Rule, out[i].Change, out[i].After = o.rule, o.change, 0
				break
			}
		}
	}
	return out, nil
}

// option is one change that may help.
type option struct {
	rule   detect.RuleConfig
	change string
}

// changes lists what may keep a rule silent, the least first: levels and longer
// looks in turn.
func changes(r detect.RuleConfig, m collect.Metric) []option {
	var out []option
	levels, looks := further(r, m), longer(r)
	for i := range max(len(levels), len(looks)) {
		for _, list := range [][]option{levels, looks} {
			if i < len(list) && len(list[i].rule.Validate([]collect.Metric{m})) == 0 {
				out = append(out, list[i])
			}
		}
	}
	return out
}

// further are levels beyond the threshold: towards the bound of the metric
// where it has one, else by multiples.
func further(r detect.RuleConfig, m collect.Metric) []option {
	t := *r.Threshold
	up := r.Comparison == ">" || r.Comparison == ">="
	bound := m.Max
	if !up {
		bound = m.Min
	}
	raw := !slices.Contains([]string{"sum", "rate", "times", "time_to_full"}, r.Statistic)
	var levels []float64
	switch {
	case raw && !math.IsNaN(bound) && (up || bound != 0):
		for _, part := range []float64{0.1, 0.2, 0.35, 0.5, 0.65, 0.8} {
			levels = append(levels, t+(bound-t)*part)
		}
	case up && t > 0:
		for _, times := range []float64{1.1, 1.25, 1.5, 2, 3, 5, 10} {
			levels = append(levels, t*times)
		}
	case !up && t > 0:
		for _, times := range []float64{0.9, 0.75, 0.5, 0.33, 0.2, 0.1} {
			levels = append(levels, t*times)
		}
	}
	var out []option
	for _, level := range levels {
		level = round(level, up)
		o := option{rule: r, change: fmt.Sprintf("threshold %s instead of %s", number(level), number(t))}
		if r.Clear != nil {
			moved := round(*r.Clear+level-t, up)
			if (*r.Clear > 0) != (moved > 0) {
				moved = level
			}
			o.rule.Clear = &moved
		}
		o.rule.Threshold = &level
		out = append(out, o)
	}
	return out
}

// longer looks back over more datapoints, and wants the same share of them.
func longer(r detect.RuleConfig) []option {
	t, err := detect.NewThreshold(r)
	if err != nil {
		return nil
	}
	full := t.Config()
	var out []option
	for _, times := range []int{2, 3, 5, 10, 20} {
		o := option{rule: r}
		n := full.EvaluationPeriods * times
		o.rule.For, o.rule.EvaluationPeriods = 0, n
		if full.DatapointsToAlarm < full.EvaluationPeriods || r.DatapointsToAlarm != 0 {
			o.rule.DatapointsToAlarm = full.DatapointsToAlarm * times
		}
		o.change = fmt.Sprintf("evaluation_periods %d instead of %d", n, full.EvaluationPeriods)
		if r.For != 0 {
			o.rule.For, o.rule.EvaluationPeriods = r.For*conf.Duration(times), 0
			o.change = fmt.Sprintf("for %s instead of %s", o.rule.For, r.For)
		}
		out = append(out, o)
	}
	return out
}

// round keeps three digits, away from the threshold.
func round(v float64, up bool) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-2)
	n := v / unit
	if n = math.Floor(n); up {
		n = math.Ceil(v / unit)
	}
	x, _ := strconv.ParseFloat(strconv.FormatFloat(n*unit, 'g', 3, 64), 64)
	return x
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
