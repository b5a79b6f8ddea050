package alert

import (
	"slices"
	"time"
)

// Incident is what people deal with: an open incident as the status, the API
// and `firewatch incidents` show it.
type Incident struct {
	ID           string     `json:"id"`
	Rule         string     `json:"rule"`
	Target       string     `json:"target,omitempty"`
	Severity     Severity   `json:"severity"` // the worst so far
	State        State      `json:"state"`
	Phase        string     `json:"phase"` // newest that was accepted
	Summary      string     `json:"summary"`
	StartedAt    time.Time  `json:"started_at"`
	ChangedAt    time.Time  `json:"changed_at"`
	ResolvedAt   time.Time  `json:"resolved_at,omitzero"`
	Acknowledged *Ack       `json:"acknowledged,omitempty"`
	Silenced     string     `json:"silenced,omitempty"` // by this silence or maintenance window
	Durable      bool       `json:"durable"`            // its newest change is on disk
	Members      []Member   `json:"members,omitempty"`
	Causes       []Cause    `json:"causes,omitempty"`   // what drove it, now against usual
	Culprits     []Culprit  `json:"culprits,omitempty"` // who probably did it
	Sinks        []Delivery `json:"sinks"`
}

// Delivery is the state of an incident at one sink.
type Delivery struct {
	Sink      string    `json:"sink"`
	Confirmed string    `json:"confirmed,omitempty"` // newest phase that the service promised
	Owed      string    `json:"owed,omitempty"`      // phase that goes next; "" = nothing, or a fallback's turn has not come
	Receipt   string    `json:"receipt,omitempty"`   // the service's id of the last message
	Attempts  int       `json:"attempts,omitempty"`  // failed ones of the phase that is owed
	NextTry   time.Time `json:"next_try,omitzero"`
	LastError string    `json:"last_error,omitempty"` // of what is owed, else of the last dead letter
	Dead      int       `json:"dead,omitempty"`       // dead letters
	Cancelled bool      `json:"cancelled,omitempty"`
}

// SinkStatus is the state of one sink.
type SinkStatus struct {
	Name        string        `json:"name"`
	State       string        `json:"state"`          // ok, backing off, throttled, breaker open, parked, removed
	Until       time.Time     `json:"until,omitzero"` // of a state that ends by itself
	Owed        int           `json:"owed"`           // incidents with something to deliver
	Sent        uint64        `json:"sent"`           // confirmed since the start
	Failed      uint64        `json:"failed"`         // attempts since the start, throttling not counted
	Throttled   uint64        `json:"throttled"`
	Dead        uint64        `json:"dead"` // dead letters since the start
	LastError   string        `json:"last_error,omitempty"`
	LastSuccess time.Time     `json:"last_success,omitzero"`
	Latency     time.Duration `json:"latency_ns"` // of the last attempt
}

// Stats counts since the start, for /metrics.
type Stats struct {
	Accepted         uint64 `json:"accepted"`  // alerts taken
	Incidents        uint64 `json:"incidents"` // opened
	Closed           uint64 `json:"closed"`
	Adopted          uint64 `json:"adopted"`     // open incidents found at the start
	Ignored          uint64 `json:"ignored"`     // resolutions without an open incident
	Refused          uint64 `json:"refused"`     // alerts not taken: invalid, or too many open
	Merged           uint64 `json:"merged"`      // updates that a newer one replaced before any sink had them
	Silenced         uint64 `json:"silenced"`    // of those, deliveries that a silence or a maintenance window kept back to the end
	Cancelled        uint64 `json:"cancelled"`   // deliveries of non-criticals that ended unsent
	NotDurable       uint64 `json:"not_durable"` // Puts that did not see their alert on disk in time
	Dead             uint64 `json:"dead"`
	Evicted          uint64 `json:"evicted"` // incidents given up to keep within the bounds; what was owed of them is in the dead letters
	Quarantined      uint64 `json:"quarantined"`
	Repeats          uint64 `json:"repeats"` // intake: the same key and body again
	Digests          uint64 `json:"digests"`
	WritersAbandoned uint64 `json:"writers_abandoned"`
	Open             int    `json:"open"` // incidents open now
}

