package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// TestHour: the chart's points are the means of three minutes that end at the
// alert, in the unit of the series, with NaN where nothing was recorded.
func TestHour(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	a := &agent{history: record.Open(root, record.Config{}, slog.New(slog.DiscardHandler)), metrics: map[string]collect.Metric{"m": {Name: "m", Unit: "Percent"}}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.history.Run(ctx); close(done) }()
	end := time.Now().Truncate(time.Second)
	start := end.Add(-30 * time.Minute)
	for i := range 30 * 60 { // only the newer half of the hour
		f := collect.Frame{Time: start.Add(time.Duration(i) * time.Second), Elapsed: time.Second, Samples: []collect.Sample{{Metric: "m", Target: "/x", Value: float64(i / 180)}}}
		for a.history.Stats().Recorded < uint64(i) { // one that does not keep up would drop frames
			runtime.Gosched()
		}
		a.history.Record(f)
	}
	stop()
	<-done
	h, err := a.hour(t.Context(), "m", "/x", end)
	if err != nil || h.Unit != "Percent" || len(h.Means) != slack.ChartPoints {
		t.Fatalf("%+v, %v", h, err)
	}
	for i, v := range h.Means {
		if i < 10 && !math.IsNaN(v) || i >= 10 && math.Abs(v-float64(i-10)) > 0.06 {
			t.Errorf("point %d is %v", i, v)
		}
	}
	if none, err := a.hour(t.Context(), "m", "/y", end); err != nil || !math.IsNaN(none.Means[15]) {
		t.Errorf("a series that is not there: %+v, %v", none, err)
	}
}
