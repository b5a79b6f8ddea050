package probe

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// outcome is what one attempt found beside its time.
type outcome struct{ status int } // HTTP status, 0 = none

// maxInFlight bounds the attempts under way at once, of all probes.
const maxInFlight = 16

// Set runs the probes of a configuration.
type Set struct {
	probes  []*probe
	slots   chan struct{}
	attempt func(ctx context.Context, c Config) (outcome, error) // replaced in tests
}

type probe struct {
	cfg  Config
	dims []collect.Label
	mu   sync.Mutex
	have bool // a result is there
	at   time.Time
	took time.Duration
	out  outcome
	err  error
}

// New makes a Set of valid configurations.
func New(configs []Config) *Set {
	s := &Set{slots: make(chan struct{}, maxInFlight)}
	s.attempt = func(ctx context.Context, c Config) (outcome, error) { return types()[c.Type](ctx, c) }
	for _, c := range configs {
		c = c.withDefaults()
		server := c.Target
		if c.Type == "http" {
			server = redact(server)
		}
		s.probes = append(s.probes, &probe{cfg: c, dims: []collect.Label{{Name: "server", Value: server}, {Name: "type", Value: c.Type}}})
	}
	return s
}

// Inherit takes over the newest results of the probes of old that are
// configured the same here, so that a reload leaves no gap. old may be nil.
func (s *Set) Inherit(old *Set) {
	if old == nil {
		return
	}
	for _, p := range s.probes {
		for _, o := range old.probes {
			if o.cfg == p.cfg {
				o.mu.Lock()
				p.have, p.at, p.took, p.out, p.err = o.have, o.at, o.took, o.out, o.err
				o.mu.Unlock()
			}
		}
	}
}

// Name implements collect.Collector.
func (s *Set) Name() string { return "probe" }

// Metrics implements collect.Collector.
func (s *Set) Metrics() []collect.Metric { return Metrics() }

// Metrics lists what a Set gives, for checking rules without one.
func Metrics() []collect.Metric {
	return []collect.Metric{
		{Name: "probe_duration", Unit: "Milliseconds", Subsystem: "latency", Help: "time of the newest attempt that succeeded; missing while the probe fails", Min: 0, Max: math.NaN()},
		{Name: "probe_success", Unit: "None", Subsystem: "latency", Help: "1 where the newest attempt succeeded, 0 where it and its repeat failed", Min: 0, Max: 1},
		{Name: "probe_status_code", Unit: "None", Subsystem: "latency", Help: "HTTP status of the newest answer", Min: 0, Max: 999},
	}
}

// Collect implements collect.Collector: the newest result of each probe. One
// that is overdue by three intervals is missing.
func (s *Set) Collect(_ context.Context, now time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	var errs []error
	for _, p := range s.probes {
		p.mu.Lock()
		if p.have && now.Sub(p.at) <= 3*p.cfg.Interval.D()+2*p.cfg.Timeout.D() {
			success := 0.0
			if p.err == nil {
				success = 1
				dst = append(dst, collect.Sample{Metric: "probe_duration", Target: p.cfg.Name, Dims: p.dims, Value: float64(p.took) / float64(time.Millisecond)})
			} else {
				errs = append(errs, fmt.Errorf("%s: %w", p.cfg.Name, p.err))
			}
			dst = append(dst, collect.Sample{Metric: "probe_success", Target: p.cfg.Name, Dims: p.dims, Value: success})
			if p.out.status > 0 {
				dst = append(dst, collect.Sample{Metric: "probe_status_code", Target: p.cfg.Name, Dims: p.dims, Value: float64(p.out.status)})
			}
		}
		p.mu.Unlock()
	}
	return dst, errors.Join(errs...)
}

// Run probes until ctx ends. Each probe starts at its own point of its
// interval, given by its name, so that many agents do not probe at once.
func (s *Set) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range s.probes {
		all.Go(func() { s.repeat(ctx, p) })
	}
	all.Wait()
}

func (s *Set) repeat(ctx context.Context, p *probe) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.cfg.Name))
	interval := p.cfg.Interval.D()
	first := time.Duration(h.Sum32()%1000) * min(interval, time.Second) / 1000
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		began := time.Now()
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.measure(ctx, p)
		<-s.slots
		timer.Reset(max(0, interval-time.Since(began)))
	}
}

// measure makes one attempt, and a second one at once where the first one
// after a success failed.
func (s *Set) measure(ctx context.Context, p *probe) {
	took, out, err := s.once(ctx, p)
	p.mu.Lock()
	confirm := err != nil && p.err == nil
	p.mu.Unlock()
	if confirm && ctx.Err() == nil {
		took, out, err = s.once(ctx, p)
	}
	if ctx.Err() != nil {
		return // we end, not they
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.have, p.at, p.took, p.out, p.err = true, time.Now(), took, out, err
}

func (s *Set) once(ctx context.Context, p *probe) (time.Duration, outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout.D())
	defer cancel()
	start := time.Now()
	out, err := s.attempt(ctx, p.cfg)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", p.cfg.Timeout)
	}
	return time.Since(start), out, err
}

// Try makes one attempt of a probe, for `check --live`.
func Try(ctx context.Context, c Config) error {
	s := New([]Config{c})
	_, _, err := s.once(ctx, s.probes[0])
	return err
}
