package alertmanager

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestConformance(t *testing.T) {
	alerttest.Run(t, alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			return New(Config{Name: "am", URL: s.URL, User: "firewatch", Password: conf.NewSecret(s.Secret)})
		},
		Success: func(r alerttest.Request) alerttest.Answer {
			if wrong(r) {
				return alerttest.Answer{Status: 400, Body: `"invalid label set"`}
			}
			return alerttest.Answer{}
		},
		Key: func(r alerttest.Request) string {
			var p []posted
			_ = json.Unmarshal(r.Body, &p)
			return p[len(p)-1].Annotations["firewatch_key"]
		},
		StatusOnly: true,
		Permanent:  []alerttest.Answer{{Status: 400, Body: `"invalid label set"`}},
	})
}

var nameForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// wrong is what Alertmanager refuses (types/types.go, Alert.Validate, and
// model.Alert.Validate of prometheus/common).
func wrong(r alerttest.Request) bool {
	var list []posted
	if r.Path != "/api/v2/alerts" || json.Unmarshal(r.Body, &list) != nil || len(list) == 0 {
		return true
	}
	for _, p := range list {
		if p.StartsAt.IsZero() || !p.EndsAt.IsZero() && p.EndsAt.Before(p.StartsAt) || p.Labels["alertname"] == "" {
			return true
		}
		for k, v := range p.Labels {
			if !nameForm.MatchString(k) || v == "" || !utf8.ValidString(v) {
				return true
			}
		}
	}
	return false
}

// manager is Alertmanager's memory: an alert is its labels.
type manager map[string]posted

func (m manager) take(list []posted) {
	for _, p := range list {
		b, _ := json.Marshal(p.Labels)
		m[string(b)] = p
	}
}

func (m manager) firing(now time.Time) (out []posted) {
	for _, p := range m {
		if p.EndsAt.After(now) {
			out = append(out, p)
		}
	}
	return out
}

// TestLifeOfAnIncident: at each moment exactly one alert fires, of the newest
// severity, and in the end none; also five days later without a repeat.
func TestLifeOfAnIncident(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Name: "am", URL: "http://127.0.0.1:9093"})
	if err != nil {
		t.Fatal(err)
	}
	m, told := manager{}, alert.Severity("")
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for i, severity := range []alert.Severity{alert.Warning, alert.Warning, alert.Critical, alert.Warning} {
		a := alerttest.Alert("update-1")
		a.Severity, a.StartedAt, a.ChangedAt, a.Value = severity, now, now.Add(time.Duration(i)*time.Minute), alert.Number(i)
		m.take(s.alerts(a, told))
		told = severity
		for _, after := range []time.Duration{time.Second, 5 * 24 * time.Hour} {
			if got := m.firing(a.ChangedAt.Add(after)); len(got) != 1 || got[0].Labels["severity"] != string(severity) {
				t.Fatalf("step %d: %+v", i, got)
			}
		}
	}
	a := alerttest.Alert(alert.PhaseResolved)
	a.StartedAt, a.ChangedAt, a.ResolvedAt = now, now.Add(time.Hour), now.Add(time.Hour)
	m.take(s.alerts(a, told))
	if got := m.firing(a.ResolvedAt.Add(time.Second)); len(got) != 0 {
		t.Errorf("after the resolution: %+v", got)
	}
}

// TestEchoedPassword: a proxy that repeats the header of basic authentication.
func TestEchoedPassword(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no "+r.Header.Get("Authorization")+" here", http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	s, err := New(Config{Name: "am", URL: server.URL, User: "firewatch", Password: conf.NewSecret("c4n4ry")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); err == nil || !strings.Contains(err.Error(), "no Basic *** here") {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		cfg  Config
		want int
	}{
		{Config{Name: "a", URL: "http://am:9093"}, 0}, {Config{Name: "a", URL: "https://am", User: "u", Password: conf.NewSecret("p")}, 0}, {Config{Name: "a", URL: "http://am", User: "u", PasswordFile: "/p"}, 1},
		{Config{Name: "a", URL: "http://am", User: "u", PasswordFile: "/p", AllowHTTP: true}, 0}, {Config{Name: "a", URL: "am", PasswordFile: "/p", Hold: conf.Duration(time.Second)}, 3},
	} {
		if got := c.cfg.Validate(); len(got) != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
