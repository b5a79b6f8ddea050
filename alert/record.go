package alert

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

const (
	recordSchema  = 1
	maxRecordSize = 2 << 20 // bytes of one incident file that Open reads
	maxAlertSize  = 64 << 10
)

// record is one open incident: its file, and what is known in memory only.
// Everything is guarded by Outbox.mu.
//
//	accepted: First (firing) → Last (the newest update) → End (resolved)
//	owed at a sink = what was accepted − Sinks[sink].Done
type record struct {
	Schema     int                  `json:"schema"`
	ID         string               `json:"id"`
	Source     string               `json:"source,omitempty"` // "" = the detector, sourceIntake = API, send
	AcceptedAt time.Time            `json:"accepted_at"`
	Worst      Severity             `json:"worst"`
	Updates    int                  `json:"updates,omitempty"` // number of the last update
	First      Alert                `json:"first"`
	Last       *Alert               `json:"last,omitempty"`
	End        *Alert               `json:"resolved,omitempty"`
	Chains     [][]string           `json:"chains,omitempty"` // each an ordered list: one of its sinks must deliver
	Sinks      map[string]*delivery `json:"sinks,omitempty"`
	Repeat     conf.Duration        `json:"repeat,omitempty"` // tell again while it fires
	Ack        *Ack                 `json:"acknowledged,omitempty"`
	Keys       map[string]string    `json:"keys,omitempty"`   // idempotency key → SHA-256 of the body
	Covers     []string             `json:"covers,omitempty"` // of a digest: ids of the incidents it tells of

	rev, saved uint64    // changes made, and the newest one that is on disk
	must       uint64    // the newest change that a Send waits for
	heldUntil  time.Time // … until then, or until it is on disk
	failed     uint64    // the newest change whose write failed, with saveErr
	saveErr    error
	changed    time.Time // when the newest alert was accepted; for Repeat
	closed     bool
	evicted    bool // given up to make room
	size       int  // bytes of its file
}

// delivery is what one sink knows of an incident.
type delivery struct {
	Confirmed string       `json:"confirmed,omitempty"` // newest phase that the service promised
	Done      string       `json:"done,omitempty"`      // newest phase that is settled: confirmed, dead, cancelled or told by a digest
	Receipt   Receipt      `json:"receipt,omitzero"`
	Attempts  int          `json:"attempts,omitempty"` // of the phase that is owed
	NextTry   time.Time    `json:"next_try,omitzero"`
	LastError string       `json:"last_error,omitempty"`
	Dead      []DeadLetter `json:"dead,omitempty"`
	Cancelled bool         `json:"cancelled,omitempty"`
	Digest    string       `json:"digest,omitempty"` // id of the digest that told of it, or is to: then it waits
	First     *Alert       `json:"first,omitempty"`  // what a sink hears as firing that was routed to only when the incident grew worse
	Joined    int          `json:"joined,omitempty"` // … and the number of that update

	busy  bool      // a Send is under way
	maybe bool      // a Send may have reached the service though it was not confirmed
	since time.Time // of the earliest such Send of the phase that is owed
	first time.Time // first attempt of the phase that is owed
}

// Ack says who took an incident on.
type Ack struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// head is the newest accepted phase.
func (r *record) head() int {
	if r.End != nil {
		return seqResolved
	}
	return r.Updates
}

// newest is the newest accepted alert.
func (r *record) newest() *Alert {
	switch {
	case r.End != nil:
		return r.End
	case r.Last != nil:
		return r.Last
	}
	return &r.First
}

// next is the alert that a sink gets next, or nil: firing, then the newest
// update, then resolved.
func (r *record) next(d *delivery) *Alert {
	done := at(d.Done)
	switch {
	case done < 0 && d.First != nil:
		return d.First
	case done < 0:
		return &r.First
	case done < r.Updates:
		return r.Last
	case done < seqResolved && r.End != nil:
		return r.End
	}
	return nil
}

func (r *record) digest() bool { return r.First.Phase == PhaseDigest }

func (r *record) hasDead() bool {
	for _, d := range r.Sinks {
		if len(d.Dead) > 0 {
			return true
		}
	}
	return false
}

