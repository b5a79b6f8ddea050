package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// The drill of a probe: the client serves HTTP on loopback and answers late; the
// agent probes it as it probes any server. Both end with the process they are in.
const (
	drillTarget = "drill"     // the probe's name
	slowAnswer  = time.Second // how late an answer of the fault comes
)

// slowServer is the client's part.
type slowServer struct {
	listener net.Listener
	server   *http.Server
	faulty   atomic.Pointer[context.Context] // nil = in order
	answers  atomic.Int64
}

func newSlowServer() (*slowServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, fmt.Errorf("serve for the probe: %w", err)
	}
	s := &slowServer{listener: l}
	s.server = &http.Server{Handler: http.HandlerFunc(s.answer), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.server.Serve(l) }() // until close
	return s, nil
}

// slow makes answers late until ctx ends.
func (s *slowServer) slow(ctx context.Context) { s.faulty.Store(&ctx) }

func (s *slowServer) address() string { return s.listener.Addr().String() }

func (s *slowServer) close() { _ = s.server.Close() }

// answer is late while the fault lasts, but for the first answer: the probe sees
// what it is like in order.
func (s *slowServer) answer(w http.ResponseWriter, r *http.Request) {
	if faulty := s.faulty.Load(); faulty != nil && s.answers.Add(1) > 1 {
		wait := time.NewTimer(slowAnswer)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-(*faulty).Done():
		case <-r.Context().Done():
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// drillProbe is the agent's part.
type drillProbe struct {
	set  *probe.Set
	stop context.CancelFunc
}

// startDrillProbe probes a server on loopback until it is stopped, a minute at
// most.
func startDrillProbe(ctx context.Context, address string) (*drillProbe, error) {
	if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("a drill probes an address on loopback, not %q", address)
	}
	work, stop := context.WithTimeout(ctx, drillTime)
	p := &drillProbe{probe.New([]probe.Config{{Name: drillTarget, Type: "http", Target: "http://" + address, Interval: conf.Duration(500 * time.Millisecond)}}), stop}
	go p.set.Run(work)
	return p, nil
}

// readDrill adds to the frame how long the newest answer of a drill's server
// took, and no more: a drill whose client was killed must not look like a server
// that died.
func (a *agent) readDrill(ctx context.Context, f *collect.Frame) {
	a.mu.Lock()
	r := a.rehearsal
	a.mu.Unlock()
	if r == nil || r.probe == nil {
		return
	}
	samples, _ := r.probe.set.Collect(ctx, f.Time, nil) // its error is a client that is gone
	for _, s := range samples {
		if s.Metric == "probe_duration" {
			s.Value = collect.Round(s.Value)
			f.Samples = append(f.Samples, s)
		}
	}
}
