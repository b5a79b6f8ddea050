package detect

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestWindowsEqualNaive compares the rings with a plain list of all slots.
func TestWindowsEqualNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		h := NewHistory(time.Second, nil)
		h.Need("m", time.Duration(size)*time.Second)
		var naive []float64
		for range rapid.IntRange(1, 60).Draw(t, "frames") {
			gap := rapid.SampledFrom([]int{1, 1, 1, 1, 2, 3, 40}).Draw(t, "gap")
			v := float64(rapid.IntRange(0, 99).Draw(t, "v"))
			missing := rapid.Bool().Draw(t, "missing")
			f := collect.Frame{Elapsed: time.Duration(gap) * time.Second}
			if len(naive) == 0 {
				gap = 1
			}
			for range gap {
				naive = append(naive, math.NaN())
			}
			if !missing {
				f.Samples = []collect.Sample{{Metric: "m", Value: v}}
				naive[len(naive)-1] = v
			}
			h.Observe(f)
			back := rapid.IntRange(0, size).Draw(t, "back")
			n := rapid.IntRange(1, size).Draw(t, "n")
			list := h.Of("m")
			if len(list) == 0 {
				continue
			}
			got := h.Window(list[0], back, n, nil)
			var want []float64
			for i := len(naive) - min(back+n, size+1); i < len(naive)-back; i++ {
				if i >= 0 && !math.IsNaN(naive[i]) {
					want = append(want, naive[i])
				}
			}
			if len(got) != len(want) {
				t.Fatalf("window(%d,%d) of %v = %v, want %v", back, n, naive, got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("window(%d,%d) = %v, want %v", back, n, got, want)
				}
			}
		}
	})
}

// TestStateMachine holds for any sequence of verdicts: never two firings
// without a resolve between, no resolve without a firing.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, open := quiet, false
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			l := Level(rapid.IntRange(int(Unknown), int(Missing)).Draw(t, "level"))
			var c change
			p, c = step(p, l, time.Duration(rapid.IntRange(0, 10).Draw(t, "clear"))*time.Second, leastHold)
			switch {
			case c == fired && open:
				t.Fatal("fired twice")
			case c == resolved && !open:
				t.Fatal("resolved what was not open")
			}
			open = open && c != resolved || c == fired
			if open != (p == firing || p == clearing) {
				t.Fatalf("open %v in phase %s", open, p)
			}
		}
	})
}

func TestSlope(t *testing.T) {
	t.Parallel()
	var line, saw []float64
	for i := range 300 {
		line = append(line, 10+0.02*float64(i))
		saw = append(saw, 10+0.02*float64(i)+float64(i%50)*0.1) // log rotation on top
	}
	if got := slope(line, 1); math.Abs(got-0.02) > 1e-9 {
		t.Errorf("slope %g", got)
	}
	if got := slope(saw, 1); math.Abs(got-0.02) > 0.008 {
		t.Errorf("slope of a saw-tooth %g, want about 0.02", got)
	}
	if got, early, late := timeToFull(line, 1, 100); early > got || late < got || math.Abs(got-(100-line[299])/0.02) > 1 {
		t.Errorf("time to full %g s", got)
	}
	if got, _, _ := timeToFull([]float64{5, 5, 5}, 1, 100); !math.IsNaN(got) {
		t.Errorf("too few values: %g", got)
	}
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{{"*", "", true}, {"*", "/a/b", true}, {"/data*", "/data/x", true}, {"/data*", "/dat", false}, {"*demo-disk", "/tmp/x/demo-disk", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxbyy", false}, {"", "x", false}} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("glob(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

// TestLateTicksKeepWindowsTrue: a second is a second, however the ticks fall.
func TestLateTicksKeepWindowsTrue(t *testing.T) {
	t.Parallel()
	for name, elapsed := range map[string][]time.Duration{
		"always late":    {1300 * time.Millisecond},
		"late and early": {1400 * time.Millisecond, 600 * time.Millisecond},
		"half a slot":    {1500 * time.Millisecond, 500 * time.Millisecond},
		"jitter":         {990 * time.Millisecond, 1020 * time.Millisecond, 985 * time.Millisecond, 1005 * time.Millisecond},
		"a long gap":     {time.Second, 47*time.Second + 300*time.Millisecond},
	} {
		h := NewHistory(time.Second, nil)
		h.Observe(collect.Frame{})
		total := time.Duration(0)
		for i := range 400 {
			h.Observe(collect.Frame{Elapsed: elapsed[i%len(elapsed)]})
			total += elapsed[i%len(elapsed)]
			if off := float64(h.Age()-1) - total.Seconds(); math.Abs(off) > 1 {
				t.Errorf("%s: after %s there are %d slots", name, total, h.Age()-1)
				break
			}
		}
		if name == "a long gap" && h.Covered() != 1 {
			t.Errorf("covered %d slots after a gap", h.Covered())
		}
	}
}

// TestBounds: what is beyond them is dropped and counted, and room is given
// back when series go and when rules go.
func TestBounds(t *testing.T) {
	t.Parallel()
	h := NewHistory(time.Second, nil)
	h.Need("m", 2*time.Second)
	f := collect.Frame{Elapsed: time.Second}
	for i := range maxSeries + 5 {
		f.Samples = append(f.Samples, collect.Sample{Metric: "m", Target: strconv.Itoa(i)})
	}
	h.Observe(f)
	if len(h.byKey) != maxSeries || h.Dropped() != 5 || h.values != 3*maxSeries {
		t.Errorf("%d series, %d dropped, %d values", len(h.byKey), h.Dropped(), h.values)
	}
	for range 4 {
		h.Observe(collect.Frame{Elapsed: time.Second})
	}
	if len(h.byKey) != 0 || h.values != 0 {
		t.Errorf("%d series, %d values after they went", len(h.byKey), h.values)
	}
	h.Need("long", 6*time.Hour)
	for i := range f.Samples {
		f.Samples[i].Metric = "long"
	}
	h.Observe(f)
	if h.values > maxValues || h.values < maxValues-maxSlots {
		t.Errorf("%d values, at most %d", h.values, maxValues)
	}
	h.forget()
	h.settle()
	if len(h.byKey) != 0 || h.values != 0 || len(h.Of("long")) != 0 {
		t.Errorf("%d series, %d values without a rule", len(h.byKey), h.values)
	}
}
