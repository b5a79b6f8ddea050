package collect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
	"unicode/utf8"
)

// SetOptions bounds a Set. The zero value stands for the defaults.
type SetOptions struct {
	Interval        time.Duration // of the tick; default 1 s
	MaxSeries       int           // samples in one Frame; default 5000
	MaxPerCollector int           // samples of one collector; default half of MaxSeries
}

// Set runs all collectors of a host once a tick, under one deadline.
//
// In the usual case one goroutine runs them in order. Where one does not come
// back, another goroutine goes on with the rest, so a collector that hangs
// costs its own readings and nothing else; it is skipped and named in
// Frame.Errors until its call returns.
type Set struct {
	opt     SetOptions
	slots   []*slot
	metrics map[string]Metric
	now     time.Time     // of the newest frame
	boot    time.Duration // of the newest frame
	started bool
	mu      sync.Mutex
}

// slot is one collector and what became of its last call.
type slot struct {
	c      Collector
	buf    []Sample // owned by the call in flight
	busy   bool     // a call overran its tick and has not returned
	rest   int      // ticks that it still sits out, for its last call took long
	since  time.Time
	status Status
}

// NewSet makes a Set of cs, which must have different names.
func NewSet(cs []Collector, o SetOptions) *Set {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 5000
	}
	if o.MaxPerCollector <= 0 {
		o.MaxPerCollector = (o.MaxSeries + 1) / 2
	}
	s := &Set{opt: o, metrics: map[string]Metric{}}
	for _, c := range cs {
		s.slots = append(s.slots, &slot{c: c, status: Status{Name: c.Name(), State: "ok"}})
		for _, m := range c.Metrics() {
			s.metrics[m.Name] = m
		}
	}
	m := saturationMetric()
	s.metrics[m.Name] = m
	return s
}

// Metrics returns every metric that the collectors may give.
func (s *Set) Metrics() []Metric {
	var out []Metric
	for _, sl := range s.slots {
		out = append(out, sl.c.Metrics()...)
	}
	return append(out, saturationMetric())
}

// Status returns how each collector is, in the order of the list. It is safe
// for concurrent use.
func (s *Set) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Status, len(s.slots))
	for i, sl := range s.slots {
		out[i] = sl.status
	}
	return out
}

// Collect runs every collector and returns what they gave within 80 % of the
// interval. boot is CLOCK_BOOTTIME at the tick. The Frame is fresh memory and
// stays valid.
func (s *Set) Collect(ctx context.Context, now time.Time, boot time.Duration) Frame {
	f := Frame{Time: now, Errors: map[string]string{}}
	if s.started {
		f.Elapsed = max(0, boot-s.boot)
		if asleep := f.Elapsed - now.Sub(s.now); asleep > time.Second {
			// The host was suspended, which a time's monotonic part leaves out.
			// Without it the difference to earlier readings shows the gap.
			now = now.Round(0)
		}
	}
	s.now, s.boot, s.started = f.Time, boot, true

	deadline := s.opt.Interval * 4 / 5
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	r := &round{set: s, ctx: ctx, now: now, results: make([]result, len(s.slots)), done: make(chan struct{})}
	r.wait(deadline)
	s.gather(r, &f)
	if v, ok := saturation(f.Samples); ok {
		f.Samples = append(f.Samples, Sample{Metric: saturationName, Value: Round(v)})
	}
	return f
}

// result is what one call gave in its round.
type result struct {
	samples []Sample
	err     error
	took    time.Duration
	state   int // one of the constants below
}

const (
	waiting = iota
	running
	finished
	passed // still busy with an earlier round
	rested // sits out, see rest
)

// round is one turn of a Set. Workers take the next collector from it until
// none is left; it is closed at the deadline.
type round struct {
	set     *Set
	ctx     context.Context
	now     time.Time
	done    chan struct{}
	mu      sync.Mutex
	next    int
	left    int
	moved   bool // a collector finished since the last look
	closed  bool
	results []result
}

// wait runs the round: one worker, another whenever the present ones made no
// progress for an eighth of the time, at most one per collector.
func (r *round) wait(deadline time.Duration) {
	r.left = len(r.results)
	if r.left == 0 {
		return
	}
	go r.work()
	patience := time.NewTicker(deadline / 8)
	defer patience.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-r.ctx.Done():
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
			return
		case <-patience.C:
			r.mu.Lock()
			stuck := !r.moved && r.next < len(r.results)
			r.moved = false
			r.mu.Unlock()
			if stuck {
				go r.work()
			}
		}
	}
}

