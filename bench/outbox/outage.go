package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// slow is a service that is down, and takes one message a second when it is
// back.
type slow struct {
	up   atomic.Bool
	mu   sync.Mutex
	had  []alert.Alert
	when []time.Time
}

func (s *slow) Name() string { return "slow" }

func (s *slow) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	if !s.up.Load() {
		return alert.Receipt{}, errors.New("connection refused")
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return alert.Receipt{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.had, s.when = append(s.had, a), append(s.when, time.Now())
	return alert.Receipt{ID: a.Key}, nil
}

const (
	firingOn = 50   // incidents that fire throughout
	ended    = 3000 // criticals that begin and end while the service is down: twice the bound
)

// outage fills the outbox beyond its bounds while the service is down, as a day
// of trouble does, and lets the service come back. (24 hours on a simulated
// clock: go test ./alert -run Digest.)
func outage(_ *bench, dir string) ([]row, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	s := &slow{}
	box, err := alert.Open(root, alert.Options{Host: "bench", Version: "bench"})
	if err != nil {
		return nil, err
	}
	box.SetSinks([]alert.Sink{s}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	time.Sleep(time.Second)
	before := resident()
	put := func(target string, state alert.State) error {
		a := alert.Alert{Rule: "bench", Target: target, Severity: alert.Critical, State: state, Summary: target + " is in trouble: " + strings.Repeat("x", 200), Metric: "m", StartedAt: time.Now(), ChangedAt: time.Now()}
		return box.Put(ctx, a)
	}
	for i := range firingOn {
		if err := put(fmt.Sprint("on-", i), alert.Firing); err != nil {
			return nil, err
		}
	}
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, 16)
	for w := range errs {
		all.Go(func() {
			for i := next.Add(1); i <= ended && errs[w] == nil; i = next.Add(1) {
				t := fmt.Sprint("over-", i)
				errs[w] = errors.Join(put(t, alert.Firing), put(t, alert.Resolved))
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	time.Sleep(5 * time.Second) // what gave way is closed and trimmed
	full, grown := size(dir), resident()-before
	evicted := box.Stats().Evicted
	s.up.Store(true)
	_, ok := wait(11*time.Minute, func() bool { return s.fired() == firingOn })
	if !ok {
		return nil, fmt.Errorf("%d of %d that fire were told", s.fired(), firingOn)
	}
	s.mu.Lock()
	took := s.when[len(s.when)-1].Sub(s.when[0]).Seconds()
	s.mu.Unlock()
	time.Sleep(3 * time.Second)
	return []row{
		{Figure: fmt.Sprintf("the state directory after %d criticals came and went, MiB", ended), Value: float64(full) / (1 << 20), Bar: 64},
		{Figure: "RSS grew by, MiB", Value: float64(grown) / (1 << 20), Bar: 8},
		{Figure: "incidents given up, each a dead letter", Value: float64(evicted), Bar: ended},
		{Figure: "all 50 that fire told after the first success, at 1 a second, s", Value: took, Bar: 60, N: firingOn},
		{Figure: "digests", Value: float64(s.count(alert.PhaseDigest)), Bar: 1},
	}, nil
}

// fired counts what was told of the incidents that fire on.
func (s *slow) fired() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.had {
		if strings.HasPrefix(a.Target, "on-") && a.Phase == alert.PhaseFiring {
			n++
		}
	}
	return n
}

func (s *slow) count(phase string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.had {
		if a.Phase == phase {
			n++
		}
	}
	return n
}

// resident is this process's RSS in bytes, without garbage.
func resident() int64 {
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// files counts the open file descriptors of this process.
func files() int {
	names, _ := filepath.Glob("/proc/self/fd/*")
	return len(names)
}
