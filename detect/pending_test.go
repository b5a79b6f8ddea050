package detect

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestPendingIsToldOnce: in the frame in which a target turns pending, and in
// no other.
func TestPendingIsToldOnce(t *testing.T) {
	t.Parallel()
	rules, err := Rules([]RuleConfig{{Name: "r", Metric: "m", Target: "*", Statistic: "last", Period: seconds(1), Comparison: ">", Threshold: level(80), EvaluationPeriods: 3}})
	if err != nil {
		t.Fatal(err)
	}
	d, now := New(rules, Options{Metrics: testMetrics}), time.Unix(1_790_000_000, 0)
	for i, c := range []struct {
		value float64
		want  int
	}{{0, 0}, {100, 1}, {100, 0}, {100, 0}, {100, 0}, {0, 0}} {
		now = now.Add(time.Second)
		f := collect.Frame{Time: now, Elapsed: time.Second, Samples: []collect.Sample{{Metric: "m", Target: "a", Value: c.value}}}
		if i == 0 {
			f.Elapsed = 0
		}
		d.Observe(f)
		if got := d.Pending(); got != c.want {
			t.Errorf("frame %d: %d went pending, want %d", i, got, c.want)
		}
	}
}
