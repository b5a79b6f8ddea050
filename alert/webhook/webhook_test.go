package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
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
			return New(Config{Name: "hook", URL: conf.NewSecret(s.URL + "/" + s.Secret), Token: conf.NewSecret(s.Secret)})
		},
		Success:    func(alerttest.Request) alerttest.Answer { return alerttest.Answer{Status: 204} },
		Key:        func(r alerttest.Request) string { return r.Header.Get("Idempotency-Key") },
		StatusOnly: true,
		Permanent:  []alerttest.Answer{{Status: 404}, {Status: 410}, {Status: 422}},
		Retryable:  []alerttest.Answer{{Status: 408}, {Status: 425}},
		Throttled:  []alerttest.Answer{{Status: 503, Header: map[string]string{"Retry-After": "3"}}},
	})
}

func TestConformanceOfABody(t *testing.T) {
	alerttest.Run(t, alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			return New(Config{Name: "hook", URL: conf.NewSecret(s.URL), Token: conf.NewSecret(s.Secret), Body: `{"text":"{{summary}}","value":{{value}}}`})
		},
		Success: func(r alerttest.Request) alerttest.Answer {
			if !json.Valid(r.Body) {
				return alerttest.Answer{Status: 400}
			}
			return alerttest.Answer{Status: 204}
		},
		Key:        func(r alerttest.Request) string { return r.Header.Get("Idempotency-Key") },
		StatusOnly: true,
	})
}

func TestSignature(t *testing.T) {
	t.Parallel()
	// By hand: printf '1700000000.{}' | openssl dgst -sha256 -hmac key
	const want = "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
	if got := sign("key", time.Unix(1_700_000_000, 0), []byte("{}")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestEchoedSecret: a receiver that repeats our token in its error.
func TestEchoedSecret(t *testing.T) {
	t.Parallel()
	good := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if w.Header().Set("X-Request-Id", r.Header.Get("Authorization")); !good {
			http.Error(w, "bad token "+r.Header.Get("Authorization"), http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	s, err := New(Config{Name: "hook", URL: conf.NewSecret(server.URL), Token: conf.NewSecret("canary")})
	if err != nil {
		t.Fatal(err)
	}
	good = true
	if r, err := s.Send(t.Context(), alert.Alert{Key: "k"}, alert.Receipt{}); err != nil || strings.Contains(r.ID, "canary") {
		t.Errorf("the receipt of a server that repeats the token: %+v, %v", r, err)
	}
	good = false
	_, err = s.Send(context.Background(), alert.Alert{Key: "k"}, alert.Receipt{})
	if err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(fmt.Sprintf("%+v %#v", s.cfg, s.cfg), "canary") {
		t.Errorf("%v", err)
	}
}

// TestEchoedPath: a receiver that names the path which it does not know.
func TestEchoedPath(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "Cannot POST "+r.URL.Path+" as "+r.RequestURI, http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	s, err := New(Config{Name: "hook", URL: conf.NewSecret(server.URL + "/hooks/can%61ry?k=canary")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Send(t.Context(), alert.Alert{Key: "k"}, alert.Receipt{}); err == nil || !strings.Contains(err.Error(), "Cannot POST") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for u, good := range map[string]bool{"https://a/b": true, "http://127.0.0.1:8/": true, "http://localhost/": true, "http://example.com/": false, "ftp://a": false, "x": false, "": false} {
		if faults := (Config{Name: "a", URL: conf.NewSecret(u)}).Validate(); (len(faults) == 0) != good {
			t.Errorf("%q: %v", u, faults)
		}
	}
}

// TestBody: fields are filled in, escaped as the content type asks.
func TestBody(t *testing.T) {
	t.Parallel()
	a := alerttest.Alert(alert.PhaseResolved)
	a.Summary, a.Target, a.Value = "a \"quoted\" & <odd>\nline", "/x y", alert.Number(math.NaN())
	for _, c := range []struct{ kind, body, want string }{
		{"", `{"t":"{{summary}}","n":{{ value }},"team":"{{labels.team}}","none":"{{labels.none}}","s":{{seconds}}}`, `{"t":"a \"quoted\" \u0026 \u003codd\u003e\nline","n":null,"team":"web","none":"","s":30}`},
		{"application/x-www-form-urlencoded", "text={{summary}}&target={{target}}", "text=a+%22quoted%22+%26+%3Codd%3E%0Aline&target=%2Fx+y"},
		{"text/plain", "{{host}} {{state}}: {{summary}} {{{{phase}}}}", `web-1 resolved: a "quoted" & <odd> line {{resolved}}`},
	} {
		cfg := Config{Name: "hook", URL: conf.NewSecret("https://a"), Body: c.body, ContentType: c.kind}
		if faults := cfg.Validate(); len(faults) != 0 {
			t.Errorf("%s: %v", c.body, faults)
		}
		if got, err := cfg.body(a); err != nil || string(got) != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.kind, got, c.want)
		}
	}
	whole, err := Config{Body: `{"alert":{{json}}}`}.body(a)
	var back struct{ Alert alert.Alert }
	if err != nil || json.Unmarshal(whole, &back) != nil || back.Alert.Key != a.Key {
		t.Errorf("%s: %v", whole, err)
	}
	for body, want := range map[string]string{`{"a":"{{summaryy}}"}`: "did you mean {{summary}}?", `{"a":{{summary}}}`: "quotes", `{"a":"{{nothing-like-it}}"}`: "fields:"} {
		if f := (Config{Name: "a", URL: conf.NewSecret("https://a"), Body: body}).Validate(); len(f) != 1 || !strings.Contains(f[0].Hint, want) {
			t.Errorf("%s: %v", body, f)
		}
	}
}

// FuzzBody: whatever the alert says, a JSON body stays JSON, and text stays in its
// quotes.
func FuzzBody(f *testing.F) {
	f.Add("summary", "host", 1.5)
	f.Add("\",\"x\":\"", "{{json}}", math.Inf(1))
	f.Fuzz(func(t *testing.T, summary, host string, value float64) {
		a := alerttest.Alert(alert.PhaseFiring)
		a.Summary, a.Host, a.Value = summary, host, alert.Number(value)
		b, err := Config{Body: `{"s":"{{summary}}","h":"{{host}}","v":{{value}}}`}.body(a)
		var got struct {
			S, H string
			V    alert.Number
		}
		if err != nil || json.Unmarshal(b, &got) != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if utf8.ValidString(summary) && utf8.ValidString(host) && (got.S != summary || got.H != host) {
			t.Errorf("%q, %q became %s", summary, host, b)
		}
	})
}
