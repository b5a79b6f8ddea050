// Package firewatch is what a consumer needs of firewatch's alerts, schema 1.
package firewatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Alert holds the fields that these examples use; the schema names all of them.
type Alert struct {
	Schema    int       `json:"schema"`
	Key       string    `json:"key"`      // incident.phase: never changes
	Incident  string    `json:"incident"` // the same for firing, updates and resolved
	Phase     string    `json:"phase"`
	Severity  string    `json:"severity"`
	State     string    `json:"state"`
	Host      string    `json:"host"`
	Rule      string    `json:"rule"`
	Target    string    `json:"target"`
	Summary   string    `json:"summary"`
	ChangedAt time.Time `json:"changed_at"`
}

// Parse reads an alert as SNS or SQS hands it over: the alert itself, or, in a
// queue without raw delivery, SNS's envelope around it.
func Parse(body []byte) (Alert, error) {
	var envelope struct{ Type, Message string }
	if json.Unmarshal(body, &envelope) == nil && envelope.Type == "Notification" {
		body = []byte(envelope.Message)
	}
	var a Alert
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("parse alert: %w", err)
	}
	switch {
	case a.Schema != 1:
		return a, fmt.Errorf("parse alert: schema %d, and this reads schema 1", a.Schema)
	case a.Key == "" || a.Incident == "" || a.State != "firing" && a.State != "resolved":
		return a, errors.New("parse alert: no key, incident or state")
	}
	return a, nil
}

// String is the alert in one line.
func (a Alert) String() string {
	return fmt.Sprintf("%s %s %s: %s", a.State, a.Severity, a.Host, a.Summary)
}

// Seen remembers the newest keys that were handled, at most Limit. Safe for
// concurrent use.
type Seen struct {
	Limit int // 0 = 10 000

	mu    sync.Mutex
	known map[string]bool
	order []string
}

// Once calls handle for an alert whose key is new, and remembers the key if
// handle succeeded: an alert that failed may come again.
func (s *Seen) Once(a Alert, handle func(Alert) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[a.Key] {
		return nil
	}
	if err := handle(a); err != nil {
		return err
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[a.Key] = true
	s.order = append(s.order, a.Key)
	limit := s.Limit
	if limit == 0 {
		limit = 10_000
	}
	if len(s.order) > limit {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	return nil
}
