package alert_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// batcher is a sink in memory that takes six alerts a request.
type batcher struct {
	*alerttest.Sink
	mu     sync.Mutex
	sizes  []int
	answer func(n int, batch []alert.Alert) []alert.Outcome // of the nth request
}

func (b *batcher) MaxBatch() int { return 6 }

func (b *batcher) Send(ctx context.Context, a alert.Alert, last alert.Receipt) (alert.Receipt, error) {
	b.mu.Lock()
	b.sizes = append(b.sizes, 1)
	b.mu.Unlock()
	return b.Sink.Send(ctx, a, last)
}

func (b *batcher) SendBatch(ctx context.Context, batch []alert.Alert) []alert.Outcome {
	b.mu.Lock()
	n := len(b.sizes)
	b.sizes = append(b.sizes, len(batch))
	b.mu.Unlock()
	if b.answer != nil {
		if out := b.answer(n, batch); out != nil {
			return out
		}
	}
	out := make([]alert.Outcome, len(batch))
	for i, a := range batch {
		out[i].Receipt, out[i].Err = b.Sink.Send(ctx, a, alert.Receipt{})
	}
	return out
}

// sent runs an outbox over n incidents that fire and end, with requests of a
// second, and returns the sink.
func sent(t *testing.T, n int, answer func(int, []alert.Alert) []alert.Outcome) *batcher {
	t.Helper()
	b := &batcher{Sink: alerttest.NewSink("s"), answer: answer}
	b.Answer(func(ctx context.Context, _ int, _ alert.Alert) error { time.Sleep(time.Second); return nil })
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, nil, b)
		for i := range n {
			r.put(firing(fmt.Sprint("r", i), alert.Warning))
		}
		time.Sleep(30 * time.Second)
		for i := range n {
			r.put(resolved(fmt.Sprint("r", i), alert.Warning))
		}
		time.Sleep(10 * time.Minute)
		r.stop()
	})
	return b
}

// onceInOrder complains of an alert that was taken twice or out of order.
func (b *batcher) onceInOrder(t *testing.T, n int) {
	t.Helper()
	last := map[string]string{}
	taken := b.Taken()
	for _, a := range taken {
		want := map[string]string{"": alert.PhaseFiring, alert.PhaseFiring: alert.PhaseResolved}[last[a.Incident]]
		if a.Phase != want {
			t.Errorf("%s comes after %q", a.Key, last[a.Incident])
		}
		last[a.Incident] = a.Phase
	}
	if len(taken) != 2*n {
		t.Errorf("%d alerts taken, want %d", len(taken), 2*n)
	}
}

// TestBatches: what is owed meanwhile goes together, never two alerts of an
// incident in one request.
func TestBatches(t *testing.T) {
	t.Parallel()
	b := sent(t, 9, func(_ int, batch []alert.Alert) []alert.Outcome {
		seen := map[string]bool{}
		for _, a := range batch {
			if seen[a.Incident] {
				t.Errorf("two alerts of an incident in one request")
			}
			seen[a.Incident] = true
		}
		return nil
	})
	b.onceInOrder(t, 9)
	if len(b.sizes) > 8 {
		t.Errorf("requests of %v alerts", b.sizes)
	}
}

// TestBatchThatFails: a request that failed counts once, so that the breaker
// stays shut, and the alerts then go one at a time until one is taken.
func TestBatchThatFails(t *testing.T) {
	t.Parallel()
	failed := 0
	b := sent(t, 9, func(n int, batch []alert.Alert) []alert.Outcome {
		if n == 0 || len(batch) < 2 || failed > 0 {
			return nil
		}
		failed = len(batch)
		out := make([]alert.Outcome, len(batch))
		for i := range out {
			out[i].Err = errDown
		}
		return out
	})
	b.onceInOrder(t, 9)
	if failed != 6 || b.sizes[1] != 6 || b.sizes[2] != 1 {
		t.Fatalf("requests of %v alerts, want one, six that fail, and then one", b.sizes)
	}
	calls := b.Calls()
	if wait := calls[8].At.Sub(calls[0].At); wait > 25*time.Second {
		t.Errorf("the last of the nine came after %s: the breaker has opened", wait)
	}
}

// TestBatchWithOneRefused: only that one is a dead letter; an outcome that is
// missing, and a panic, lose nothing.
func TestBatchWithOneRefused(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(out []alert.Outcome) []alert.Outcome{
		"one refused for good": func(out []alert.Outcome) []alert.Outcome {
			out[1] = alert.Outcome{Err: fmt.Errorf("%w: odd", alert.ErrPermanent)}
			return out
		},
		"one to be tried again": func(out []alert.Outcome) []alert.Outcome {
			out[2] = alert.Outcome{Err: errors.New("busy")}
			return out
		},
		"an outcome is missing": func(out []alert.Outcome) []alert.Outcome { return out[1:] },
		"a panic":               func([]alert.Outcome) []alert.Outcome { panic("odd") },
	} {
		done := false
		b := sent(t, 9, func(_ int, batch []alert.Alert) []alert.Outcome {
			if done || len(batch) < 3 {
				return nil
			}
			done = true
			out := make([]alert.Outcome, len(batch))
			for i, a := range batch {
				out[i].Receipt.ID = a.Key
			}
			return answer(out)
		})
		// What the first batch took is not in the sink's memory; the rest must be.
		missing := map[string]bool{}
		for i := range 9 {
			missing[fmt.Sprint("r", i)] = true
		}
		resolved := 0
		for _, a := range b.Taken() {
			delete(missing, a.Rule)
			if a.Phase == alert.PhaseResolved {
				resolved++
			}
		}
		if !done || resolved != 9 || len(missing) != 0 {
			t.Errorf("%s: %d resolved, nothing of %v", name, resolved, missing)
		}
	}
}
