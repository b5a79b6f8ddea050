package statsd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"math"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

const (
	maxDatagram = 64 << 10
	retry       = time.Second // between two tries to listen
)

// Server listens and aggregates. Run does the listening, Collect the rest.
type Server struct {
	cfg  Config
	most int
	seed maphash.Seed

	mu      sync.Mutex
	series  map[string]*series // by name and tags as they are sent
	targets map[string]*series
	list    []*series
	key     []byte
	turn    uint32
	at      time.Time // of the last tick
	packets float64   // since then
	bad     float64   // lines that could not be read
	unknown float64   // lines of names beyond the bound
	kernel  uint64    // datagrams that the kernel dropped, of the socket that is open
	lost    float64   // the same since the last tick
	members int       // of all sets, since then
	conns   []net.PacketConn
	errs    map[string]error // by address, why it is not listening
}

// New makes a Server of a valid configuration.
func New(c Config) *Server {
	s := &Server{cfg: c, most: c.MaxSeries, seed: maphash.MakeSeed(), series: map[string]*series{}, targets: map[string]*series{}, errs: map[string]error{}}
	if s.most == 0 {
		s.most = defaultSeries
	}
	return s
}

// Name implements collect.Collector.
func (s *Server) Name() string { return "statsd" }

// Metrics implements collect.Collector.
func (s *Server) Metrics() []collect.Metric { return Metrics() }

// Metrics lists what a Server gives, for checking rules without one.
func Metrics() []collect.Metric {
	m := func(name, unit, help string, low float64) collect.Metric {
		return collect.Metric{Name: name, Unit: unit, Subsystem: "latency", Help: help, Min: low, Max: math.NaN()}
	}
	out := []collect.Metric{
		m("statsd_counter", "Count/Second", "StatsD counter, the target is its name{tags}", math.NaN()),
		m("statsd_gauge", "None", "StatsD gauge, its newest value", math.NaN()),
		m("statsd_set", "Count", "StatsD set: different members since the last tick, at most 10000, and 100000 in all sets", 0),
	}
	for _, k := range []struct {
		name, unit string
		low        float64
	}{{"timer", "Milliseconds", 0}, {"distribution", "None", math.NaN()}} {
		out = append(out, m("statsd_"+k.name+"_rate", "Count/Second", "StatsD "+k.name+": values a second", 0))
		for _, q := range []string{"p50", "p95", "p99", "max"} {
			out = append(out, m("statsd_"+k.name+"_"+q, k.unit, "StatsD "+k.name+": "+q+" since the last tick, quantiles within 0.8 %", k.low))
		}
	}
	return append(out,
		m("statsd_packets", "Count/Second", "datagrams that were read", 0),
		m("statsd_dropped", "Count/Second", "datagrams that the kernel dropped because they came too fast, and lines that could not be read or were of a name beyond max_series", 0),
		m("statsd_series", "Count", "names with their tags", 0))
}

// Collect implements collect.Collector.
func (s *Server) Collect(_ context.Context, now time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countLost()
	seconds := 0.0
	if !s.at.IsZero() {
		seconds = now.Sub(s.at).Seconds()
	}
	s.at = now
	for _, p := range s.list {
		if p.heard == s.turn {
			p.at = now
		}
		dst = p.samples(seconds, dst)
	}
	if seconds > 0 {
		dst = append(dst, collect.Sample{Metric: "statsd_packets", Value: s.packets / seconds},
			collect.Sample{Metric: "statsd_dropped", Value: (s.lost + s.bad + s.unknown) / seconds})
	}
	dst = append(dst, collect.Sample{Metric: "statsd_series", Value: float64(len(s.list))})
	errs := slices.Collect(func(yield func(error) bool) {
		for _, err := range s.errs {
			yield(err)
		}
	})
	if s.unknown > 0 {
		errs = append(errs, fmt.Errorf("more than %d series: those beyond are dropped", s.most))
	}
	s.packets, s.bad, s.unknown, s.lost, s.members = 0, 0, 0, 0, 0
	s.turn++
	s.forget(now)
	return dst, errors.Join(errs...)
}

// forget drops what nobody has sent for five minutes.
func (s *Server) forget(now time.Time) {
	stale := func(p *series) bool { return now.Sub(p.at) > expiry }
	if !slices.ContainsFunc(s.list, stale) {
		return
	}
	for k, p := range s.series {
		if stale(p) {
			delete(s.series, k)
		}
	}
	for _, p := range s.list {
		if stale(p) {
			delete(s.targets, p.target)
		}
	}
	s.list = slices.DeleteFunc(s.list, stale)
}

// Run listens until ctx ends. An address that cannot be opened is tried again
// every second.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	if s.cfg.Listen != "" {
		all.Go(func() { s.serve(ctx, "udp", s.cfg.Listen) })
	}
	if s.cfg.Socket != "" {
		all.Go(func() { s.serve(ctx, "unixgram", s.cfg.Socket) })
	}
	all.Wait()
}

func (s *Server) serve(ctx context.Context, network, address string) {
	for ctx.Err() == nil {
		conn, err := listen(ctx, network, address)
		s.mu.Lock()
		delete(s.errs, address)
		if err != nil {
			s.errs[address] = fmt.Errorf("listen: %w", err)
		} else {
			s.conns = append(s.conns, conn)
		}
		s.mu.Unlock()
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			s.read(conn)
			stop()
			_ = conn.Close() // whatever ended it
			s.mu.Lock()
			s.conns = slices.DeleteFunc(s.conns, func(c net.PacketConn) bool { return c == conn })
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// listen opens a socket. One in the file system that is left over from a run
// that was killed is replaced; what is no socket is not.
func listen(ctx context.Context, network, address string) (net.PacketConn, error) {
	if network == "unixgram" {
		if st, err := os.Lstat(address); err == nil && st.Mode().Type() == fs.ModeSocket {
			_ = os.Remove(address) // if it cannot be, listening fails and says why
		}
	}
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if network == "unixgram" {
		// Whoever may reach the directory may send: applications run as any user.
		if err := os.Chmod(address, 0o666); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	if c, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = c.SetReadBuffer(4 << 20) // as much as net.core.rmem_max allows
	}
	return conn, nil
}

// read takes datagrams until the socket is closed.
func (s *Server) read(conn net.PacketConn) {
	reader, ok := conn.(interface{ Read([]byte) (int, error) })
	if !ok {
		return
	}
	buf := make([]byte, maxDatagram)
	for {
		n, err := reader.Read(buf)
		if err != nil {
			return
		}
		s.take(buf[:n])
	}
}

// take aggregates one datagram: lines with newlines between them. Events and
// service checks are passed over.
func (s *Server) take(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packets++
	for len(b) > 0 {
		var l []byte
		l, b, _ = bytes.Cut(b, []byte("\n"))
		if len(l) == 0 || bytes.HasPrefix(l, []byte("_e{")) || bytes.HasPrefix(l, []byte("_sc|")) {
			continue
		}
		if m, ok := parse(l); !ok || !s.add(m) {
			s.bad++
		}
	}
}
