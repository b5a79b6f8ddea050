package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

func said(word string) alerttest.Answer {
	return alerttest.Answer{Body: `{"ok":false,"error":"` + word + `"}`}
}

func TestConformance(t *testing.T) {
	alerttest.Run(t, alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			return unpaced(New(Config{Name: "chat", Token: conf.NewSecret(s.Secret), Channel: "#ops", APIURL: s.URL}, nil))
		},
		Success: func(alerttest.Request) alerttest.Answer {
			return alerttest.Answer{Body: `{"ok":true,"channel":"C0123456789","ts":"1700000000.000100"}`}
		},
		Key: func(r alerttest.Request) string {
			v, _ := url.ParseQuery(string(r.Body))
			return v.Get("metadata")
		},
		Retryable:   []alerttest.Answer{said("internal_error"), said("service_unavailable"), {Body: "{}"}, {Body: `{"ok":true}`}},
		Throttled:   []alerttest.Answer{said("ratelimited")},
		Credentials: []alerttest.Answer{said("invalid_auth"), said("token_revoked"), said("not_in_channel"), said("channel_not_found"), said("is_archived")},
		Permanent:   []alerttest.Answer{said("msg_too_long"), said("invalid_arguments")},
	})
}

func TestWebhookConformance(t *testing.T) {
	alerttest.Run(t, alerttest.Config{
		New: func(s *alerttest.Server) (alert.Sink, error) {
			return unpaced(New(Config{Name: "chat", Webhook: conf.NewSecret(s.URL + "/services/" + s.Secret)}, nil))
		},
		Success:     func(alerttest.Request) alerttest.Answer { return alerttest.Answer{Body: "ok"} },
		Credentials: []alerttest.Answer{{Status: 404, Body: "no_service"}, {Status: 410, Body: "channel_is_archived"}, {Status: 403, Body: "action_prohibited"}},
		Permanent:   []alerttest.Answer{{Status: 400, Body: "invalid_payload"}},
	})
}

// unpaced takes out the second between two messages; TestOneMessageASecond
// holds it.
func unpaced(s *Sink, err error) (*Sink, error) {
	if err == nil {
		s.pace = 0
	}
	return s, err
}

func newSink(t *testing.T) (*slackfake.Server, *Sink) {
	t.Helper()
	fake := slackfake.New("xoxb-test")
	fake.AnyRate()
	t.Cleanup(fake.Close)
	s, err := unpaced(New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: "#ops", APIURL: fake.API()}, rising))
	if err != nil {
		t.Fatal(err)
	}
	return fake, s
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Name: "chat", Token: conf.NewSecret("xoxb-canary"), Channel: "#ops", APIURL: "http://127.0.0.1:1/"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = s.Send(ctx, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
	if text := fmt.Sprintf("%v %+v %#v", err, s.cfg, s); err == nil || strings.Contains(text, "canary") {
		t.Error(text)
	}
	if errors.Is(err, alert.ErrPermanent) || errors.Is(err, alert.ErrCredentials) {
		t.Errorf("a refused connection is retryable: %v", err)
	}
}

// TestEchoedWebhook: what stands between repeats the URL, which is the secret,
// and is longer than what is kept of an answer.
func TestEchoedWebhook(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound} {
		var s *Sink
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "no "+r.URL.Path+" nor "+s.cfg.Webhook.Reveal(), status)
		}))
		t.Cleanup(server.Close)
		var err error
		if s, err = New(Config{Name: "chat", Webhook: conf.NewSecret(server.URL + "/services/canary" + strings.Repeat("x", 80))}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err = s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); err == nil || !strings.Contains(err.Error(), "*** nor ***") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	secret := conf.NewSecret("x")
	for i, c := range []struct {
		cfg  Config
		want int
	}{
		{Config{Name: "a", Token: secret, Channel: "#ops"}, 0}, {Config{Name: "a", Token: secret, Channel: "C0123456789"}, 0},
		{Config{Name: "a", Webhook: conf.NewSecret("https://hooks.slack.com/services/x")}, 0}, {Config{Name: "a"}, 1},
		{Config{Name: "a", Token: secret, Channel: "ops"}, 1}, {Config{Name: "A b", Token: secret, Webhook: secret}, 3},
	} {
		if got := c.cfg.Validate(); len(got) != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
