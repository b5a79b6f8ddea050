package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// Case is one receiver.
type Case struct {
	Name   string        `json:"case"`
	Rate   int           `json:"rate"`          // requests a second that it takes, and as many at once
	After  time.Duration `json:"retry_after"`   // what it says to those beyond: 0 = nothing
	Broken bool          `json:"answers_503"`   // it fails instead of throttling
	Window time.Duration `json:"window,string"` // longest that is simulated
}

var cases = []Case{
	{Name: "SNS, 3 000/s", Rate: 3000, Window: 10 * time.Minute},
	{Name: "SNS, 300/s", Rate: 300, Window: 10 * time.Minute},
	{Name: "a gateway that says Retry-After: 1", Rate: 300, After: time.Second, Window: 10 * time.Minute},
	{Name: "a gateway that breaks down (503)", Rate: 300, Broken: true, Window: 10 * time.Minute},
	{Name: "one Slack channel, Retry-After: 30", Rate: 1, After: 30 * time.Second, Window: 5 * time.Minute},
}

var errDown = errors.New("503 service unavailable")

// receiver is the one service that all agents send to: a token bucket.
type receiver struct {
	Case
	mu      sync.Mutex
	tokens  float64
	at      time.Time
	began   time.Time
	told    map[string]int // by key
	took    []float64      // seconds
	seconds map[int]int    // requests in each second
	done    chan struct{}  // closed once all were told
	agents  int
}

func (r *receiver) Name() string { return "fleet" }

// Send implements alert.Sink.
func (r *receiver) Send(_ context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	time.Sleep(20 * time.Millisecond) // there
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.seconds[int(now.Sub(r.began).Seconds())]++
	r.tokens = min(float64(r.Rate), r.tokens+now.Sub(r.at).Seconds()*float64(r.Rate))
	r.at = now
	if r.tokens < 1 {
		if r.Broken {
			return alert.Receipt{}, errDown
		}
		return alert.Receipt{}, &alert.ThrottledError{After: r.After}
	}
	r.tokens--
	if r.told[a.Key]++; r.told[a.Key] == 1 {
		r.took = append(r.took, now.Sub(r.began).Seconds())
		if len(r.took) == r.agents {
			close(r.done)
		}
	}
	return alert.Receipt{ID: a.Key}, nil
}

// simulate runs one case with the state directories in dir, made where they
// are missing.
func simulate(t *testing.T, c Case, agents int, dir string) (out row, err error) {
	for i := range agents { // what the case before left; the spare files are a minute's work and stay
		if err := os.RemoveAll(filepath.Join(dir, fmt.Sprint(i), "incidents")); err != nil {
			return row{}, err
		}
	}
	synctest.Test(t, func(*testing.T) { out, err = bubble(c, agents, dir) })
	return out, err
}

// bubble runs in simulated time.
func bubble(c Case, agents int, dir string) (row, error) {
	r := &receiver{Case: c, tokens: float64(c.Rate), told: map[string]int{}, seconds: map[int]int{}, done: make(chan struct{}), agents: agents}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	boxes := make([]*alert.Outbox, agents)
	for i := range boxes {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(path, 0o700); err != nil {
			return row{}, err
		}
		root, err := os.OpenRoot(path)
		if err != nil {
			return row{}, err
		}
		defer root.Close()
		if boxes[i], err = alert.Open(root, alert.Options{Host: fmt.Sprintf("host%05d", i), Seed: uint64(i + 1)}); err != nil {
			return row{}, err
		}
		boxes[i].SetSinks([]alert.Sink{r}, nil)
	}
	var all sync.WaitGroup
	for _, b := range boxes {
		all.Go(func() { b.Run(ctx) })
	}
	time.Sleep(3 * time.Second) // the spare files are made
	r.began, r.at = time.Now(), time.Now()
	errs := make(chan error, agents)
	for _, b := range boxes {
		all.Go(func() {
			errs <- b.Put(ctx, alert.Alert{Phase: alert.PhaseFiring, Rule: "database-unreachable", Target: "db", Severity: alert.Critical, State: alert.Firing, Summary: "the database does not answer", Metric: "probe_failed", Value: 1, StartedAt: r.began})
		})
	}
	for range boxes {
		if err := <-errs; err != nil {
			return row{}, err
		}
	}
	select {
	case <-r.done:
	case <-time.After(c.Window):
	}
	time.Sleep(5 * time.Second) // what was sent twice would come now
	cancel()
	all.Wait()
	return r.row(boxes), nil
}

func (r *receiver) row(boxes []*alert.Outbox) row {
	out := row{Case: r.Case, Delivered: len(r.took), First: r.seconds[0], Ideal: float64(max(0, r.agents-r.Rate)) / float64(r.Rate)}
	for s, n := range r.seconds {
		out.Requests += n
		if s > 0 {
			out.Peak = max(out.Peak, n)
		}
	}
	for _, n := range r.told {
		out.Twice += max(0, n-1)
	}
	for _, b := range boxes {
		out.Dead += len(b.DeadLetters())
	}
	slices.Sort(r.took)
	if n := len(r.took); n > 0 {
		out.P50, out.P99, out.Last = r.took[(n-1)/2], r.took[(n-1)*99/100], r.took[n-1]
	}
	return out
}
