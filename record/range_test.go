package record

import (
	"math"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// within computes what Range must give for one series and step, the slow way.
func within(t testing.TB, got Stat, values []float64, fine bool) {
	t.Helper()
	if got.Count != len(values) {
		t.Fatalf("count %d, want %d", got.Count, len(values))
	}
	if len(values) == 0 {
		if !math.IsNaN(got.Mean) || !math.IsNaN(got.Max) || !math.IsNaN(got.Min) {
			t.Fatalf("%+v of nothing", got)
		}
		return
	}
	sum, most, least := 0.0, math.Inf(-1), math.Inf(1)
	for _, v := range values {
		sum += v
		most, least = max(most, v), min(least, v)
	}
	if mean := sum / float64(len(values)); math.Abs(mean-got.Mean) > 1e-5*math.Abs(mean)+1e-6 {
		t.Fatalf("mean %v, want %v", got.Mean, mean)
	}
	if got.Max != most || fine && got.Min != least || !fine && !math.IsNaN(got.Min) {
		t.Fatalf("%+v, want max %v, min %v", got, most, least)
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{Keep1s: conf.Duration(10 * time.Minute)})
	host := newHost(1, 12)
	frames := host.frames(3000)
	for _, f := range frames {
		h.take(f)
	}
	h.finish()
	a := h.Archive()
	series := []Series{{"metric_0_percent", "dev2"}, {"metric_1_percent", ""}, {"metric_2_percent", "dev1"}, {"no_such", ""}}
	value := func(i, s int) (float64, bool) {
		for _, x := range frames[i].Samples {
			if x.Metric == series[s].Metric && x.Target == series[s].Target {
				return x.Value, true
			}
		}
		return 0, false
	}
	var edge time.Time // where the 1 s rows begin
	for p, err := range a.Range(t.Context(), Query{From: start, To: start.Add(time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		if !edge.IsZero() && p.Time.Sub(edge) < 2*time.Second {
			break
		}
		edge = p.Time
	}
	for _, step := range []time.Duration{0, time.Second, 10 * time.Second, time.Minute, 7 * time.Minute} {
		from, to := start.Add(7*time.Minute).Truncate(time.Minute), start.Add(47*time.Minute).Truncate(time.Minute)
		points, last := 0, time.Time{}
		for p, err := range a.Range(t.Context(), Query{From: from, To: to, Step: step, Series: series}) {
			if err != nil {
				t.Fatal(err)
			}
			if !p.Time.After(last) || p.Time.Before(from.Add(-step)) || !p.Time.Before(to) || p.Jump != 0 {
				t.Fatalf("step %v: point at %v, jump %v", step, p.Time, p.Jump)
			}
			last = p.Time
			points++
			if step < 10*time.Second || step == 7*time.Minute || p.Time.Add(step+10*time.Second).After(edge) && p.Time.Before(edge.Add(time.Minute)) {
				continue // rows of 10 s, cut off at the ends, or both tiers: the totals below hold
			}
			for s := range series {
				var values []float64
				for i, f := range frames {
					if v, ok := value(i, s); ok && f.Time.Truncate(step).Equal(p.Time) {
						values = append(values, v)
					}
				}
				within(t, p.Stats[s], values, p.Time.After(edge))
			}
		}
		if want := int(to.Sub(from) / max(step, time.Second)); step >= 10*time.Second && points < want {
			t.Fatalf("step %v: %d points, want %d", step, points, want)
		}
	}
}

func TestRangeMarksAJump(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{})
	host := newHost(2, 5)
	for i := range 300 {
		if i == 150 {
			host.now = host.now.Add(-time.Minute)
		}
		h.take(host.next())
	}
	h.finish()
	var jumps []time.Duration
	for p, err := range h.Archive().Range(t.Context(), Query{From: start, To: start.Add(time.Hour), Step: 10 * time.Second}) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Jump != 0 {
			jumps = append(jumps, p.Jump.Round(time.Second))
		}
	}
	if len(jumps) != 1 || jumps[0] != -time.Minute {
		t.Fatalf("jumps %v, want one of -1m", jumps)
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{})
	for _, f := range newHost(3, 6).frames(60) {
		h.take(f)
	}
	h.finish()
	got, err := h.Archive().Series(start, start.Add(time.Hour))
	if err != nil || len(got) != 6 || got[0] != (Series{"metric_0_percent", ""}) || got[5] != (Series{"metric_1_percent", "dev1"}) {
		t.Fatalf("%v, %v", got, err)
	}
	if got, _ := h.Archive().Series(start.Add(-time.Hour), start.Add(-time.Minute)); len(got) != 0 {
		t.Fatalf("before the first frame: %v", got)
	}
}

// ReplayMax gives the maxima, Replay the means of the same rows.
func TestReplayOfOldRows(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{Keep1s: conf.Duration(10 * time.Minute)})
	frames := newHost(4, 3).frames(2400)
	for _, f := range frames {
		h.take(f)
	}
	h.finish()
	mean := replayed(t, h.Archive(), time.Time{})
	i := 0
	var total time.Duration
	for f, err := range h.Archive().ReplayMax(time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !f.Time.Equal(mean[i].Time) || f.Elapsed != mean[i].Elapsed || len(f.Samples) != len(mean[i].Samples) {
			t.Fatalf("row %d is another", i)
		}
		for s := range f.Samples {
			if f.Samples[s].Value < mean[i].Samples[s].Value {
				t.Fatalf("row %d: max %v below mean %v", i, f.Samples[s].Value, mean[i].Samples[s].Value)
			}
		}
		total += f.Elapsed
		i++
	}
	e, err := h.Archive().Extent()
	if err != nil || !e.Oldest.Equal(mean[0].Time) || !e.Newest.Equal(last(frames)) || e.Fine.Before(start.Add(20*time.Minute)) || e.Fine.After(start.Add(30*time.Minute)) {
		t.Fatalf("%+v, %v", e, err)
	}
	if i != len(mean) || (total-last(frames).Sub(mean[0].Time)).Abs() > time.Second {
		t.Fatalf("%d rows of %d, Elapsed sums to %v, want %v", i, len(mean), total, last(frames).Sub(mean[0].Time))
	}
}

func last(frames []collect.Frame) time.Time { return frames[len(frames)-1].Time }