func (r *record) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("encode incident %s: %w", r.ID, err)
	}
	return b.Bytes(), nil
}

var errNewer = errors.New("written by a newer firewatch")

// decodeRecord reads an incident file and checks every invariant that a record
// has alone; what it returns is safe to act on.
func decodeRecord(b []byte) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("decode incident: %w", err)
	}
	if r.Schema > recordSchema {
		return nil, fmt.Errorf("decode incident: schema %d: %w", r.Schema, errNewer)
	}
	if r.Sinks == nil {
		r.Sinks = map[string]*delivery{}
	}
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("decode incident: %w", err)
	}
	return r, nil
}

func (r *record) validate() error {
	if r.Schema != recordSchema {
		return fmt.Errorf("schema is %d, not %d", r.Schema, recordSchema)
	}
	if !isID(r.ID) {
		return errors.New("id is not 32 hex digits")
	}
	if r.Worst.Rank() == 0 {
		return fmt.Errorf("worst severity %q is none", r.Worst)
	}
	if r.Updates < 0 || r.Updates >= seqResolved || (r.Updates > 0) != (r.Last != nil) {
		return fmt.Errorf("%d updates do not fit the last one", r.Updates)
	}
	firstPhase, firstState := PhaseFiring, Firing
	if r.digest() {
		firstPhase, firstState = PhaseDigest, r.First.State
		if r.Updates > 0 || r.End != nil {
			return errors.New("a digest has one phase only")
		}
	}
	if err := checkAlert(&r.First, r.ID, firstPhase, firstState); err != nil {
		return err
	}
	if r.Last != nil {
		if err := checkAlert(r.Last, r.ID, updatePhase(r.Updates), Firing); err != nil {
			return err
		}
	}
	if r.End != nil {
		if err := checkAlert(r.End, r.ID, PhaseResolved, Resolved); err != nil {
			return err
		}
	}
	return r.validateSinks()
}

func checkAlert(a *Alert, id, phase string, state State) error {
	switch {
	case a.Incident != id || a.Phase != phase || a.Key != id+"."+phase:
		return fmt.Errorf("alert %q does not belong to phase %s of this incident", a.Key, phase)
	case a.State != state:
		return fmt.Errorf("phase %s has state %q", phase, a.State)
	case a.Severity.Rank() == 0:
		return fmt.Errorf("phase %s has severity %q", phase, a.Severity)
	}
	return nil
}

func (r *record) validateSinks() error {
	for name, d := range r.Sinks {
		if d == nil {
			return fmt.Errorf("sink %s has no state", name)
		}
		confirmed, ok := seq(d.Confirmed)
		done, ok2 := seq(d.Done)
		if !ok || !ok2 || done > r.head() || confirmed > done || (done > r.Updates && r.End == nil) {
			return fmt.Errorf("sink %s confirmed %q, done %q, but the incident is at %s", name, d.Confirmed, d.Done, r.newest().Phase)
		}
		if d.First != nil {
			if err := checkAlert(d.First, r.ID, PhaseFiring, Firing); err != nil {
				return fmt.Errorf("sink %s: %w", name, err)
			}
		}
		if (d.First == nil) != (d.Joined == 0) || d.Joined < 0 || d.Joined > r.Updates {
			return fmt.Errorf("sink %s joined at update %d of %d", name, d.Joined, r.Updates)
		}
		if len(d.Receipt.Memo) > MaxMemo {
			return fmt.Errorf("sink %s has a memo of %d bytes", name, len(d.Receipt.Memo))
		}
		if d.Confirmed == "" && (d.Receipt.ID != "" || d.Receipt.Memo != nil) {
			return fmt.Errorf("sink %s has a receipt and confirmed nothing", name)
		}
	}
	for _, c := range r.Chains {
		for _, name := range c {
			if r.Sinks[name] == nil {
				return fmt.Errorf("sink %s is in a chain and has no state", name)
			}
		}
	}
	return nil
}

// isID reports whether s is 128 bits in lower-case hex.
func isID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16 && s == hex.EncodeToString(b)
}
