package alerttest

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// Sent is one call of a [Sink]'s Send.
type Sent struct {
	At    time.Time
	Alert alert.Alert
	Last  alert.Receipt
	Err   error // what Send returned
}

// Sink is a sink in memory. Safe for concurrent use.
type Sink struct {
	name string

	mu     sync.Mutex
	answer func(ctx context.Context, n int, a alert.Alert) error
	calls  []Sent
	active int
	most   int
}

// NewSink returns a sink that takes everything.
func NewSink(name string) *Sink { return &Sink{name: name} }

// Answer sets what the nth call (from 0) returns; nil takes everything. It runs
// without a lock and may wait, as a slow service does.
func (s *Sink) Answer(f func(ctx context.Context, n int, a alert.Alert) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Fail makes every call return err; nil mends the sink.
func (s *Sink) Fail(err error) {
	s.Answer(func(context.Context, int, alert.Alert) error { return err })
}

// Name implements [alert.Sink].
func (s *Sink) Name() string { return s.name }

// Send implements [alert.Sink].
func (s *Sink) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	s.mu.Lock()
	n, answer := len(s.calls), s.answer
	s.calls = append(s.calls, Sent{At: time.Now(), Alert: a, Last: last})
	s.active++
	s.most = max(s.most, s.active)
	s.mu.Unlock()
	var err error
	if answer != nil {
		err = answer(ctx, n, a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.calls[n].Err = err
	if err != nil {
		return alert.Receipt{}, err
	}
	return alert.Receipt{ID: s.name + "-" + strconv.Itoa(n), Memo: []byte(a.Key)}, nil
}

// Calls returns every call so far.
func (s *Sink) Calls() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.calls...)
}

// Taken returns the alerts that were taken, in order.
func (s *Sink) Taken() []alert.Alert {
	var out []alert.Alert
	for _, c := range s.Calls() {
		if c.Err == nil {
			out = append(out, c.Alert)
		}
	}
	return out
}

// Most returns the most calls that were under way at the same time.
func (s *Sink) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}
