// Package pagerduty delivers alerts to PagerDuty's Events API v2.
//
// The incident is the dedup_key: its firing alert triggers, its updates are added
// to what was triggered, its resolution resolves, however often each is repeated.
// A digest is a change event: it is shown and pages nobody. Who is woken when is
// PagerDuty's to decide.
package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Config is one [[sink.pagerduty]].
type Config struct {
	Name           string      `toml:"name"`
	RoutingKey     conf.Secret `toml:"routing_key"`      // of an "Events API v2" integration: 32 characters
	RoutingKeyFile string      `toml:"routing_key_file"` // instead of routing_key
	Endpoint       string      `toml:"endpoint"`         // default https://events.pagerduty.com
}

const defaultEndpoint = "https://events.pagerduty.com"

// Limits of an event (PagerDuty: Events API v2, "Send an alert event").
const (
	maxSummary = 1024      // characters
	maxEvent   = 512 << 10 // bytes
)

// Validate reports what is wrong.
func (c Config) Validate() []conf.Fault {
	faults := conf.ValidateSinkName(c.Name)
	if c.RoutingKey.IsZero() && c.RoutingKeyFile == "" {
		faults = append(faults, conf.Fault{Path: "routing_key", Problem: "a pagerduty sink needs a routing key", Hint: "add an Events API v2 integration to the service and take its Integration Key"})
	}
	return append(faults, conf.ValidateEndpoint(c.Endpoint)...)
}

// Sink sends events to one service.
type Sink struct {
	cfg    Config
	client *http.Client
}

// New makes the sink. Secrets in files are read now.
func New(c Config) (*Sink, error) {
	var err error
	if c.RoutingKey, err = conf.FileOr(c.RoutingKey, c.RoutingKeyFile); err != nil {
		return nil, fmt.Errorf("make sink %s: %w", c.Name, err)
	}
	if c.Endpoint == "" {
		c.Endpoint = defaultEndpoint
	}
	return &Sink{c, alert.HTTPClient()}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.cfg.Name }

// event is what PagerDuty takes: an alert event, or without action and key a
// change event.
type event struct {
	RoutingKey string  `json:"routing_key"`
	Action     string  `json:"event_action,omitempty"`
	DedupKey   string  `json:"dedup_key,omitempty"`
	Client     string  `json:"client,omitempty"`
	Payload    payload `json:"payload"`
}

type payload struct {
	Summary   string    `json:"summary"`
	Source    string    `json:"source"`
	Severity  string    `json:"severity,omitempty"`
	Timestamp time.Time `json:"timestamp"`
	Component string    `json:"component,omitempty"`
	Group     string    `json:"group,omitempty"`
	Class     string    `json:"class,omitempty"`
	Details   any       `json:"custom_details"`
}

// Send implements alert.Sink.
func (s *Sink) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	path, e := s.event(a)
	body, err := encode(e)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: encode event: %w", alert.ErrPermanent, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.cfg.Endpoint, "/")+path, bytes.NewReader(body))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("%w: make request: %w", alert.ErrPermanent, alert.WithoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "firewatch")
	resp, err := s.client.Do(req)
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("post event: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, alert.MaxAnswer))
	if err != nil {
		return alert.Receipt{}, fmt.Errorf("read answer: %w", err)
	}
	return s.outcome(a, resp, answer)
}

// event is the path and the event for an alert.
func (s *Sink) event(a alert.Alert) (string, event) {
	e := event{RoutingKey: s.cfg.RoutingKey.Reveal(), Action: "trigger", DedupKey: a.Incident, Client: "firewatch", Payload: payload{
		Summary: orDash(human.Clean(a.Host+": "+a.Summary, maxSummary-1)), Source: orDash(human.Clean(a.Host, 250)), Severity: severity(a), Timestamp: a.ChangedAt,
		Component: human.Clean(a.Target, 250), Group: human.Clean(a.Labels["team"], 250), Class: human.Clean(a.Rule, 250), Details: a}}
	switch {
	case a.Phase == alert.PhaseDigest:
		e.Action, e.DedupKey, e.Client, e.Payload.Severity, e.Payload.Component, e.Payload.Class, e.Payload.Group = "", "", "", "", "", "", ""
		return "/v2/change/enqueue", e
	case a.State == alert.Resolved:
		e.Action = "resolve"
	}
	return "/v2/enqueue", e
}

// encode is the event within PagerDuty's limit: what explains goes first.
func encode(e event) ([]byte, error) {
	b, err := json.Marshal(e)
	if err == nil && len(b) > maxEvent {
		e.Payload.Details = nil
		b, err = json.Marshal(e)
	}
	return b, err
}

// outcome classes an answer. PagerDuty takes an event with 202 and the word
// success; a 400 for the routing key is a person's to mend.
func (s *Sink) outcome(a alert.Alert, resp *http.Response, answer []byte) (alert.Receipt, error) {
	var said struct {
		Status string `json:"status"`
	}
	text := alert.Scrub(string(answer), s.cfg.RoutingKey.Reveal())
	cause := fmt.Errorf("pagerduty answered %d %s", resp.StatusCode, human.Clean(text, 200))
	switch {
	case resp.StatusCode == http.StatusAccepted && json.Unmarshal(answer, &said) == nil && said.Status == "success":
		return alert.Receipt{ID: a.Key}, nil
	case resp.StatusCode/100 == 2:
		return alert.Receipt{}, errors.New("the answer is not PagerDuty's: does a login page stand between?")
	case resp.StatusCode == http.StatusBadRequest && strings.Contains(strings.ReplaceAll(strings.ToLower(text), "_", " "), "routing key"):
		return alert.Receipt{}, fmt.Errorf("%w: %w", alert.ErrCredentials, cause)
	}
	return alert.Receipt{}, alert.AnswerError(resp.StatusCode, resp.Header, cause)
}

// severity is PagerDuty's word; it knows our three, and error.
func severity(a alert.Alert) string {
	if a.Severity.Rank() == 0 {
		return string(alert.Warning)
	}
	return string(a.Severity)
}

func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	return s
}
