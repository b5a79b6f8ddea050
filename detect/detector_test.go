package detect

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// TestIncidentsAlternate drives a detector with any rule through any sequence
// of values, missing readings, gaps, reloads and kills, some with the state
// lost, some with the last alert not accepted. What the outbox accepts of each
// incident is firing, updates, resolved, firing, …: nothing is ever raised
// or resolved twice, and after enough good data nothing is left open.
func TestIncidentsAlternate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		cfg := RuleConfig{
			Name: "r", Metric: "m", Target: "*", Comparison: ">", Threshold: level(80),
			Statistic:         rapid.SampledFrom([]string{"avg", "max", "last", "p90"}).Draw(rt, "statistic"),
			Period:            seconds(rapid.IntRange(1, 4).Draw(rt, "period")),
			EvaluationPeriods: rapid.IntRange(1, 3).Draw(rt, "n"),
			Missing:           rapid.SampledFrom([]string{"missing", "notBreaching", "breaching"}).Draw(rt, "missing"),
		}
		cfg.DatapointsToAlarm = rapid.IntRange(1, cfg.EvaluationPeriods).Draw(rt, "m")
		if rapid.Bool().Draw(rt, "clear") {
			cfg.Clear = level(40)
		}
		apart := rapid.Bool().Draw(rt, "apart")
		fresh := func() *Detector {
			rules, err := Rules([]RuleConfig{cfg})
			if err != nil {
				rt.Fatal(err)
			}
			return New(rules, Options{Metrics: testMetrics, Apart: apart})
		}
		d, now, first := fresh(), time.Unix(1_790_000_000, 0), true
		open := map[string]alert.Alert{}
		accept := func(alerts []alert.Alert, lose bool) {
			for i, a := range alerts {
				was, isOpen := open[a.Target]
				switch {
				case a.Phase == alert.PhaseFiring && isOpen:
					rt.Fatalf("raised twice: %+v, then %+v", was, a)
				case a.Phase == alert.PhaseResolved && !isOpen:
					rt.Fatalf("resolved what was not open: %+v", a)
				case a.ChangedAt.Before(a.StartedAt) || a.Phase == alert.PhaseResolved && a.ResolvedAt.Before(a.StartedAt):
					rt.Fatalf("times: %+v", a)
				case lose && i == len(alerts)-1: // the agent is killed before the outbox had it
				case a.Phase == alert.PhaseResolved:
					delete(open, a.Target)
				default:
					open[a.Target] = a
				}
			}
		}
		tick := func(values map[string]float64, elapsed time.Duration, lose bool) {
			now = now.Add(elapsed)
			f := collect.Frame{Time: now, Elapsed: elapsed}
			if first {
				f.Elapsed, first = 0, false
			}
			for target, v := range values {
				if !math.IsNaN(v) {
					f.Samples = append(f.Samples, collect.Sample{Metric: "m", Target: target, Value: v})
				}
			}
			accept(d.Observe(f), lose)
		}
		for range rapid.IntRange(5, 80).Draw(rt, "ticks") {
			kind := rapid.IntRange(0, 19).Draw(rt, "kind")
			elapsed := time.Second
			if kind == 0 {
				elapsed = time.Duration(rapid.IntRange(2, 100).Draw(rt, "gap")) * time.Second
			}
			value := func(name string) float64 {
				return rapid.SampledFrom([]float64{0, 0, 60, 100, 100, math.NaN()}).Draw(rt, name)
			}
			kill := kind == 1 || kind == 2
			tick(map[string]float64{"a": value("a"), "b": value("b")}, elapsed, kill && rapid.Bool().Draw(rt, "lose"))
			switch {
			case kill:
				state, err := d.State()
				if err != nil {
					rt.Fatal(err)
				}
				d, first = fresh(), true
				if kind == 1 {
					if err := d.Restore(state); err != nil {
						rt.Fatal(err)
					}
				}
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(rt, "down")) * time.Second)
				var adopted []alert.Alert
				for _, target := range []string{"a", "b"} {
					if a, ok := open[target]; ok {
						adopted = append(adopted, a)
					}
				}
				accept(d.Adopt(adopted, now), false)
			case kind == 3:
				rules, _ := Rules([]RuleConfig{cfg})
				accept(d.SetRules(rules), false)
			}
		}
		for range 400 { // what flapped must be well for 320 s
			tick(map[string]float64{"a": 0, "b": 0}, time.Second, false)
		}
		if len(open) > 0 {
			rt.Fatalf("still open after 400 good seconds: %+v", open)
		}
	})
}
