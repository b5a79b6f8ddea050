package detect

import (
	"math"
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
			p, c = step(p, l, time.Duration(rapid.IntRange(0, 10).Draw(t, "clear"))*time.Second)
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
	if got := timeToFull(line, 1, 100); math.Abs(got-(100-line[299])/0.02) > 1 {
		t.Errorf("time to full %g s", got)
	}
	if got := timeToFull([]float64{5, 5, 5}, 1, 100); !math.IsNaN(got) {
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
