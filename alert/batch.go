package alert

import (
	"context"
	"fmt"
	"time"
)

// Batcher is a Sink that can take several alerts in one request, each with an
// outcome of its own. It is an ability beside Send, not instead of it: see
// docs/decisions/0061.
type Batcher interface {
	Sink
	// MaxBatch is the most alerts of one request, at least 2.
	MaxBatch() int
	// SendBatch makes one attempt for all of them, of different incidents, and
	// returns an outcome for each, in their order. A request that failed as a
	// whole is the same error for each.
	SendBatch(ctx context.Context, alerts []Alert) []Outcome
}

// Outcome is what a Send returns.
type Outcome struct {
	Receipt Receipt
	Err     error
}

// together picks what goes to a sink in one request and notes that it is under way:
// one alert, or for a Batcher that works as many as are owed and it takes. A digest
// and a probe of the breaker go alone. mu is held.
func (o *Outbox) together(s *slot, now time.Time) ([]*job, time.Time) {
	j, wake := o.pick(s, now)
	if j == nil {
		return nil, wake
	}
	o.begins(s, j, now)
	jobs := []*job{j}
	b, ok := j.sink.(Batcher)
	if !ok || j.r.digest() || s.gate.probing(now) || s.gate.failures > 0 {
		return jobs, wake
	}
	for len(jobs) < b.MaxBatch() {
		if j, _ = o.pick(s, now); j == nil {
			break
		}
		o.begins(s, j, now)
		jobs = append(jobs, j)
	}
	return jobs, wake
}

// request makes one attempt for all jobs.
func request(ctx context.Context, jobs []*job) []Outcome {
	if len(jobs) == 1 {
		r, err := attempt(ctx, jobs[0])
		return []Outcome{{r, err}}
	}
	alerts := make([]Alert, len(jobs))
	for i, j := range jobs {
		alerts[i] = j.alert
	}
	out, err := attemptAll(ctx, jobs[0].sink.(Batcher), alerts)
	if err == nil && len(out) != len(jobs) {
		err = fmt.Errorf("the sink returned %d outcomes for %d alerts", len(out), len(jobs))
	}
	if err != nil {
		out = make([]Outcome, len(jobs))
		for i := range out {
			out[i].Err = err
		}
	}
	return out
}

// attemptAll is attempt for a batch. A panic is no refusal of any one of them: they
// go one at a time then.
func attemptAll(ctx context.Context, b Batcher, alerts []Alert) (out []Outcome, err error) {
	own, end := deadline(ctx)
	defer end()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the sink panicked: %v", p)
		}
	}()
	return b.SendBatch(own, alerts), nil
}

// allEnded takes over the outcomes of a request. One that failed as a whole is one
// failure of the sink, however many alerts were in it. mu is held.
func (o *Outbox) allEnded(ctx context.Context, s *slot, jobs []*job, out []Outcome, now time.Time) {
	for i, j := range jobs {
		before := s.gate
		o.ended(ctx, s, j, out[i].Receipt, out[i].Err, now)
		if i > 0 && out[i].Err != nil && out[0].Err != nil && out[i].Err.Error() == out[0].Err.Error() {
			s.gate = before
		}
	}
}
