package collect_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// scripted gives each of its errors in turn, with one sample where give says so.
func scripted(name string, give bool, errs ...error) part {
	i := 0
	return part{name, func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
		i++
		if give {
			dst = append(dst, collect.Sample{Metric: name, Value: 1})
		}
		return dst, errs[i-1]
	}}
}

// TestStatus: what a collector's errors make of its state, and that Since says
// in which frame the state changed.
func TestStatus(t *testing.T) {
	t.Parallel()
	absent := &collect.SkippedError{Reason: "absent"}
	for _, c := range []struct {
		name  string
		give  bool
		err   error
		state string
	}{
		{"nothing wrong", true, nil, "ok"},
		{"source absent", false, absent, "skipped"},
		{"a part absent", true, absent, "ok"},
		{"two parts absent", true, errors.Join(absent, absent), "ok"},
		{"a part absent and one broken", true, errors.Join(absent, errors.New("broken")), "error"},
		{"broken", false, errors.New("broken"), "error"},
	} {
		set := collect.NewSet([]collect.Collector{scripted("x", c.give, c.err)}, collect.SetOptions{})
		f := set.Collect(t.Context(), time.Now(), 0)
		st := set.Status()[0]
		if st.State != c.state || (c.err != nil) != (st.Reason != "") || st.Reason != f.Errors["x"] {
			t.Errorf("%s: %+v, errors %v", c.name, st, f.Errors)
		}
	}
	bad := errors.New("broken")
	set := collect.NewSet([]collect.Collector{scripted("x", true, nil, nil, bad, bad, nil)}, collect.SetOptions{})
	for i, changed := range []bool{true, false, true, false, true} {
		f := set.Collect(t.Context(), time.Unix(int64(1000+i), 0), time.Duration(i)*time.Second)
		if st := set.Status()[0]; st.Since.Equal(f.Time) != changed {
			t.Errorf("frame %d: %+v", i, st)
		}
	}
}

// TestOneCollectorCannotTakeAllSeries: past its bound the rest of its samples
// is left out, counted and named, and the others keep theirs.
func TestOneCollectorCannotTakeAllSeries(t *testing.T) {
	t.Parallel()
	many := part{"many", func(_ context.Context, dst []collect.Sample) ([]collect.Sample, error) {
		for range 100 {
			dst = append(dst, collect.Sample{Metric: "many", Value: 1})
		}
		return dst, nil
	}}
	set := collect.NewSet([]collect.Collector{many, gives("y", 1)}, collect.SetOptions{MaxSeries: 20})
	f := set.Collect(t.Context(), time.Now(), 0)
	if len(f.Samples) != 11 || f.Samples[10].Metric != "y" || !strings.Contains(f.Errors["many"], "too many") {
		t.Errorf("%d samples, %v", len(f.Samples), f.Errors)
	}
	if st := set.Status()[0]; st.Dropped != 90 {
		t.Errorf("%+v", st)
	}
}

// TestFullIsNotImpossible: 100 percent is what a computation of it may miss by
// the last bit; it must not be taken for a value out of bounds.
func TestFullIsNotImpossible(t *testing.T) {
	t.Parallel()
	full := bounded{gives("used", math.Nextafter(100, 200))}
	f := collect.NewSet([]collect.Collector{full}, collect.SetOptions{}).Collect(t.Context(), time.Now(), 0)
	if len(f.Samples) != 1 || f.Samples[0].Value != 100 {
		t.Errorf("%v, %v", f.Samples, f.Errors)
	}
}

// bounded is a part whose metric is a percentage.
type bounded struct{ part }

func (b bounded) Metrics() []collect.Metric {
	m := b.part.Metrics()
	m[0].Max = 100
	return m
}

// TestSuspendIsAGap: the monotonic clock stands still in a suspend and the
// boot clock does not; collectors then see a time that shows the gap.
func TestSuspendIsAGap(t *testing.T) {
	t.Parallel()
	var seen []time.Time
	watch := timed{func(now time.Time) { seen = append(seen, now) }}
	set := collect.NewSet([]collect.Collector{watch}, collect.SetOptions{})
	now := time.Now() // with a monotonic reading
	set.Collect(t.Context(), now, 10*time.Second)
	set.Collect(t.Context(), now.Add(time.Second), 11*time.Second)
	set.Collect(t.Context(), now.Add(2*time.Second), time.Hour)
	monotonic := func(i int) bool { return strings.Contains(seen[i].String(), " m=") }
	if !monotonic(0) || !monotonic(1) || monotonic(2) {
		t.Errorf("times %v: only the one after the suspend must be without a monotonic part", seen)
	}
}

type timed struct{ see func(time.Time) }

func (timed) Name() string              { return "timed" }
func (timed) Metrics() []collect.Metric { return nil }
func (c timed) Collect(_ context.Context, now time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	c.see(now)
	return dst, nil
}
