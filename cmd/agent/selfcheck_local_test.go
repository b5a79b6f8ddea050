package main

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/collect"
)

// TestTerminalOfAnEarlierRun: what it was owed is given up without a word; what
// a real sink is owed is not.
func TestTerminalOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		box, stop := runBox(t, dir, nil, alerttest.NewSink("terminal"), alerttest.NewSink("ops"))
		defer stop()
		ctx := t.Context()
		if err := box.Put(ctx, alerttest.Alert(alert.PhaseFiring)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		box.SetSinks([]alert.Sink{alerttest.NewSink("journal")}, nil) // the next run has others
		if err := box.Put(ctx, alerttest.Alert(alert.PhaseResolved)); err != nil {
			t.Fatal(err)
		}
		a := &agent{box: box, log: slog.New(slog.DiscardHandler), stateDir: dir}
		a.checkSelf(ctx, collect.NewSet(nil, collect.SetOptions{Interval: time.Second}), time.Now(), time.Minute, ticks{Done: 1})
		var removed []string
		for _, s := range box.SinkStatus() {
			if s.State == "removed" {
				removed = append(removed, s.Name)
			}
		}
		if len(removed) != 1 || removed[0] != "ops" {
			t.Errorf("owed to sinks that are not configured: %v, want ops alone", removed)
		}
	})
}
