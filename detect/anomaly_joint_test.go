package detect

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
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

// TestSeriesThatJoin: what was learnt of the series of the version before is kept, and
// of one that is watched no more forgotten; of another row nothing is.
func TestSeriesThatJoin(t *testing.T) {
	t.Parallel()
	rule := func(series string, row int) *Anomaly {
		return anomaly(t, AnomalyConfig{Series: strings.Fields(series), Row: seconds(row), Learn: seconds(300)})[0].(*Anomaly)
	}
	s := newSynthetic(t, AnomalyConfig{Series: strings.Fields("a b c d e")})
	s.run(600, nil)
	b := s.d.rules[0].(*Anomaly).save()
	for _, c := range []struct {
		series string
		row    int
		rows   int
		known  int
	}{{"a b c d e f", 1, 600, 3}, {"a c d e f", 1, 600, 2}, {"a b c d e", 2, 0, 0}, {"a b c", 1, 0, 0}} {
		x := rule(c.series, c.row)
		x.metric = func(string) collect.Metric { return collect.Metric{} }
		if err := x.load(b); err != nil || x.rows != c.rows || len(x.series) != c.known {
			t.Errorf("%s every %d s: %d rows of %d series, want %d of %d: %v", c.series, c.row, x.rows, len(x.series), c.rows, c.known, err)
		}
	}
}

// TestRowsOfAnyLength are read again with all that is held back.
func TestRowsOfAnyLength(t *testing.T) {
	t.Parallel()
	for _, row := range []time.Duration{time.Second, 7100 * time.Millisecond, 9500 * time.Millisecond, 10 * time.Minute} {
		x, err := newExtremes(row, prior{blocks: 20, level: 1, scale: 0.4})
		if err != nil {
			t.Fatal(err)
		}
		a := Anomaly{cfg: AnomalyConfig{Row: conf.Duration(row)}, budget: &Budget{past: x}}
		for range 2 * a.heldBlocks() * x.length {
			x.add(1, a.heldBlocks())
		}
		if err := x.take(x.save()); err != nil || len(x.held) != a.heldBlocks() {
			t.Errorf("rows of %s: %d blocks held, want %d: %v", row, len(x.held), a.heldBlocks(), err)
		}
	}
}
