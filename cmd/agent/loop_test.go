package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// run drives loop in fake time: work(n) is how long tick n takes, and the
// times at which ticks began come back.
func runLoop(t *testing.T, total time.Duration, work func(n int) time.Duration) (began []time.Duration, last ticks) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), total)
		defer cancel()
		boot := func() time.Duration { return time.Since(start) }
		loop(ctx, time.Second, boot, func(_ time.Time, at time.Duration, c ticks) {
			began = append(began, at)
			last = c
			time.Sleep(work(len(began) - 1))
		})
	})
	return began, last
}

func TestLoopKeepsTheGrid(t *testing.T) {
	began, last := runLoop(t, 10*time.Second+time.Millisecond, func(int) time.Duration { return 300 * time.Millisecond })
	if len(began) != 11 || last.Late != 0 || last.Dropped != 0 || last.Gaps != 0 {
		t.Fatalf("%d ticks, %+v", len(began), last)
	}
	for i, b := range began {
		if b != time.Duration(i)*time.Second {
			t.Errorf("tick %d began at %s", i, b)
		}
	}
}

func TestLateTicksAreDroppedNeverBunched(t *testing.T) {
	began, last := runLoop(t, 8500*time.Millisecond, func(n int) time.Duration {
		if n == 2 {
			return 2500 * time.Millisecond // overruns two points of the grid
		}
		return 0
	})
	want := []time.Duration{0, 1, 2, 5, 6, 7, 8}
	if len(began) != len(want) {
		t.Fatalf("began %v, want seconds %v", began, want)
	}
	for i, w := range want {
		if began[i] != w*time.Second {
			t.Errorf("tick %d began at %s, want %ds", i, began[i], w)
		}
	}
	if last.Dropped != 2 {
		t.Errorf("dropped %d, want 2", last.Dropped)
	}
}

func TestSuspendIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var suspended atomic.Int64 // time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second+time.Millisecond)
		defer cancel()
		var last ticks
		n := 0
		loop(ctx, time.Second, func() time.Duration { return time.Since(start) + time.Duration(suspended.Load()) }, func(_ time.Time, _ time.Duration, c ticks) {
			n, last = n+1, c
			if n == 3 {
				// The host sleeps for an hour while the loop waits for its next tick.
				time.AfterFunc(500*time.Millisecond, func() { suspended.Store(int64(time.Hour)) })
			}
		})
		if last.Gaps != 1 || last.Dropped != 0 || n != 7 {
			t.Fatalf("%d ticks, %+v; want 7 ticks and one gap", n, last)
		}
	})
}
