package main

import (
	"context"
	"time"
)

// ticks counts what the loop did. It is read while the loop runs only through
// agent.ticks, under its lock.
type ticks struct {
	Done    uint64        // ticks run
	Late    uint64        // ticks that began more than half an interval late
	Dropped uint64        // ticks that never began because an earlier one overran
	Gaps    uint64        // times the process or the host was stopped (suspend, SIGSTOP)
	Lag     time.Duration // how late the last tick began
}

// loop calls tick every interval until ctx ends, on a fixed grid: a tick that
// is missed is dropped and counted, and the next one comes at the next point
// of the grid, so that late ticks never bunch.
//
// boot reads CLOCK_BOOTTIME, which unlike Go's monotonic clock counts a
// suspend: a step of more than three intervals beyond what a tick took is a
// gap (suspend, SIGSTOP).
func loop(ctx context.Context, interval time.Duration, boot func() time.Duration, tick func(now time.Time, boot time.Duration, t ticks)) {
	var t ticks
	next := boot()
	for {
		timer := time.NewTimer(next - boot())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		at := boot()
		t.Lag = at - next
		switch {
		case t.Lag > 3*interval:
			t.Gaps++
			next = at
		case t.Lag > interval/2:
			t.Late++
		}
		tick(time.Now(), at, t)
		t.Done++
		next += interval
		if behind := boot() - next; behind > 0 {
			missed := behind/interval + 1
			t.Dropped += uint64(missed)
			next += missed * interval
		}
	}
}
