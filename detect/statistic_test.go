package detect

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestTimeToFullSurvivesSawTeeth: log rotation and a WAL fill nothing, whenever
// one looks; steady growth does, and the interval holds what comes.
func TestTimeToFullSurvivesSawTeeth(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	saw := func(period, from int) []float64 {
		v := make([]float64, 1800)
		for i := range v {
			v[i] = 40 + 10*float64((from+i)%period)/float64(period) + 0.05*rng.NormFloat64()
		}
		return v
	}
	for _, period := range []int{60, 300, 600, 900} {
		for from := 0; from < period; from += 37 {
			if x, _, _ := timeToFull(saw(period, from), 1, 100); !math.IsInf(x, 1) {
				t.Errorf("a tooth of %d s, %d s into it: full in %.0f s", period, from, x)
			}
		}
	}
	grows := make([]float64, 1800)
	for i := range grows {
		grows[i] = 40 + 0.01*float64(i) + 10*float64(i%300)/300*0.05 + 0.02*rng.NormFloat64()
	}
	truth := (100 - grows[1799]) / 0.01
	if x, early, late := timeToFull(grows, 1, 100); math.Abs(x-truth) > truth/20 || early > truth || late < truth || late > 1.2*truth {
		t.Errorf("full in %.0f s (%.0f to %.0f), in truth %.0f", x, early, late, truth)
	}
}

// TestRateOfFew: a rule for a rate has three readings to go by, however far apart.
func TestRateOfFew(t *testing.T) {
	t.Parallel()
	limit := 12.0
	r, err := NewThreshold(RuleConfig{Name: "r", Metric: "m", Statistic: "rate", Period: seconds(6), Comparison: ">", Threshold: &limit, EvaluationPeriods: 3})
	if err != nil {
		t.Fatal(err)
	}
	d := New([]Rule{r}, Options{Interval: 5 * time.Second, Metrics: []collect.Metric{{Name: "m", Unit: "Count"}}})
	now, told := time.Unix(1_790_000_000, 0), 0
	for i := range 20 {
		now = now.Add(5 * time.Second)
		told += len(d.Observe(collect.Frame{Time: now, Elapsed: 5 * time.Second * time.Duration(min(i, 1)), Samples: []collect.Sample{{Metric: "m", Value: 100 * float64(i)}}}))
	}
	if told != 1 {
		t.Errorf("20 a second for 100 s is %d alerts, want 1", told)
	}
}

// TestTimes is a factor over what was before, and deaf to what is small.
func TestTimes(t *testing.T) {
	t.Parallel()
	play := func(before, newest float64) float64 {
		var v []float64
		for i := range 180 {
			if i < 170 {
				v = append(v, before)
			} else {
				v = append(v, newest)
			}
		}
		return times(v, 1, 100)
	}
	for _, c := range []struct{ before, newest, want float64 }{{20, 60, 3}, {0.1, 0.9, 1}, {0.1, 50, 5}, {100, 50, 0.5}} {
		if got := play(c.before, c.newest); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%g after %g is %g times, want %g", c.newest, c.before, got, c.want)
		}
	}
	if !math.IsNaN(times(make([]float64, 15), 1, 100)) {
		t.Error("a verdict on too few values")
	}
}
