package alert_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// TestAThrottledFleetSpreads: 30 outboxes that are sent away together do not
// come back together.
func TestAThrottledFleetSpreads(t *testing.T) {
	t.Parallel()
	var rigs []*alerttest.Sink
	dirs := make([]string, 30)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		defer all.Wait()
		defer cancel()
		for i, dir := range dirs {
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			box, err := alert.OpenHooked(root, alert.Options{Seed: uint64(i + 1)}, (&badDisk{lazy: true}).step)
			if err != nil {
				t.Fatal(err)
			}
			sink := alerttest.NewSink("s")
			sink.Fail(&alert.ThrottledError{After: 10 * time.Second})
			box.SetSinks([]alert.Sink{sink}, nil)
			all.Go(func() { box.Run(ctx) })
			if err := box.Put(ctx, firing("a", alert.Critical)); err != nil {
				t.Fatal(err)
			}
			rigs = append(rigs, sink)
		}
		time.Sleep(3 * time.Minute)
		at := map[time.Duration]int{}
		for _, sink := range rigs {
			calls := sink.Calls()
			if n := len(calls); n < 4 || n > 18 {
				t.Fatalf("%d requests in three minutes", n)
			}
			for i := 1; i < len(calls); i++ {
				if gap := calls[i].At.Sub(calls[i-1].At); gap < 10*time.Second || gap > 42*time.Second {
					t.Errorf("the next request came after %s", gap)
				}
			}
			last := calls[len(calls)-1].At
			at[last.Sub(calls[0].At).Truncate(time.Second)]++
		}
		for when, n := range at {
			if n > 9 {
				t.Errorf("%d of 30 came back within the second %s", n, when)
			}
		}
	})
}
