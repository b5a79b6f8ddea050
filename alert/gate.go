package alert

import (
	"math/rand/v2"
	"time"
)

// gate decides when a sink may be asked at all. It is a pure state machine:
// time and chance are arguments.
//
//	        5th failure in a row             60 s ±20 % are over
//	closed ─────────────────────▶ open ──────────────────────▶ probing
//	   ▲                            ▲   the probe fails: twice as long │
//	   │      any answer            └──────────────────────────────────┤
//	   └───────────────────────────────────────────────────────────────┘
//
// Throttling shuts the gate for as long as the service asked, refused
// credentials for 5 minutes; neither is a failure.
type gate struct {
	failures  int // infrastructure failures in a row
	open      bool
	openFor   time.Duration
	parked    bool
	throttles int // in a row
	until     time.Time
}

// shut reports whether the sink must be left alone now.
func (g *gate) shut(now time.Time) bool { return now.Before(g.until) }

// probing reports whether the next request is a probe: one, with the most
// important alert, whatever its back-off says.
func (g *gate) probing(now time.Time) bool { return (g.open || g.parked) && !g.shut(now) }

// answered notes that the service took or refused an alert: it works.
func (g *gate) answered() { *g = gate{} }

// failed notes an infrastructure failure, and reports whether it opened the
// breaker. urgent says that a critical is owed: then it opens for 60 s again
// and again, not for longer each time.
func (g *gate) failed(now time.Time, urgent bool, rng *rand.Rand) bool {
	g.failures++
	g.parked, g.throttles = false, 0
	if g.failures < breakerTrips && !g.open {
		return false
	}
	opened := !g.open
	g.open = true
	g.openFor = min(max(2*g.openFor, breakerOpen), breakerOpenMax)
	spread := 0.4
	if urgent { // at most 60 s
		g.openFor, spread = breakerOpen, 0.2
	}
	g.until = now.Add(time.Duration((0.8 + spread*rng.Float64()) * float64(g.openFor)))
	return opened
}

// hurry shortens a long opening of the breaker to 60 s from now: a critical has
// come.
func (g *gate) hurry(now time.Time) {
	if soon := now.Add(breakerOpen); g.open && g.until.After(soon) {
		g.until, g.openFor = soon, breakerOpen
	}
}

// throttled shuts the gate for as long as the service asked, within 1 s and
// 15 min, and where it did not say for 1 s. From the second throttling in a row
// on it adds what chance says, uniform in 0 … 1 s·2ⁿ⁻¹ after the nth, at most
// 32 s. Without that a fleet that a service throttles comes back as one: of 1000
// agents at a service that takes one request a second and sends the others away
// for 30 s, 21 were told in ten minutes (bench/fleet).
func (g *gate) throttled(now time.Time, after time.Duration, rng *rand.Rand) {
	g.until = now.Add(min(max(after, throttleMin), throttleMax))
	if g.throttles > 0 {
		g.until = g.until.Add(time.Duration(rng.Float64() * float64(throttleMin<<min(g.throttles, 5))))
	}
	g.throttles++
	g.failures, g.open, g.openFor, g.parked = 0, false, 0, false
}

// refused parks the sink: its credentials must be mended.
func (g *gate) refused(now time.Time) {
	*g = gate{parked: true, until: now.Add(parkTime)}
}

// backoff is the wait after the nth failed attempt of an alert, n ≥ 1: full
// jitter, uniform in 0 … min(cap, 1 s · 2ⁿ⁻¹).
// Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func backoff(n int, s Severity, rng *rand.Rand) time.Duration {
	limit := backoffOther
	if s == Critical {
		limit = backoffCrit
	}
	if n < 10 { // 1 s · 2⁹ is past both caps
		limit = min(limit, backoffBase<<(n-1))
	}
	return time.Duration(rng.Float64() * float64(limit))
}
