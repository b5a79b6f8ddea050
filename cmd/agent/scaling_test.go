package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
)

// The members of Auto Scaling's PutScalingPolicy and CloudWatch's PutMetricAlarm
// that packaging/scaling uses; another one is a mistake.
type (
	dimension     struct{ Name, Value string }
	scalingPolicy struct {
		AutoScalingGroupName, PolicyName, PolicyType, AdjustmentType, MetricAggregationType string
		MinAdjustmentMagnitude, EstimatedInstanceWarmup                                     int
		StepAdjustments                                                                     []struct {
			MetricIntervalLowerBound, MetricIntervalUpperBound *float64
			ScalingAdjustment                                  float64
		}
		TargetTrackingConfiguration struct {
			CustomizedMetricSpecification struct {
				Namespace, MetricName, Statistic, Unit string
				Dimensions                             []dimension
			}
			TargetValue float64
		}
	}
	scalingAlarm struct {
		AlarmName, AlarmDescription, Namespace, MetricName, Statistic, Unit, ComparisonOperator, TreatMissingData string
		AlarmActions                                                                                              []string
		Dimensions                                                                                                []dimension
		Period, EvaluationPeriods, DatapointsToAlarm                                                              int
		Threshold                                                                                                 float64
	}
)

func packaged[T any](t *testing.T, name string) T {
	t.Helper()
	var v T
	f, err := os.Open(filepath.Join("../../packaging/scaling", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// group is an Auto Scaling group by the minute. The load is in hosts that it
// would keep wholly busy; a host serves after two minutes and counts as warm after
// its policy's warm-up ("Step and simple scaling policies" and "Target tracking
// scaling policies" of the user guide).
type group struct {
	ages   []int // of each host, minutes since it was launched
	seen   []float64
	chance *rand.Rand
	sizes  []int
}

const bootMinutes = 2

func newGroup(hosts int) *group {
	g := &group{chance: rand.New(rand.NewPCG(1, 2))}
	for range hosts {
		g.ages = append(g.ages, 1000)
	}
	return g
}

// minute lets a minute pass and keeps the average of the hosts that serve, in
// percent, with some noise.
func (g *group) minute(load float64) {
	serving := 0
	for i := range g.ages {
		if g.ages[i]++; g.ages[i] >= bootMinutes {
			serving++
		}
	}
	busy := 100 * load / float64(serving) * (1 + 0.04*g.chance.NormFloat64())
	g.seen = append(g.seen, min(100, busy))
	g.sizes = append(g.sizes, len(g.ages))
}

func (g *group) warm(warmup int) (n int) {
	for _, age := range g.ages {
		if age*60 >= warmup {
			n++
		}
	}
	return n
}

// last reports whether all of the last n minutes are as f says.
func (g *group) last(n int, f func(float64) bool) bool {
	if len(g.seen) < n {
		return false
	}
	for _, v := range g.seen[len(g.seen)-n:] {
		if !f(v) {
			return false
		}
	}
	return true
}

func (g *group) resize(n int) {
	for n = max(n, 1); len(g.ages) < n; {
		g.ages = append(g.ages, 0)
	}
	g.ages = g.ages[:n]
}

// track is target tracking: out after three minutes above the target, by
// proportion; in after fifteen below nine tenths of it, and not while hosts warm
// up. AWS says only that it shrinks with more care than it grows: here to what the
// greatest load of these fifteen minutes needs.
func (g *group) track(p scalingPolicy) {
	target, now := p.TargetTrackingConfiguration.TargetValue, g.seen[len(g.seen)-1]
	warm := g.warm(p.EstimatedInstanceWarmup)
	want := int(math.Ceil(float64(warm) * now / target))
	switch {
	case g.last(3, func(v float64) bool { return v > target }) && want > len(g.ages):
		g.resize(want)
	case g.last(15, func(v float64) bool { return v < 0.9*target }) && warm == len(g.ages):
		need := 0.0
		for i := len(g.seen) - 15; i < len(g.seen); i++ {
			need = max(need, float64(g.sizes[i])*g.seen[i]/target)
		}
		g.resize(min(warm, int(math.Ceil(need))))
	}
}

// step is step scaling: an alarm's breach picks the step, each minute while it
// lasts, and hosts that warm up count as already added.
func (g *group) step(a scalingAlarm, p scalingPolicy) {
	above := a.ComparisonOperator == "GreaterThanThreshold"
	if !g.last(a.EvaluationPeriods, func(v float64) bool { return (v > a.Threshold) == above }) {
		return
	}
	breach := g.seen[len(g.seen)-1] - a.Threshold
	for _, s := range p.StepAdjustments {
		if s.MetricIntervalLowerBound != nil && breach < *s.MetricIntervalLowerBound || s.MetricIntervalUpperBound != nil && breach > *s.MetricIntervalUpperBound {
			continue
		}
		warm := g.warm(p.EstimatedInstanceWarmup)
		by := int(float64(warm) * s.ScalingAdjustment / 100) // towards zero, then at least the magnitude
		if above {
			g.resize(max(len(g.ages), warm+max(by, p.MinAdjustmentMagnitude)))
		} else if warm == len(g.ages) {
			g.resize(warm + min(by, -p.MinAdjustmentMagnitude))
		}
		return
	}
}

// doubling runs an hour of a load, three hours of twice as much and six of the
// first again. peak is the greatest load
// of a host from half an hour after the doubling on, in percent.
func doubling(load float64, hosts int, act func(*group)) (g *group, peak float64, turns int) {
	g = newGroup(hosts)
	var at []float64
	for m := range 600 {
		l := load
		if m >= 60 && m < 240 {
			l *= 2
		}
		g.minute(l)
		at = append(at, l)
		act(g)
	}
	for m := 90; m < 240; m++ {
		peak = max(peak, 100*at[m]/float64(g.sizes[m]))
	}
	return g, peak, turnsOf(g.sizes)
}

// turnsOf counts how often a size changes its way, beyond one host and a tenth of
// the fleet: hunting by one host is none.
func turnsOf(sizes []int) (turns int) {
	low, high, way := sizes[0], sizes[0], 0
	for _, n := range sizes {
		low, high = min(low, n), max(high, n)
		bound := max(2, high/10+1)
		switch {
		case way <= 0 && n-low >= bound:
			way, high, turns = 1, n, turns+1
		case way >= 0 && high-n >= bound:
			way, low, turns = -1, n, turns+1
		}
		if way > 0 {
			low = n
		} else if way < 0 {
			high = n
		}
	}
	return turns
}

// TestScalingDoesNotOscillate: with the policies of packaging/scaling a fleet whose
// load doubles grows, is no longer overloaded within half an hour, and shrinks when
// the load is over: two turns at most. With a scale-in that is too eager the same
// simulation goes to and fro, so it can see it.
func TestScalingDoesNotOscillate(t *testing.T) {
	cpu, out, in := packaged[scalingPolicy](t, "cpu-target-tracking.json"), packaged[scalingPolicy](t, "saturation-out.json"), packaged[scalingPolicy](t, "saturation-in.json")
	high, low := packaged[scalingAlarm](t, "alarm-high.json"), packaged[scalingAlarm](t, "alarm-low.json")
	steps := func(low scalingAlarm) func(*group) {
		return func(g *group) { g.step(high, out); g.step(low, in) }
	}
	for _, hosts := range []int{2, 4, 10, 40} {
		for name, act := range map[string]func(*group){"target tracking": func(g *group) { g.track(cpu) }, "step scaling": steps(low)} {
			g, peak, turns := doubling(0.5*float64(hosts), hosts, act)
			most := 0
			for _, n := range g.sizes {
				most = max(most, n)
			}
			t.Logf("%s, %d hosts: at most %d, %d at the end, %.0f %% busy under twice the load, %d turns", name, hosts, most, len(g.ages), peak, turns)
			if turns > 2 || peak > 80 || most > 2*hosts || len(g.ages) > 2*hosts || len(g.ages) < hosts/2 || most <= hosts {
				t.Errorf("%s, %d hosts: sizes %v", name, hosts, g.sizes)
			}
		}
	}
	eager := low
	eager.Threshold = 70
	if _, _, turns := doubling(5, 10, steps(eager)); turns <= 4 {
		t.Errorf("%d turns with a scale-in at %g %%: the simulation sees no oscillation", turns, eager.Threshold)
	}
}

// TestScalingNamesWhatIsPublished: namespace, metric and dimension are those that
// the agent publishes with aggregation_dimensions = [["AutoScalingGroupName"]].
func TestScalingNamesWhatIsPublished(t *testing.T) {
	m := packaged[scalingPolicy](t, "cpu-target-tracking.json").TargetTrackingConfiguration.CustomizedMetricSpecification
	high, low := packaged[scalingAlarm](t, "alarm-high.json"), packaged[scalingAlarm](t, "alarm-low.json")
	units := map[string]string{}
	for _, metric := range config.Metrics() {
		units[metric.Name] = metric.Unit
	}
	for _, c := range []struct {
		namespace, metric, unit, want string
		dims                          []dimension
	}{{m.Namespace, m.MetricName, m.Unit, "cpu_usage_active", m.Dimensions}, {high.Namespace, high.MetricName, high.Unit, "host_saturation", high.Dimensions}, {low.Namespace, low.MetricName, low.Unit, "host_saturation", low.Dimensions}} {
		if c.namespace != "CWAgent" || c.metric != c.want || c.unit != units[c.metric] || len(c.dims) != 1 || c.dims[0].Name != "AutoScalingGroupName" {
			t.Errorf("%+v", c)
		}
	}
}
