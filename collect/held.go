package collect

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// slowly is how often readings are taken that cost more than they change.
const slowly = 10 * time.Second

// slowGap is Host.MaxGap for them.
const slowGap = 3*slowly + slowly/2

// asideLimit is the deadline of a reading that is taken aside.
const asideLimit = slowly / 2

// held repeats the newest reading of a source that is read every 10 s only.
type held struct {
	at   time.Time
	last []Sample
	why  error
}

// get reads where it is time to and appends the newest reading to dst.
func (h *held) get(now time.Time, dst []Sample, read func(dst []Sample) ([]Sample, error)) ([]Sample, error) {
	if h.at.IsZero() || now.Sub(h.at) >= slowly || now.Before(h.at) {
		h.at = now
		h.last, h.why = read(h.last[:0])
	}
	return append(dst, h.last...), h.why
}

// aside takes readings off the tick that may take long or for ever (another
// process must answer): one at a time, every 10 s, under a deadline. A tick
// takes the newest; one older than three turns is no reading any more.
type aside struct {
	mu   sync.Mutex
	busy bool
	at   time.Time // the newest turn began
	last []Sample
	from time.Time // last is of then
	why  error

	direct bool // a recorded host: nothing can hang
}

// get begins a turn where it is time to and appends the newest reading to dst.
func (a *aside) get(ctx context.Context, now time.Time, dst []Sample, read func(ctx context.Context) ([]Sample, error)) ([]Sample, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.busy && (a.at.IsZero() || now.Sub(a.at) >= slowly || now.Before(a.at)) {
		a.at, a.busy = now, true
		if a.direct {
			a.mu.Unlock()
			a.turn(ctx, now, read)
			a.mu.Lock()
		} else {
			go a.turn(context.WithoutCancel(ctx), now, read)
		}
	}
	if a.busy && now.Sub(a.at) > 2*asideLimit {
		return dst, fmt.Errorf("does not answer since %s", a.at.Format(time.TimeOnly))
	}
	if age := now.Sub(a.from); a.last != nil && age >= 0 && age < slowGap {
		dst = append(dst, a.last...)
	}
	return dst, a.why
}

func (a *aside) turn(ctx context.Context, now time.Time, read func(ctx context.Context) ([]Sample, error)) {
	ctx, cancel := context.WithTimeout(ctx, asideLimit)
	defer cancel()
	samples, err := read(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy, a.why = false, err
	if a.last, a.from = samples, now; len(samples) == 0 {
		a.last = nil
	}
}
