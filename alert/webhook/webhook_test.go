package webhook

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "bad token "+r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	s, err := New(Config{Name: "hook", URL: conf.NewSecret(server.URL), Token: conf.NewSecret("canary")})
	if err != nil {
		t.Fatal(err)
	}
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
