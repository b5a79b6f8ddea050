// Package scrape reads a few series from Prometheus endpoints of this host, so
// that what an application already tells is judged like the rest.
//
// A [Set] is a collect.Collector; Run does the scraping. Only series whose name
// is on the allow-list of their [Config] are kept, at most 200 of an endpoint:
// name{label="value",…} behind "endpoint:" is the target of one of the metrics
// of [Metrics]. Counters become rates; of a histogram or summary the name alone
// gives its mean.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Config is one [[scrape]].
type Config struct {
	Name     string        `toml:"name"`
	URL      string        `toml:"url"` // of this host
	Interval conf.Duration `toml:"interval"`
	Timeout  conf.Duration `toml:"timeout"`
	Metrics  []string      `toml:"metrics"` // names, * stands for any text
}

const (
	maxSeries = 200     // of one endpoint
	maxBody   = 4 << 20 // bytes of one answer
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	var faults []conf.Fault
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if !nameForm.MatchString(c.Name) {
		add("name", fmt.Sprintf("scrape name %q is not of the form [a-z0-9-], 1 to 64 letters", c.Name), `write for example "shop"`)
	}
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" || !local(u.Hostname()) || u.User != nil {
		add("url", "url is not an http URL of this host", `write for example "http://127.0.0.1:9100/metrics"`)
	}
	if len(c.Metrics) == 0 {
		add("metrics", "a scrape needs the names of the metrics that it keeps", `write for example metrics = ["http_requests_total"]`)
	}
	for i, m := range c.Metrics {
		if _, err := filepath.Match(m, ""); err != nil || m == "" {
			add("metrics."+strconv.Itoa(i), fmt.Sprintf("pattern %q is not complete", m), "* stands for any text")
		}
	}
	d := c.withDefaults()
	if i := d.Interval.D(); i < time.Second || i > time.Hour {
		add("interval", fmt.Sprintf("interval %s is out of range", c.Interval), "1s to 1h")
	}
	if t := d.Timeout.D(); t < 10*time.Millisecond || t > time.Minute {
		add("timeout", fmt.Sprintf("timeout %s is out of range", c.Timeout), "10ms to 1m")
	}
	return faults
}

func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = conf.Duration(10 * time.Second)
	}
	if c.Timeout == 0 {
		c.Timeout = conf.Duration(2 * time.Second)
	}
	return c
}

// Set scrapes the endpoints of a configuration.
type Set struct{ endpoints []*endpoint }

type endpoint struct {
	cfg     Config
	mu      sync.Mutex
	at      time.Time // of the newest answer
	took    time.Duration
	err     error
	samples []collect.Sample
	last    map[string]float64 // counters, by target
	lastAt  time.Time
}

// New makes a Set of valid configurations.
func New(configs []Config) *Set {
	s := &Set{}
	for _, c := range configs {
		s.endpoints = append(s.endpoints, &endpoint{cfg: c.withDefaults()})
	}
	return s
}

// Name implements collect.Collector.
func (s *Set) Name() string { return "scrape" }

// Metrics implements collect.Collector.
func (s *Set) Metrics() []collect.Metric { return Metrics() }

// Metrics lists what a Set gives, for checking rules without one.
func Metrics() []collect.Metric {
	m := func(name, unit, help string, low, high float64) collect.Metric {
		return collect.Metric{Name: name, Unit: unit, Subsystem: "latency", Help: help, Min: low, Max: high}
	}
	return []collect.Metric{
		m("scrape_value", "None", "a gauge of a Prometheus endpoint; the target is endpoint:name{labels}", math.NaN(), math.NaN()),
		m("scrape_rate", "Count/Second", "change of a counter of a Prometheus endpoint, per second", 0, math.NaN()),
		m("scrape_mean", "None", "of a histogram or summary: sum by count of what came since the scrape before, in the unit of the application", math.NaN(), math.NaN()),
		m("scrape_duration", "Milliseconds", "time of one scrape", 0, math.NaN()),
		m("scrape_success", "None", "1 where the endpoint answered, 0 where it did not", 0, 1),
	}
}

// Collect implements collect.Collector: what the newest scrape gave. One that
// is overdue by three intervals is missing.
func (s *Set) Collect(_ context.Context, now time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	var errs []error
	for _, e := range s.endpoints {
		e.mu.Lock()
		if !e.at.IsZero() && now.Sub(e.at) <= 3*e.cfg.Interval.D()+e.cfg.Timeout.D() {
			dst = append(dst, e.samples...)
			if e.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", e.cfg.Name, e.err))
			}
		}
		e.mu.Unlock()
	}
	return dst, errors.Join(errs...)
}

// Run scrapes until ctx ends.
func (s *Set) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, e := range s.endpoints {
		all.Go(func() {
			timer := time.NewTimer(0)
			defer timer.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
				began := time.Now()
				e.scrape(ctx)
				timer.Reset(max(0, e.cfg.Interval.D()-time.Since(began)))
			}
		})
	}
	all.Wait()
}

// scrape asks once.
func (e *endpoint) scrape(ctx context.Context) {
	began := time.Now()
	body, err := get(ctx, e.cfg)
	if ctx.Err() != nil {
		return // we end, not they
	}
	e.take(began, time.Since(began), body, err)
}

// take keeps what an answer of that moment holds.
func (e *endpoint) take(at time.Time, took time.Duration, body []byte, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at, e.took, e.err, e.samples = at, took, err, e.samples[:0:0]
	success := 0.0
	if err == nil {
		success = 1
		e.err = e.keep(at, body)
		e.samples = append(e.samples, collect.Sample{Metric: "scrape_duration", Target: e.cfg.Name, Value: float64(took) / float64(time.Millisecond)})
	}
	e.samples = append(e.samples, collect.Sample{Metric: "scrape_success", Target: e.cfg.Name, Value: success})
}

// get reads an endpoint: of this host, whatever it redirects to.
func get(ctx context.Context, c Config) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout.D())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return nil, errors.New("make request: the url is none")
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	req.Header.Set("User-Agent", "firewatch-scrape")
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, DialContext: (&net.Dialer{}).DialContext}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("more than %d bytes", maxBody)
	}
	return body, err
}
