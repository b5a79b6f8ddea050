package alert

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slot is a sink's place in the outbox. It is guarded by Outbox.mu.
type slot struct {
	name    string
	sink    Sink // nil: no longer configured, its backlog is parked
	gate    gate
	working bool // its goroutine runs
	busy    time.Time
	sent, failures,
	throttles, deads uint64
	lastError   string
	lastSuccess time.Time
	latency     time.Duration
}

// SetSinks sets the sinks and routes that hold from now on. An incident keeps
// the sinks that it was routed to when it was accepted, so that who heard
// "firing" hears "resolved": the backlog of a sink that is gone is parked,
// shown by SinkStatus, and goes on when a sink of that name returns. A sink
// whose credentials were refused is tried again at once. Of two sinks with one
// name the last wins.
func (o *Outbox) SetSinks(sinks []Sink, routes []RouteConfig) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.slots {
		s.sink = nil
	}
	for _, sink := range sinks {
		s := o.slots[sink.Name()]
		if s == nil {
			s = &slot{name: sink.Name()}
			o.slots[s.name] = s
		}
		s.sink = sink
		if s.gate.parked {
			s.gate = gate{}
		}
	}
	o.routes = slices.Clone(routes)
	for _, r := range o.open {
		if len(r.Chains) == 0 && r.End == nil { // accepted while there was no sink at all
			o.route(r, r.newest())
			o.touch(r)
		}
	}
	o.wake()
}

// names returns the configured sinks, sorted. mu is held.
func (o *Outbox) names() []string {
	var out []string
	for n, s := range o.slots {
		if s.sink != nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// view is the sinkView of this moment. mu is held.
func (o *Outbox) view(now time.Time) sinkView {
	return func(name string) (bool, bool) {
		s := o.slots[name]
		if s == nil || s.sink == nil {
			return false, false
		}
		g := &s.gate
		return true, g.shut(now) && (g.open || g.parked || g.until.Sub(now) > failoverAfter)
	}
}

// Run delivers what is owed until ctx ends: one goroutine and one request at a
// time per sink. It returns when the requests in flight have ended (at most
// 3 s) and what they brought is on disk (at most 2 s).
func (o *Outbox) Run(ctx context.Context) {
	var all sync.WaitGroup
	o.mu.Lock()
	o.running = true
	o.mu.Unlock()
	all.Go(func() { o.watchIntake(ctx) })
	house := time.NewTicker(houseEvery)
	defer house.Stop()
	for ctx.Err() == nil {
		o.mu.Lock()
		for _, s := range o.slots {
			if s.sink != nil && !s.working {
				s.working = true
				all.Go(func() { o.work(ctx, s) })
			}
		}
		ch := o.changed
		o.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-ch:
		case now := <-house.C:
			o.retryDisk(now)
			o.repeat(now)
			o.mu.Lock()
			o.quiet(now)
			o.mu.Unlock()
		}
	}
	all.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	o.flush(end)
	o.mu.Lock()
	o.running = false
	o.mu.Unlock()
}

// flush waits until nothing is left to write, a write failed or ctx ends.
func (o *Outbox) flush(ctx context.Context) {
	for {
		o.mu.Lock()
		idle, ch := !o.writer.busy && !o.unwritten(), o.changed
		o.kick()
		o.mu.Unlock()
		if idle {
			return
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return
		}
	}
}

// work is one sink's goroutine: it sends what is owed, the most important
// first, one request at a time.
func (o *Outbox) work(ctx context.Context, s *slot) {
	for {
		o.mu.Lock()
		if ctx.Err() != nil || s.sink == nil {
			s.working = false
			o.mu.Unlock()
			return
		}
		now := time.Now()
		jobs, wake := o.together(s, now)
		ch := o.changed
		o.mu.Unlock()
		if len(jobs) > 0 {
			outcomes := request(ctx, jobs)
			o.mu.Lock()
			o.allEnded(ctx, s, jobs, outcomes, time.Now())
			o.mu.Unlock()
			continue
		}
		sleep(ctx, ch, now, wake)
	}
}

// sleep waits for a change, for wake (zero = never) or for the end.
func sleep(ctx context.Context, ch <-chan struct{}, now, wake time.Time) {
	var timer <-chan time.Time
	if !wake.IsZero() {
		t := time.NewTimer(wake.Sub(now))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-ch:
	case <-timer:
	}
}

// pick returns what to send to a sink now, or nil and when to look again. mu is
// held.
func (o *Outbox) pick(s *slot, now time.Time) (*job, time.Time) {
	if s.gate.shut(now) {
		if s.gate.open && o.urgent(s, now) {
			s.gate.hurry(now)
		}
		return nil, s.gate.until
	}
	probing := s.gate.probing(now)
	view := o.view(now)
	var best *job
	var wake time.Time
	for _, r := range o.open {
		a, when := r.owed(s.name, now, view)
		wake = earlier(wake, when)
		if a == nil || best != nil && !r.sooner(a, best.r, &best.alert) || (r.End == nil || r.Sinks[s.name].Confirmed == "") && o.muted(r) != "" {
			continue
		}
		if held, until := o.held(r, now); held {
			if r.digest() {
				return nil, until // it goes first
			}
			wake = earlier(wake, until)
			continue
		}
		d := r.Sinks[s.name]
		if d.busy {
			continue
		}
		if now.Before(d.NextTry) && !probing {
			wake = earlier(wake, d.NextTry)
			continue
		}
		best = &job{r: r, d: d, sink: s.sink, alert: *a, last: d.Receipt}
	}
	return best, wake
}

// Progress reports whether delivery moves: no request has been under way for
// longer than its deadline allows. A disk that hangs and a service that does
// not answer do not count against it. True before Run.
func (o *Outbox) Progress() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.slots {
		if !s.busy.IsZero() && time.Since(s.busy) > 3*attemptLimit {
			return false
		}
	}
	return true
}
