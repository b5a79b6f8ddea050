package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Result is what became of an alert from outside.
type Result string

// The results of [Outbox.Accept].
const (
	Accepted Result = "accepted" // new, and on disk: HTTP 202
	Repeated Result = "repeated" // the same key and body again, and on disk: 200
	Ignored  Result = "ignored"  // resolved, and nothing of that rule and target fires: 200
	Conflict Result = "conflict" // the key is taken by another body: 409
	Refused  Result = "refused"  // invalid, or too many are open: see the error
	NotYet   Result = "not yet"  // not on disk in time: 503, try again with the same key
)

// sourceIntake marks the incidents of POST /v1/alerts and `firewatch send`:
// they never mix with those of the detector, whatever their rule is called.
const sourceIntake = "intake"

const maxKeyLen = 256

// Accept accepts an alert from outside (POST /v1/alerts, `firewatch send`),
// with its idempotency key or "". Rule, State and, unless it is resolved, Severity
// and Summary must be set; Rule and Target say which incident it belongs to.
// The times do not count where two bodies are compared. Only Accepted,
// Repeated and Ignored are promises; with the other results the error says
// why, and wraps [ErrInvalid], [ErrFull] or [ErrNotDurable] where that is the
// cause.
//
// A resolution releases the keys of its incident: the same key after it begins
// a new one, as a cron job that fails once more expects. After any other end
// (given up to make room) a key holds for 24 h, the newest 10 000 of them: the
// same body is a repeat, another one a conflict.
func (o *Outbox) Accept(ctx context.Context, a Alert, key string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	if err := checkIntake(&a, key); err != nil {
		return Refused, err
	}
	id := intakeKey(a, key)
	if id != nil {
		if err := o.awaitKeys(ctx); err != nil {
			return NotYet, err
		}
	}
	o.mu.Lock()
	touched, result, err := o.take(a, id)
	o.mu.Unlock()
	if err != nil || len(touched) == 0 {
		return result, err
	}
	if err := o.settle(ctx, touched); err != nil {
		return NotYet, err
	}
	return result, nil
}

// awaitKeys waits until the keys of closed incidents are known.
func (o *Outbox) awaitKeys(ctx context.Context) error {
	for {
		o.mu.Lock()
		known, ch := o.keysKnown, o.changed
		o.mu.Unlock()
		if known {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return fmt.Errorf("read the keys of closed incidents: %w: %w", ErrNotDurable, context.Cause(ctx))
		}
	}
}

// take applies an alert from outside, once per key. mu is held.
func (o *Outbox) take(a Alert, id *idem) ([]*record, Result, error) {
	if id != nil {
		body, r, taken := o.keyTaken(id.key)
		switch {
		case !taken:
		case body != id.body:
			return nil, Conflict, errors.New("accept alert: the key is taken by another alert")
		default:
			o.stats.Repeats++
			if r == nil {
				return nil, Repeated, nil
			}
			return []*record{r}, Repeated, nil
		}
	}
	touched, err := o.change(a, sourceIntake, id)
	switch {
	case err != nil:
		return nil, Refused, err
	case len(touched) > 0:
		return touched, Accepted, nil
	}
	for _, r := range o.open { // resolved before, and perhaps not on disk yet
		if r.origin() == sourceIntake+"\x00"+tidy(a).Origin() {
			return []*record{r}, Repeated, nil
		}
	}
	return nil, Ignored, nil
}

// intakeKey makes what is remembered of a key. A resolution needs none: the
// second one finds nothing to end.
func intakeKey(a Alert, key string) *idem {
	if key == "" || a.State == Resolved {
		return nil
	}
	a = tidy(a)
	a.StartedAt, a.ChangedAt, a.ResolvedAt = time.Time{}, time.Time{}, time.Time{} // a repeat is sent later
	b, err := json.Marshal(a)
	if err != nil {
		return nil // change refuses the alert
	}
	body := sha256.Sum256(b)
	return &idem{key: key, body: hex.EncodeToString(body[:])}
}

func checkIntake(a *Alert, key string) error {
	switch {
	case len(key) > maxKeyLen:
		return fmt.Errorf("%w: the key has %d bytes, at most %d", ErrInvalid, len(key), maxKeyLen)
	case a.Summary == "" && a.State != Resolved:
		return fmt.Errorf("%w: summary is empty", ErrInvalid)
	case len(a.Rule) > maxName || len(a.Target) > maxName:
		return fmt.Errorf("%w: rule and target have at most %d bytes each", ErrInvalid, maxName)
	case a.Schema > Schema:
		return fmt.Errorf("%w: schema %d, this is schema %d", ErrInvalid, a.Schema, Schema)
	}
	return check(a)
}

const maxName = 512
