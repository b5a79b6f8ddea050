package probe

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// outcome is what one attempt found beside its time.
type outcome struct{ values []value }

type value struct {
	metric string
	v      float64
}

func (o *outcome) add(metric string, v float64) { o.values = append(o.values, value{metric, v}) }

// took adds the time since began, in milliseconds.
func (o *outcome) took(metric string, began time.Time) {
	o.add(metric, float64(time.Since(began))/float64(time.Millisecond))
}

// role adds the role of a database, and fails where another one is expected.
func (o *outcome) role(is, expect string) error {
	o.add("probe_replica", map[string]float64{"replica": 1}[is])
	if expect != "" && expect != is {
		return &failure{roleMismatch, fmt.Errorf("it is a %s, expected a %s", is, expect)}
	}
	return nil
}

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
	last window
}

// New makes a Set of valid configurations.
func New(configs []Config) *Set {
	s := &Set{slots: make(chan struct{}, maxInFlight)}
	s.attempt = func(ctx context.Context, c Config) (outcome, error) { return kinds()[c.Type].attempt(ctx, c) }
	for _, c := range configs {
		c = c.withDefaults()
		server := c.Target
		switch c.Type {
		case "http", "postgres":
			server = redact(server)
		case "exec":
			server = c.Command[0]
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
			if reflect.DeepEqual(o.cfg, p.cfg) {
				o.mu.Lock()
				p.have, p.at, p.took, p.out, p.err, p.last = o.have, o.at, o.took, o.out, o.err, o.last
				o.mu.Unlock()
			}
		}
	}
}

// Name implements collect.Collector.
func (s *Set) Name() string { return "probe" }

// Metrics implements collect.Collector.
func (s *Set) Metrics() []collect.Metric { return Metrics() }

// Collect implements collect.Collector: the newest result of each probe. One
// that is overdue by three intervals is missing.
func (s *Set) Collect(_ context.Context, now time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	var errs []error
	for _, p := range s.probes {
		p.mu.Lock()
		if p.have && now.Sub(p.at) <= 3*p.cfg.Interval.D()+2*p.cfg.Timeout.D() {
			dst = p.samples(dst)
			if p.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.cfg.Name, p.err))
			}
		}
		p.mu.Unlock()
	}
	return dst, errors.Join(errs...)
}

// samples gives the newest result; p.mu is held.
func (p *probe) samples(dst []collect.Sample) []collect.Sample {
	add := func(metric string, v float64) {
		dst = append(dst, collect.Sample{Metric: metric, Target: p.cfg.Name, Dims: p.dims, Value: v})
	}
	if p.err == nil {
		add("probe_duration", float64(p.took)/float64(time.Millisecond))
		add("probe_success", 1)
	} else {
		add("probe_success", 0)
	}
	add("probe_result_code", float64(classOf(p.err)))
	for _, v := range p.out.values {
		add(v.metric, v.v)
	}
	if len(p.last.at) > 0 {
		for i, name := range []string{"probe_duration_p50", "probe_duration_p95", "probe_duration_p99"} {
			add(name, p.last.quantiles[i])
		}
	}
	return dst
}

// Reason says why a probe fails now; "" where it does not.
func (s *Set) Reason(name string) string {
	for _, p := range s.probes {
		if p.cfg.Name == name {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.err != nil {
				return p.err.Error()
			}
		}
	}
	return ""
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
	jitter := rand.New(rand.NewPCG(uint64(h.Sum32()), 1))
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
		// By up to a twentieth more or less, so that probes which once met do
		// not go on meeting.
		wait := interval + time.Duration((jitter.Float64()-0.5)*float64(interval)/10)
		timer.Reset(max(0, wait-time.Since(began)))
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
	if class := classOf(err); class == success || class == timedOut {
		p.last.add(p.at, took)
	}
}

func (s *Set) once(ctx context.Context, p *probe) (time.Duration, outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout.D())
	defer cancel()
	start := time.Now()
	out, err := s.attempt(ctx, p.cfg)
	if err != nil && (ctx.Err() != nil || classOf(err) == timedOut) {
		err = &failure{timedOut, fmt.Errorf("no answer within %s", p.cfg.Timeout)}
	}
	return time.Since(start), out, err
}

// Try makes one attempt of a probe, for `check --live`.
func Try(ctx context.Context, c Config) error {
	s := New([]Config{c})
	_, _, err := s.once(ctx, s.probes[0])
	return err
}
