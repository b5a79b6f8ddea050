package collect_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// part is a collector made of a function.
type part struct {
	name string
	do   func(ctx context.Context, dst []collect.Sample) ([]collect.Sample, error)
}

func (p part) Name() string { return p.name }
func (p part) Metrics() []collect.Metric {
	return []collect.Metric{{Name: p.name, Unit: "Count", Subsystem: "agent", Help: "test", Min: 0, Max: math.NaN()}}
}
func (p part) Collect(ctx context.Context, _ time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	return p.do(ctx, dst)
}

func gives(name string, v float64) part {
	return part{name, func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
		return append(dst, collect.Sample{Metric: name, Value: v}), nil
	}}
}

func names(f collect.Frame) string {
	var out []string
	for _, s := range f.Samples {
		out = append(out, s.Metric)
	}
	return strings.Join(out, " ")
}

// TestHangingCollectorIsSkippedAndNamed: the others are read in the same tick,
// the hanging one is named, skipped while it hangs, and back when it returns.
func TestHangingCollectorIsSkippedAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := part{"nfs", func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
			<-release
			return append(dst, collect.Sample{Metric: "nfs", Value: 1}), nil
		}}
		set := collect.NewSet([]collect.Collector{gives("a", 1), hangs, gives("b", 2)}, collect.SetOptions{})
		begin := time.Now()
		f := set.Collect(t.Context(), begin, 0)
		if got := names(f); got != "a b" || !strings.Contains(f.Errors["nfs"], "hangs") {
			t.Fatalf("samples %q, errors %v", got, f.Errors)
		}
		if took := time.Since(begin); took > 800*time.Millisecond {
			t.Errorf("the tick waited %s for a hanging collector", took)
		}
		begin = time.Now()
		if f = set.Collect(t.Context(), begin, time.Second); names(f) != "a b" || time.Since(begin) > time.Millisecond {
			t.Errorf("second tick: %q after %s", names(f), time.Since(begin))
		}
		if st := set.Status()[1]; st.State != "skipped" || st.Reason == "" || st.Errors != 2 {
			t.Errorf("status %+v", st)
		}
		close(release)
		synctest.Wait()
		if f = set.Collect(t.Context(), time.Now(), 2*time.Second); names(f) != "a nfs b" || len(f.Errors) != 0 {
			t.Errorf("after its return: %q, %v", names(f), f.Errors)
		}
	})
}

// TestSlowCollectorCounts: one that takes half a second is slow, not lost.
func TestSlowCollectorCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := part{"slow", func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
			time.Sleep(500 * time.Millisecond)
			return append(dst, collect.Sample{Metric: "slow", Value: 1}), nil
		}}
		set := collect.NewSet([]collect.Collector{slow, gives("b", 2)}, collect.SetOptions{})
		if f := set.Collect(t.Context(), time.Now(), 0); names(f) != "slow b" || len(f.Errors) != 0 {
			t.Errorf("%q, %v", names(f), f.Errors)
		}
	})
}

func TestEveryCollectorHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var all []collect.Collector
		for _, n := range []string{"a", "b", "c"} {
			all = append(all, part{n, func(context.Context, []collect.Sample) ([]collect.Sample, error) { <-release; return nil, nil }})
		}
		set := collect.NewSet(all, collect.SetOptions{})
		begin := time.Now()
		f := set.Collect(t.Context(), begin, 0)
		if len(f.Errors) != 3 || time.Since(begin) != 800*time.Millisecond {
			t.Errorf("%v after %s", f.Errors, time.Since(begin))
		}
	})
}

// TestNothingUnsoundPasses: what cannot be is left out and named.
func TestNothingUnsoundPasses(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]float64{"nan": math.NaN(), "inf": math.Inf(1), "negative": -1, "beyond float32": 1e300} {
		set := collect.NewSet([]collect.Collector{gives("x", v), gives("y", 1)}, collect.SetOptions{})
		if f := set.Collect(t.Context(), time.Now(), 0); names(f) != "y" || f.Errors["x"] == "" {
			t.Errorf("%s: %q, %v", name, names(f), f.Errors)
		}
	}
}

