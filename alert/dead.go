package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// DeadLetter is an alert that a sink refused for good, or that was given up to
// keep within a bound.
type DeadLetter struct {
	Sink     string    `json:"sink"`
	Incident string    `json:"incident"`
	Key      string    `json:"key"`
	Severity Severity  `json:"severity"`
	Summary  string    `json:"summary"`
	Error    string    `json:"error"`
	At       time.Time `json:"at"`
}

// ErrUnknownDeadLetter says that no dead letter has that key.
var ErrUnknownDeadLetter = errors.New("no dead letter has this key")

// RetryDead sends dead letters again: all of a key ("" = all there are) at the
// sink ("" = every sink). What the sink did not confirm of their incidents is
// owed again, in order. It returns how many there were; none is
// [ErrUnknownDeadLetter].
func (o *Outbox) RetryDead(ctx context.Context, key, sink, by string) (int, error) {
	return o.settleDead(ctx, key, sink, by, true)
}

// DropDead forgets dead letters, chosen as RetryDead does.
func (o *Outbox) DropDead(ctx context.Context, key, sink, by string) (int, error) {
	return o.settleDead(ctx, key, sink, by, false)
}

func (o *Outbox) settleDead(ctx context.Context, key, sink, by string, retry bool) (int, error) {
	mine := func(d DeadLetter) bool { return (key == "" || d.Key == key) && (sink == "" || d.Sink == sink) }
	ids := map[string]bool{}
	n := 0
	for _, d := range o.DeadLetters() {
		if mine(d) {
			ids[d.Incident] = true
			n++
		}
	}
	if n == 0 {
		return 0, ErrUnknownDeadLetter
	}
	for id := range ids {
		if err := o.reopen(id); err != nil {
			return 0, err
		}
	}
	action := "dead-letter-drop"
	if retry {
		action = "dead-letter-retry"
	}
	var touched []*record
	o.mu.Lock()
	o.audit(cut(by, maxName), action, map[string]any{"key": key, "sink": sink, "dead_letters": n})
	for id := range ids {
		r := o.open[id]
		if r == nil {
			continue
		}
		for _, d := range r.Sinks {
			before := len(d.Dead)
			d.Dead = slices.DeleteFunc(d.Dead, mine)
			if before != len(d.Dead) && retry {
				d.Done, d.Cancelled, d.Digest = d.Confirmed, false, ""
				d.Attempts, d.NextTry, d.first = 0, time.Time{}, time.Time{}
			}
		}
		o.touch(r)
		r.must, r.heldUntil = r.rev, time.Now().Add(putWait)
		touched = append(touched, r)
	}
	o.wake()
	o.mu.Unlock()
	return n, o.settle(ctx, touched)
}

// reopen brings a closed incident back to incidents/open. Its file moves first:
// wherever a crash falls, it is in one of the two folders.
func (o *Outbox) reopen(id string) error {
	o.mu.Lock()
	here := o.open[id] != nil
	o.mu.Unlock()
	if here {
		return nil
	}
	from := dirClosed + "/" + id + deadSuffix
	r, err := readRecord(o.disk.root(), from)
	if err != nil {
		return fmt.Errorf("reopen incident: %w", err)
	}
	if err := o.disk.rename(from, dirOpen+"/"+id+".json"); err != nil {
		return fmt.Errorf("reopen incident: %w", err)
	}
	if err := errors.Join(o.disk.syncDir(dirOpen), o.disk.syncDir(dirClosed)); err != nil {
		o.opt.Log.Warn("reopen incident", "error", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead = slices.DeleteFunc(o.dead, func(d DeadLetter) bool { return d.Incident == id })
	o.adopt(r)
	return nil
}

// DropBacklog gives up what is owed to a sink that is no longer configured, and
// returns in how many incidents. A configured sink is refused: its backlog is
// delivered.
func (o *Outbox) DropBacklog(ctx context.Context, sink, by string) (int, error) {
	o.mu.Lock()
	if s := o.slots[sink]; s != nil && s.sink != nil {
		o.mu.Unlock()
		return 0, fmt.Errorf("%w: sink %s is configured: what it is owed is delivered", ErrInvalid, sink)
	}
	var touched []*record
	for _, r := range o.open {
		if r.Sinks[sink] == nil {
			continue
		}
		delete(r.Sinks, sink)
		for i, c := range r.Chains {
			r.Chains[i] = slices.DeleteFunc(slices.Clone(c), func(n string) bool { return n == sink })
		}
		r.Chains = slices.DeleteFunc(r.Chains, func(c []string) bool { return len(c) == 0 })
		o.touch(r)
		r.must = r.rev
		touched = append(touched, r)
	}
	if len(touched) > 0 {
		o.audit(cut(by, maxName), "backlog-drop", map[string]any{"sink": sink, "incidents": len(touched)})
	}
	o.wake()
	o.mu.Unlock()
	return len(touched), o.settle(ctx, touched)
}
