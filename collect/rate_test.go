package collect

import (
	"math"
	"testing"
	"time"
)

// TestTracker: readings of two counters at given seconds, and the rates of the
// first that must come of them (NaN = none).
func TestTracker(t *testing.T) {
	t.Parallel()
	none := math.NaN()
	type step struct {
		at   float64
		v    uint64
		rate float64
	}
	for name, c := range map[string]struct {
		slack uint64
		steps []step
	}{
		"time that really passed":  {0, []step{{0, 100, none}, {1, 110, 10}, {3.5, 135, 10}, {3.75, 135, 0}}},
		"reset":                    {0, []step{{0, 100, none}, {1, 5, none}, {2, 15, 10}}},
		"wrap at 32 bits":          {0, []step{{0, 1<<32 - 6, none}, {1, 4, none}, {2, 14, 10}}},
		"gap":                      {0, []step{{0, 100, none}, {10, 200, none}, {11, 210, 10}}},
		"clock that goes back":     {0, []step{{10, 100, none}, {5, 200, none}, {6, 210, 10}}},
		"the same moment":          {0, []step{{1, 100, none}, {1, 200, none}, {2, 210, 10}}},
		"dip within the slack":     {5, []step{{0, 100, none}, {1, 98, 0}, {2, 103, 3}}},
		"reset beyond the slack":   {5, []step{{0, 100, none}, {1, 90, none}, {2, 93, 3}}},
		"largest number and reset": {5, []step{{0, math.MaxUint64, none}, {1, 0, none}, {2, 3, 3}}},
	} {
		tr := newTracker(5 * time.Second)
		tr.slack = c.slack
		base := time.Unix(1_790_000_000, 0)
		for i, s := range c.steps {
			var d [1]float64
			sec, ok := tr.delta([]byte("k"), base.Add(time.Duration(s.at*float64(time.Second))), []uint64{s.v}, d[:])
			tr.sweep()
			if got := d[0] / sec; ok == math.IsNaN(s.rate) || ok && math.Abs(got-s.rate) > 1e-9 {
				t.Errorf("%s, step %d: rate %g, %v; want %g", name, i, got, ok, s.rate)
			}
		}
	}
}

// TestTrackerForgetsWhatVanished: a device that was away starts afresh.
func TestTrackerForgetsWhatVanished(t *testing.T) {
	t.Parallel()
	tr := newTracker(5 * time.Second)
	var d [1]float64
	now := time.Unix(1_790_000_000, 0)
	for i, there := range []bool{true, true, false, true} {
		if there {
			if _, ok := tr.delta([]byte("sda"), now.Add(time.Duration(i)*time.Second), []uint64{uint64(i)}, d[:]); ok != (i == 1) {
				t.Errorf("reading %d: rate %v", i, ok)
			}
		}
		tr.sweep()
	}
	if len(tr.prev) != 1 {
		t.Errorf("%d keys kept", len(tr.prev))
	}
}
