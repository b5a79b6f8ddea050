package alert

import (
	"bytes"
	"strings"
	"time"
)

// spentKey is what is remembered of an idempotency key whose incident is
// closed.
type spentKey struct {
	body string    // SHA-256
	at   time.Time // when its incident was last written
}

// fileKey begins the key of an intake file that was sent without one. It names
// that one sending, so no end releases it: a file that is read twice is one
// alert, whatever happened in between.
const fileKey = "file "

// release forgets the keys of an incident that a sender ended: the same key
// from now on is a new trouble. mu is held.
func (r *record) release() {
	for k := range r.Keys {
		if !strings.HasPrefix(k, fileKey) {
			delete(r.Keys, k)
		}
	}
}

// keyTaken returns the body that a key stands for, and the open incident that
// holds it, nil for one that is closed. mu is held.
func (o *Outbox) keyTaken(key string) (body string, r *record, ok bool) {
	for _, r := range o.open {
		if body, ok := r.Keys[key]; ok {
			return body, r, true
		}
	}
	s, ok := o.spent[key]
	if ok && time.Since(s.at) > keepKeys {
		delete(o.spent, key)
		ok = false
	}
	return s.body, nil, ok
}

// remember keeps the keys of an incident that is closed: for 24 h, the newest
// 10 000. The incident's file holds them too. mu is held.
func (o *Outbox) remember(r *record, at time.Time) {
	for k, body := range r.Keys {
		if have, ok := o.spent[k]; ok && have.at.After(at) {
			continue
		}
		if len(o.spent) >= maxSpent {
			oldest := k
			for other, s := range o.spent {
				if oldest == k || s.at.Before(o.spent[oldest].at) {
					oldest = other
				}
			}
			delete(o.spent, oldest)
		}
		o.spent[k] = spentKey{body, at}
	}
}

// loadKeys reads the keys of the incidents that were closed in the last 24 h.
// It runs beside everything else: an Accept with a key waits for it, nothing
// else does.
func (o *Outbox) loadKeys(names []string) {
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.keysKnown = true
		o.wake()
	}()
	now := time.Now()
	for _, n := range names {
		path := dirClosed + "/" + n
		st, err := o.disk.root().Lstat(path)
		if err != nil || !st.Mode().IsRegular() || now.Sub(st.ModTime()) > keepKeys {
			continue
		}
		b, err := readFile(o.disk.root(), path, maxRecordSize)
		if err != nil || !bytes.Contains(b, []byte(`"keys":`)) {
			continue
		}
		r, err := decodeRecord(b)
		if err != nil {
			continue // a closed incident that is damaged is shown by Check
		}
		o.mu.Lock()
		o.remember(r, st.ModTime())
		o.mu.Unlock()
	}
}