// TestNamesThatNoSinkTakes: a mount point may be any bytes; what cannot be
// written as JSON or is longer than CloudWatch takes is left out and named.
func TestNamesThatNoSinkTakes(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/mnt/\xff\xfe", "/" + strings.Repeat("x", 2000)} {
		bad := part{"x", func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
			return append(dst, collect.Sample{Metric: "x", Target: target, Value: 1}), nil
		}}
		set := collect.NewSet([]collect.Collector{bad, gives("y", 1)}, collect.SetOptions{})
		if f := set.Collect(t.Context(), time.Now(), 0); names(f) != "y" || f.Errors["x"] == "" {
			t.Errorf("%.10q: %q, %v", target, names(f), f.Errors)
		}
	}
}

func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	bad := part{"bad", func(context.Context, []collect.Sample) ([]collect.Sample, error) { panic("boom") }}
	set := collect.NewSet([]collect.Collector{bad, gives("y", 1)}, collect.SetOptions{})
	if f := set.Collect(t.Context(), time.Now(), 0); names(f) != "y" || !strings.Contains(f.Errors["bad"], "boom") {
		t.Errorf("%q, %v", names(f), f.Errors)
	}
}

func TestValuesAreRoundedOnceAndElapsedIsBootTime(t *testing.T) {
	t.Parallel()
	set := collect.NewSet([]collect.Collector{gives("x", 0.1)}, collect.SetOptions{})
	first := set.Collect(t.Context(), time.Now(), 5*time.Second)
	second := set.Collect(t.Context(), time.Now(), 7*time.Second)
	if first.Elapsed != 0 || second.Elapsed != 2*time.Second {
		t.Errorf("elapsed %s, %s", first.Elapsed, second.Elapsed)
	}
	if v := first.Samples[0].Value; v != float64(float32(0.1)) {
		t.Errorf("value %v is not rounded to float32", v)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	many := part{"m", func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
		for range 100 {
			dst = append(dst, collect.Sample{Metric: "m", Value: 1})
		}
		return dst, nil
	}}
	set := collect.NewSet([]collect.Collector{many}, collect.SetOptions{MaxSeries: 10, MaxPerCollector: 10})
	if f := set.Collect(t.Context(), time.Now(), 0); len(f.Samples) != 10 || f.Errors["m"] == "" {
		t.Errorf("%d samples, %v", len(f.Samples), f.Errors)
	}
}

func TestSkippedIsNoError(t *testing.T) {
	t.Parallel()
	absent := part{"psi", func(context.Context, []collect.Sample) ([]collect.Sample, error) {
		return nil, &collect.SkippedError{Reason: "absent"}
	}}
	broken := part{"cpu", func(context.Context, []collect.Sample) ([]collect.Sample, error) { return nil, errors.New("broken") }}
	set := collect.NewSet([]collect.Collector{absent, broken}, collect.SetOptions{})
	set.Collect(t.Context(), time.Now(), 0)
	if st := set.Status(); st[0].State != "skipped" || st[0].Errors != 0 || st[1].State != "error" || st[1].Errors != 1 {
		t.Errorf("%+v", st)
	}
}

func TestSaturation(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for _, c := range []struct{ cpu, pcpu, pio, pmem, want float64 }{
		{50, 10, 20, 5, 50}, {10, 80, 0, 0, 80}, {10, 0, 90, 0, 90}, {nan, nan, nan, 7, 7}, {120, 0, 0, 0, 100}, {nan, nan, nan, nan, nan},
	} {
		got := collect.Saturation(c.cpu, c.pcpu, c.pio, c.pmem)
		if got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%+v: %g", c, got)
		}
	}
}

func BenchmarkSet(b *testing.B) {
	set := collect.NewSet(collect.Enabled(collect.LocalHost(time.Second), collect.Config{Disable: []string{"resolver"}}), collect.SetOptions{})
	b.ReportAllocs()
	now := time.Now()
	for i := 0; b.Loop(); i++ {
		set.Collect(b.Context(), now.Add(time.Duration(i)*time.Second), time.Duration(i)*time.Second)
	}
}

func BenchmarkCollectors(b *testing.B) {
	for _, c := range collect.All(collect.LocalHost(time.Second), collect.Config{}) {
		b.Run(c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			now := time.Now()
			var dst []collect.Sample
			for i := 0; b.Loop(); i++ {
				dst, _ = c.Collect(b.Context(), now.Add(time.Duration(i)*time.Second), dst[:0])
			}
		})
	}
}
