package cloudwatch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/alert"
)

// StateMetric is the metric that Sink and Publisher keep: 1 while a rule fires on
// a target, 0 when it ended. Its dimensions are host, rule and target; never an
// incident's id, since each value of a dimension is a metric that costs.
//
// Sink tells each change at once, and Publisher the state of each minute while it
// lasts: an alarm that looks at the last minutes sees what still fires, and a
// value that was lost is there again a minute later. It is a state and no count:
// the same request twice changes no average, minimum or maximum.
const StateMetric = "firewatch_alert_state"

// maxStates bounds the states of one alert or minute.
const maxStates = 200

// origin is what a state is of.
type origin struct{ rule, target string }

// states are those of every member of the alert's incident, its own rule and
// target first. Once the incident is over, all of them are 0. A digest has none of
// its own: its members are incidents.
func states(a alert.Alert) (order []origin, value map[origin]float64) {
	value = map[origin]float64{}
	set := func(rule, target string, s alert.State) {
		k := origin{rule, target}
		if _, known := value[k]; !known {
			if len(order) == maxStates {
				return
			}
			order = append(order, k)
			value[k] = 0
		}
		if s == alert.Firing && (a.State == alert.Firing || a.Phase == alert.PhaseDigest) {
			value[k] = 1
		}
	}
	if a.Phase != alert.PhaseDigest {
		own := a.State
		for _, m := range a.Members {
			if m.Rule == a.Rule && m.Target == a.Target {
				own = m.State // the first member may be well while others fire
			}
		}
		set(a.Rule, a.Target, own)
	}
	for _, m := range a.Members {
		set(m.Rule, m.Target, m.State)
	}
	if len(order) == 0 {
		set(a.Rule, a.Target, a.State)
	}
	return order, value
}

// stateDatum is one state; a zero time leaves it to CloudWatch.
func stateDatum(host string, k origin, value float64, at time.Time) types.MetricDatum {
	d := types.MetricDatum{
		MetricName: aws.String(StateMetric), Unit: types.StandardUnitNone, Value: aws.Float64(value),
		Dimensions: dimensions("host", host, "rule", k.rule, "target", k.target),
	}
	if !at.IsZero() {
		d.Timestamp = aws.Time(at)
	}
	return d
}

// repeat gives a minute that ended its states: 1 for what fires, and 0 for what
// fired a minute before and does no more, so that a member which is well again is
// known to be before its incident tells of it. p.mu is held.
func (p *Publisher) repeat(g *gather, firing []alert.Member) {
	if p.o.Firing == nil || g.first.IsZero() {
		return
	}
	now := map[origin]bool{}
	for _, m := range firing {
		if k := (origin{m.Rule, m.Target}); !now[k] && len(now) < maxStates {
			now[k] = true
			g.states = append(g.states, stateDatum(p.o.Host, k, 1, g.start))
		}
	}
	for k := range p.fired {
		if !now[k] {
			g.states = append(g.states, stateDatum(p.o.Host, k, 0, g.start))
		}
	}
	p.fired = now
}
