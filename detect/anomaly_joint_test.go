package detect

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// TestTwoSubsystemsAtOnce: what is too little to tell of in one subsystem is enough
// in two, and both are named.
func TestTwoSubsystemsAtOnce(t *testing.T) {
	t.Parallel()
	metrics := []collect.Metric{{Name: "a", Subsystem: "cpu"}, {Name: "c", Subsystem: "memory"}}
	d := New(anomaly(t, AnomalyConfig{Series: strings.Fields("a b c d e"), Row: seconds(1), Learn: seconds(300)}), Options{Metrics: metrics})
	s := &synthetic{t, d, rand.New(rand.NewPCG(7, 7)), time.Unix(1_790_000_000, 0)}
	s.run(2000, nil)
	cpu := func(v map[string]float64) { v["a"] = 900 }
	memory := func(v map[string]float64) { v["c"] = 1000 }
	for _, one := range []func(map[string]float64){cpu, memory} {
		if out := s.run(20, one); len(out) != 0 {
			t.Fatalf("one subsystem: %s", out[0].Summary)
		}
		s.run(400, nil)
	}
	out := s.run(20, func(v map[string]float64) { cpu(v); memory(v) })
	if len(out) != 1 || out[0].State != alert.Firing || len(out[0].Causes) != 2 {
		t.Fatalf("both: %v", out)
	}
	if got := out[0].Causes[0].Metric + out[0].Causes[1].Metric; got != "ac" && got != "ca" || !strings.Contains(out[0].Summary, "; "+got[1:]+" ") {
		t.Errorf("causes %s: %s", got, out[0].Summary)
	}
}
