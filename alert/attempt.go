package alert

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// job is one attempt to send one alert to one sink.
type job struct {
	r     *record
	d     *delivery
	sink  Sink
	alert Alert
	last  Receipt
	maybe bool // of d, before this attempt
	since time.Time
	began time.Time
}

// begins notes that a job is under way. mu is held.
func (o *Outbox) begins(s *slot, j *job, now time.Time) {
	j.maybe, j.since, j.began = j.d.maybe, j.d.since, now
	j.d.maybe, j.d.busy = true, true
	if j.d.since.IsZero() {
		j.d.since = now
	}
	j.alert.FailoverFor = j.r.standsInFor(s.name)
	j.alert.PossibleRepeat = now.Sub(j.d.since) >= repeatAfter
	if j.d.first.IsZero() {
		j.d.first = now
		o.wake() // a fallback may have to look at the clock from now on
	}
	s.busy = now
}

// attempt makes one call of Send within its deadline. When the agent ends, a
// call that is under way is given a little longer, so that what it brings is
// known and not sent again. A panic is a refusal: it would come again.
func attempt(ctx context.Context, j *job) (receipt Receipt, err error) {
	own, end := deadline(ctx)
	defer end()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the sink panicked: %v", ErrPermanent, p)
		}
	}()
	return j.sink.Send(own, j.alert, j.last)
}

// deadline bounds a request, also past the end of the agent.
func deadline(ctx context.Context) (own context.Context, end func()) {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptLimit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(shutdownGrace, cancel) })
	return own, func() { stop(); cancel() }
}

// ended takes over the outcome of a job. mu is held.
func (o *Outbox) ended(ctx context.Context, s *slot, j *job, receipt Receipt, err error, now time.Time) {
	defer o.wake()
	s.busy, j.d.busy = time.Time{}, false
	s.latency = now.Sub(j.began)
	var throttled *ThrottledError
	switch {
	case err == nil:
		o.confirmed(s, j, receipt, now)
	case ctx.Err() != nil:
		// The end of the agent cut it short: ambiguous, and sent again at the next start.
	case errors.As(err, &throttled):
		j.unheard()
		s.throttles++
		o.fault(s, j, err)
		s.gate.throttled(now, throttled.After, o.rng)
	case errors.Is(err, ErrCredentials):
		j.unheard()
		if !s.gate.parked {
			o.opt.Log.Error("sink is parked: its credentials are refused; it is tried again every 5 min", "sink", s.name, "error", err)
		}
		s.failures++
		o.fault(s, j, err)
		s.gate.refused(now)
	case errors.Is(err, ErrPermanent):
		j.unheard()
		s.failures++
		o.fault(s, j, err)
		s.gate.answered()
		o.bury(s, j, err, now)
	default:
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			j.unheard() // no connection: nothing was said
		}
		s.failures++
		o.fault(s, j, err)
		j.d.Attempts++
		j.d.NextTry = now.Add(backoff(j.d.Attempts, j.r.Worst, o.rng))
		if s.gate.failed(now, o.urgent(s, now), o.rng) {
			o.opt.Log.Warn("breaker of a sink opened", "sink", s.name, "failures", s.gate.failures, "error", err)
		}
	}
}

// unheard notes that the service surely did not take what was sent.
func (j *job) unheard() { j.d.maybe, j.d.since = j.maybe, j.since }

// confirmed notes a delivery; the incident's next alert waits until that is on
// disk.
func (o *Outbox) confirmed(s *slot, j *job, receipt Receipt, now time.Time) {
	backlog := s.sent == 0 && o.stats.Adopted > digestOver
	if s.gate.open || s.gate.parked {
		o.opt.Log.Info("sink delivers again", "sink", s.name)
		backlog = true
		for _, r := range o.open {
			if d := r.Sinks[s.name]; d != nil {
				d.NextTry = time.Time{}
			}
		}
	}
	s.gate.answered()
	s.sent++
	s.lastSuccess, s.lastError = now, ""
	if len(receipt.Memo) > MaxMemo {
		receipt.Memo = nil
	}
	d := j.d
	d.Confirmed, d.Receipt = j.alert.Phase, receipt
	o.done(j)
	if backlog {
		o.summarize(s, now)
	}
}

// done settles a job's phase at its sink.
func (o *Outbox) done(j *job) {
	d := j.d
	d.Done = j.alert.Phase
	if d.First != nil && d.Done == PhaseFiring { // what it heard is that update
		d.Done = updatePhase(d.Joined)
		if d.Confirmed == PhaseFiring {
			d.Confirmed = d.Done
		}
		d.First, d.Joined = nil, 0
	}
	d.Attempts, d.NextTry, d.first, d.since, d.LastError = 0, time.Time{}, time.Time{}, time.Time{}, ""
	o.touch(j.r)
	o.hold(j.r, confirmWait)
	if j.r.digest() {
		o.told(j.r)
	}
}

// bury makes a job's alert a dead letter.
func (o *Outbox) bury(s *slot, j *job, err error, now time.Time) {
	s.deads++
	o.stats.Dead++
	o.opt.Log.Error("alert refused for good: dead letter", "sink", s.name, "key", j.alert.Key, "error", err)
	d := j.d
	if len(d.Dead) == maxDeadPerSink {
		d.Dead = append([]DeadLetter(nil), d.Dead[1:]...)
	}
	d.Dead = append(d.Dead, DeadLetter{
		Sink: s.name, Incident: j.r.ID, Key: j.alert.Key, Severity: j.alert.Severity,
		Summary: j.alert.Summary, Error: brief(err), At: now.UTC().Round(0),
	})
	o.done(j)
}

// fault remembers why an attempt failed.
func (o *Outbox) fault(s *slot, j *job, err error) {
	s.lastError = brief(err)
	j.d.LastError = s.lastError
}

// urgent reports whether a critical is owed at a sink.
func (o *Outbox) urgent(s *slot, now time.Time) bool {
	view := o.view(now)
	for _, r := range o.open {
		if r.Worst != Critical || o.muted(r) != "" {
			continue
		}
		if a, _ := r.owed(s.name, now, view); a != nil {
			return true
		}
	}
	return false
}

// brief is the text of an error, one line of at most 300 bytes.
func brief(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