// Stats returns the counters.
func (o *Outbox) Stats() Stats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stats
	s.Open = len(o.open)
	return s
}

// sorted returns the open incidents, the most important first. mu is held.
func (o *Outbox) sorted() []*record {
	out := make([]*record, 0, len(o.open))
	for _, r := range o.open {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *record) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return out
}

// Incidents lists every incident that fires or whose resolution is not told
// everywhere yet, the most severe first, then the oldest.
func (o *Outbox) Incidents() []Incident {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	view := o.view(now)
	out := []Incident{}
	for _, r := range o.sorted() {
		if r.digest() || r.settled() {
			continue
		}
		a := r.newest()
		in := Incident{
			ID: r.ID, Rule: r.First.Rule, Target: r.First.Target, Severity: r.Worst, State: a.State, Phase: a.Phase,
			Summary: a.Summary, StartedAt: r.First.StartedAt, ChangedAt: a.ChangedAt, ResolvedAt: a.ResolvedAt,
			Acknowledged: r.Ack, Silenced: o.muted(r), Durable: r.saved >= r.rev, Sinks: []Delivery{},
			Members: a.Members, Causes: a.Causes, Culprits: a.Culprits,
		}
		for name, d := range r.Sinks {
			v := Delivery{
				Sink: name, Confirmed: d.Confirmed, Receipt: d.Receipt.ID, Attempts: d.Attempts, NextTry: d.NextTry,
				LastError: d.LastError, Dead: len(d.Dead), Cancelled: d.Cancelled,
			}
			if owed, _ := r.owed(name, now, view); owed != nil {
				v.Owed = owed.Phase
			}
			if n := len(d.Dead); n > 0 && v.LastError == "" {
				v.LastError = d.Dead[n-1].Error
			}
			in.Sinks = append(in.Sinks, v)
		}
		slices.SortFunc(in.Sinks, func(a, b Delivery) int {
			if a.Sink < b.Sink {
				return -1
			}
			return 1
		})
		out = append(out, in)
	}
	return out
}

// OpenFiring returns the newest alert of every incident of the detector that
// was accepted as firing and not as resolved: what the Detector adopts at the
// start, whatever its own state says.
func (o *Outbox) OpenFiring() []Alert { return o.firing("") }

// DeadLetters lists what sinks refused for good, oldest first: of open
// incidents, and of the last 1000 that are closed.
func (o *Outbox) DeadLetters() []DeadLetter {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.dead)
	for _, r := range o.open {
		for _, d := range r.Sinks {
			out = append(out, d.Dead...)
		}
	}
	slices.SortFunc(out, func(a, b DeadLetter) int { return a.At.Compare(b.At) })
	return out
}

// SinkStatus lists the sinks by name, those included that are no longer
// configured while something is owed to them.
func (o *Outbox) SinkStatus() []SinkStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	view := o.view(now)
	owed := map[string]int{}
	retrying := map[string]bool{}
	for _, r := range o.open {
		for name, d := range r.Sinks {
			if a, _ := r.owed(name, now, view); a != nil {
				owed[name]++
				retrying[name] = retrying[name] || d.Attempts > 0
			}
		}
	}
	var out []SinkStatus
	for name, s := range o.slots {
		if s.sink == nil {
			continue
		}
		v := SinkStatus{
			Name: name, State: "ok", Owed: owed[name], Sent: s.sent, Failed: s.failures, Throttled: s.throttles,
			Dead: s.deads, LastError: s.lastError, LastSuccess: s.lastSuccess, Latency: s.latency,
		}
		switch g := s.gate; {
		case g.parked:
			v.State, v.Until = "parked", g.until
		case g.open:
			v.State, v.Until = "breaker open", g.until
		case g.shut(now):
			v.State, v.Until = "throttled", g.until
		case retrying[name]:
			v.State = "backing off"
		}
		delete(owed, name)
		out = append(out, v)
	}
	for name, n := range owed {
		out = append(out, SinkStatus{Name: name, State: "removed", Owed: n})
	}
	slices.SortFunc(out, func(a, b SinkStatus) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}