// work takes collectors until none is left.
func (r *round) work() {
	for {
		r.mu.Lock()
		if r.closed || r.next == len(r.results) {
			r.mu.Unlock()
			return
		}
		i := r.next
		r.next++
		sl := r.set.slots[i]
		r.set.mu.Lock()
		skip, state := sl.busy, passed
		switch {
		case skip:
		case sl.rest > 0:
			sl.rest--
			skip, state = true, rested
		default:
			sl.busy, sl.since = true, r.now
		}
		buf := sl.buf[:0]
		r.set.mu.Unlock()
		r.results[i].state = running
		if skip {
			r.results[i].state = state
			r.finish()
		}
		r.mu.Unlock()
		if skip {
			continue
		}
		start := time.Now()
		samples, err := call(r.ctx, sl.c, r.now, buf)
		r.deliver(i, result{samples, err, time.Since(start), finished})
	}
}

// deliver hands over what a call gave, unless its round is over: then only the
// collector is free again.
func (r *round) deliver(i int, res result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sl := r.set.slots[i]
	r.set.mu.Lock()
	sl.busy = false
	if r.closed {
		sl.buf = nil // whoever overran keeps its slice
	} else {
		sl.buf, sl.rest = res.samples, rest(res.took, r.set.opt.Interval)
	}
	r.set.mu.Unlock()
	if r.closed {
		return
	}
	r.results[i] = res
	r.finish()
}

// rest is how many ticks a collector sits out after a call that took so long: on
// a host in trouble reading it must not be what makes it worse. From a fifth of
// the interval on it reads in at most every other tick; three ticks are the
// most, since a counter that is not read for longer has a gap.
func rest(took, interval time.Duration) int {
	return int(min(3, took*5/interval))
}

// finish counts one collector as dealt with; r.mu is held.
func (r *round) finish() {
	r.moved = true
	if r.left--; r.left == 0 {
		close(r.done)
	}
}

// call runs a collector and turns a panic into an error.
func call(ctx context.Context, c Collector, now time.Time, dst []Sample) (out []Sample, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Collect(ctx, now, dst)
}

// gather moves the results into the frame, in the order of the list, and
// keeps each collector's status.
func (s *Set) gather(r *round, f *Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for i := range r.results {
		total += min(len(r.results[i].samples), s.opt.MaxPerCollector)
	}
	f.Samples = make([]Sample, 0, min(total, s.opt.MaxSeries)+1)
	for i, sl := range s.slots {
		res := &r.results[i]
		var err error
		switch res.state {
		case finished:
			err = errors.Join(res.err, s.take(sl, res, f))
		case rested: // no change of state, which would be told each time
			f.Errors[sl.status.Name] = fmt.Sprintf("sits out: its last call took %s", sl.status.Duration.Round(10*time.Millisecond))
			continue
		case waiting:
			err = errors.New("not reached: other collectors used up the tick")
		default:
			err = fmt.Errorf("hangs since %s; skipped until it returns", sl.since.Format(time.TimeOnly))
		}
		sl.note(err, res, r.now)
		if err != nil {
			f.Errors[sl.status.Name] = err.Error()
		}
	}
}

// maxTarget is the longest Target, in bytes: CloudWatch's limit for the value
// of a dimension.
const maxTarget = 1024

// take copies the samples that are sound: finite, within the bounds of a
// declared metric and of the Set. What is not is counted and named, in words
// that stay the same from tick to tick.
func (s *Set) take(sl *slot, res *result, f *Frame) (bad error) {
	from, dropped := len(f.Samples), 0
	for i, v := range res.samples {
		v.Value = Round(v.Value)
		m, known := s.metrics[v.Metric]
		full := len(f.Samples) >= s.opt.MaxSeries || len(f.Samples)-from >= s.opt.MaxPerCollector
		nameable := len(v.Target) <= maxTarget && utf8.ValidString(v.Target)
		if known && !full && nameable && possible(v.Value, m) {
			f.Samples = append(f.Samples, v)
			continue
		}
		dropped++
		switch {
		case bad != nil:
		case full:
			bad = fmt.Errorf("%d series are too many: those after the first %d are left out", len(res.samples), i)
		case !known:
			bad = fmt.Errorf("metric %q is not declared; left out", v.Metric)
		case !nameable:
			bad = fmt.Errorf("%s %.40q: a name that is too long or not UTF-8; left out", v.Metric, v.Target)
		default:
			bad = fmt.Errorf("%s %s: a reading that is not possible (not a number, or outside %g…%g); left out", v.Metric, v.Target, m.Min, m.Max)
		}
	}
	sl.status.Dropped += uint64(dropped)
	return bad
}

// possible reports whether v is a number within m's bounds, NaN being no bound.
func possible(v float64, m Metric) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && !(v < m.Min) && !(v > m.Max)
}
