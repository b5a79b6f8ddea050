package pagerduty

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

const invalid = `{"status":"invalid event","message":"Event object is invalid","errors":["'payload.summary' is missing or blank"]}`

func TestConformance(t *testing.T) {
	alerttest.Run(t, alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			return New(Config{Name: "pager", RoutingKey: conf.NewSecret(s.Secret), Endpoint: s.URL})
		},
		Success: func(r alerttest.Request) alerttest.Answer {
			if wrong(r) != "" {
				return alerttest.Answer{Status: 400, Body: invalid}
			}
			return alerttest.Answer{Status: 202, Body: `{"status":"success","message":"Event processed","dedup_key":"k"}`}
		},
		Permanent:   []alerttest.Answer{{Status: 400, Body: invalid}},
		Credentials: []alerttest.Answer{{Status: 400, Body: `{"status":"invalid event","errors":["'routing_key' is invalid"]}`}, {Status: 400, Body: `{"message":"Invalid Routing Key"}`}},
		Retryable:   []alerttest.Answer{{Status: 202}, {Status: 202, Body: `{"status":"ok?"}`}},
	})
}

// wrong says which rule of the Events API v2 a request breaks, "" = none.
func wrong(r alerttest.Request) string {
	var e map[string]any
	if json.Unmarshal(r.Body, &e) != nil || len(r.Body) > maxEvent {
		return "not an event"
	}
	p, _ := e["payload"].(map[string]any)
	summary, _ := p["summary"].(string)
	source, _ := p["source"].(string)
	key, _ := e["dedup_key"].(string)
	switch {
	case e["routing_key"] == "" || summary == "" || source == "" || utf8.RuneCountInString(summary) > maxSummary || len(key) > 255:
		return "a field is missing or too long"
	case r.Path == "/v2/change/enqueue" && e["event_action"] == nil && key == "":
		return ""
	case r.Path != "/v2/enqueue" || key == "" || e["event_action"] != "trigger" && e["event_action"] != "resolve":
		return "action"
	case !slices.Contains([]any{"critical", "error", "warning", "info"}, p["severity"]):
		return "severity"
	}
	return ""
}

// TestEvents: one key for the life of an incident, and a digest that pages nobody.
func TestEvents(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Name: "pager", RoutingKey: conf.NewSecret("k")})
	if err != nil {
		t.Fatal(err)
	}
	for phase, want := range map[string]string{alert.PhaseFiring: "trigger", "update-3": "trigger", alert.PhaseResolved: "resolve"} {
		a := alerttest.Alert(phase)
		if path, e := s.event(a); path != "/v2/enqueue" || e.Action != want || e.DedupKey != a.Incident || e.Payload.Severity != "critical" || e.Payload.Group != "web" {
			t.Errorf("%s: %s %+v", phase, path, e)
		}
	}
	if path, e := s.event(alerttest.Alert(alert.PhaseDigest)); path != "/v2/change/enqueue" || e.Action+e.DedupKey != "" {
		t.Errorf("digest: %s %+v", path, e)
	}
	big := alerttest.Alert(alert.PhaseFiring)
	big.Labels = map[string]string{"x": strings.Repeat("y", maxEvent)}
	if _, e := s.event(big); true {
		if b, err := encode(e); err != nil || len(b) > maxEvent || !strings.Contains(string(b), big.Incident) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		cfg  Config
		want int
	}{{Config{Name: "a", RoutingKey: conf.NewSecret("k")}, 0}, {Config{Name: "a", RoutingKeyFile: "/x"}, 0}, {Config{Name: "a"}, 1}, {Config{Name: "A b", RoutingKeyFile: "/x", Endpoint: "nope"}, 2}} {
		if got := c.cfg.Validate(); len(got) != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
