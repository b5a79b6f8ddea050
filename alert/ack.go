package alert

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrUnknownIncident says that no open incident has that id.
var ErrUnknownIncident = errors.New("no open incident has this id")

// Acknowledge notes that somebody takes an incident on: it is not repeated any
// more. nil means that this is on disk.
func (o *Outbox) Acknowledge(ctx context.Context, id, by string) error {
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	o.mu.Lock()
	r := o.open[id]
	if r == nil || r.digest() {
		o.mu.Unlock()
		return fmt.Errorf("acknowledge: %w", ErrUnknownIncident)
	}
	if r.Ack == nil {
		r.Ack = &Ack{By: cut(by, maxName), At: time.Now().UTC().Round(0)}
		o.audit(r.Ack.By, "acknowledge", map[string]string{"incident": r.ID, "rule": r.First.Rule, "target": r.First.Target})
		o.touch(r)
	}
	rev := r.rev
	o.mu.Unlock()
	return o.awaitSaved(ctx, r, rev)
}

// repeat tells incidents again that fire on, as their route asks, unless
// somebody has acknowledged them. A repeat is an update with the newest
// content.
func (o *Outbox) repeat(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wall := now.UTC().Round(0)
	for _, r := range o.open {
		if r.Repeat <= 0 || r.End != nil || r.Ack != nil || o.muted(r) != "" || wall.Sub(r.changed) < r.Repeat.D() {
			continue
		}
		a := *r.newest()
		a.ChangedAt = wall // else a restart would repeat it at once
		o.update(r, a, wall, nil)
	}
}
