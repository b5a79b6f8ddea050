package collect

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Resolver measures every 10 s how long the host's name server takes to answer
// one small question. The question is asked off the tick; a tick reads the
// newest answer.
type Resolver struct {
	conf  string // resolv.conf(5)
	ask   func(ctx context.Context) error
	mu    sync.Mutex
	asked time.Time
	busy  bool
	none  bool // no server is named
	ever  bool // the server answered at least once
	took  time.Duration
	err   error
}

// NewResolver makes the collector for the host's /etc/resolv.conf.
func NewResolver(h Host) *Resolver {
	r := &net.Resolver{PreferGo: true}
	return &Resolver{conf: filepath.Join(h.Root, "etc/resolv.conf"), ask: func(ctx context.Context) error {
		// The name servers of the root are in every resolver's cache: the
		// time is the way there and back. "No such name" is an answer too.
		_, err := r.LookupNS(ctx, ".")
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return nil
		}
		return err
	}}
}

// Name implements Collector.
func (c *Resolver) Name() string { return "resolver" }

// Metrics implements Collector.
func (c *Resolver) Metrics() []Metric {
	return []Metric{
		amount("resolver_duration", milliseconds, "latency", "time of one question to the host's name server"),
		{"resolver_success", "None", "latency", "1 where the name server answered; missing on a host where it never did", 0, 1},
	}
}

const resolverPause, resolverTimeout = 10 * time.Second, 5 * time.Second

// Collect implements Collector.
func (c *Resolver) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy && (c.asked.IsZero() || now.Sub(c.asked) >= resolverPause || now.Before(c.asked)) {
		c.asked = now
		if c.none = !hasNameServer(c.conf); !c.none {
			c.busy = true
			go c.question(context.WithoutCancel(ctx))
		}
	}
	switch {
	case c.none:
		return dst, &SkippedError{c.conf + " names no server"}
	case c.err != nil && !c.ever:
		return dst, &SkippedError{"no name server of " + c.conf + " answers; asked again every 10 s"}
	case c.err != nil:
		return append(dst, Sample{Metric: "resolver_success", Value: 0}), nil
	case c.ever:
		return append(dst, Sample{Metric: "resolver_success", Value: 1},
			Sample{Metric: "resolver_duration", Value: float64(c.took) / float64(time.Millisecond)}), nil
	}
	return dst, nil
}

func (c *Resolver) question(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, resolverTimeout)
	defer cancel()
	start := time.Now()
	err := c.ask(ctx)
	took := time.Since(start)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.err = false, err
	if err == nil {
		c.ever, c.took = true, took
	}
}

// hasNameServer reports whether resolv.conf names a server.
func hasNameServer(path string) bool {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > 64<<10 {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			return true
		}
	}
	return false
}
