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
			return New(Config{Name: "chat", Token: conf.NewSecret(s.Secret), Channel: "#ops", APIURL: s.URL})
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
			return New(Config{Name: "chat", Webhook: conf.NewSecret(s.URL + "/services/" + s.Secret)})
		},
		Success:     func(alerttest.Request) alerttest.Answer { return alerttest.Answer{Body: "ok"} },
		Credentials: []alerttest.Answer{{Status: 404, Body: "no_service"}, {Status: 410, Body: "channel_is_archived"}, {Status: 403, Body: "action_prohibited"}},
		Permanent:   []alerttest.Answer{{Status: 400, Body: "invalid_payload"}},
	})
}

func newSink(t *testing.T) (*slackfake.Server, *Sink) {
	t.Helper()
	fake := slackfake.New("xoxb-test")
	t.Cleanup(fake.Close)
	s, err := New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: "#ops", APIURL: fake.API()})
	if err != nil {
		t.Fatal(err)
	}
	return fake, s
}

// TestOneMessageAnIncident: firing posts, update and resolved edit.
func TestOneMessageAnIncident(t *testing.T) {
	t.Parallel()
	fake, s := newSink(t)
	var last alert.Receipt
	for _, phase := range []string{alert.PhaseFiring, "update-1", alert.PhaseResolved} {
		var err error
		if last, err = s.Send(t.Context(), alerttest.Alert(phase), last); err != nil {
			t.Fatal(err)
		}
	}
	got := fake.Messages()
	if len(got) != 3 || got[0].Method != "chat.postMessage" || got[1].Method != "chat.update" || got[2].Method != "chat.update" || got[2].TS != got[0].TS {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got[2].Text, "RESOLVED") || got[2].Key == "" {
		t.Errorf("%+v", got[2])
	}
}

// TestRefusedBlocksAndLostMessage: neither costs the alert.
func TestRefusedBlocksAndLostMessage(t *testing.T) {
	t.Parallel()
	fake, s := newSink(t)
	calls := 0
	fake.Fail(func(string) (int, http.Header, string) {
		if calls++; calls == 1 {
			return 200, nil, `{"ok":false,"error":"invalid_blocks"}`
		}
		return 0, nil, ""
	})
	if _, err := s.Send(t.Context(), alerttest.Alert(alert.PhaseFiring), alert.Receipt{}); err != nil {
		t.Fatal(err)
	}
	lost := alert.Receipt{ID: "1", Memo: []byte(`{"c":"C0123456789","t":"1.2"}`)}
	if _, err := s.Send(t.Context(), alerttest.Alert(alert.PhaseResolved), lost); err != nil {
		t.Fatal(err)
	}
	got := fake.Messages()
	if len(got) != 2 || len(got[0].Blocks) != 0 || got[1].Method != "chat.postMessage" {
		t.Errorf("%+v", got)
	}
}

// TestHostTextIsHarmless: what a process or mount point is called cannot
// mention, link or reorder.
func TestHostTextIsHarmless(t *testing.T) {
	t.Parallel()
	fake, s := newSink(t)
	a := alerttest.Alert(alert.PhaseFiring)
	evil := "<!channel> <https://evil|click> \u202e\x1b[31m &amp; `x`"
	a.Summary, a.Host, a.Target = evil, evil, evil
	a.Causes = []alert.Cause{{Metric: evil, Target: evil}}
	a.Culprits = []alert.Culprit{{Command: evil, User: evil, What: evil}}
	if _, err := s.Send(t.Context(), a, alert.Receipt{}); err != nil {
		t.Fatal(err)
	}
	m := fake.Messages()[0]
	all := m.Text
	for _, b := range m.Blocks {
		all += b.Text.Text
	}
	for _, bad := range []string{"<", ">", "\u202e", "\x1b"} {
		if strings.Contains(all, bad) {
			t.Errorf("%q is in %q", bad, all)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("cpu busy", "host", "a`b")
	f.Fuzz(func(t *testing.T, summary, host, target string) {
		a := alerttest.Alert(alert.PhaseFiring)
		a.Summary, a.Host, a.Target, a.SilenceCommand = summary, host, target, target
		for _, text := range []string{headline(a), escape(summary, 100)} {
			if strings.ContainsAny(text, "<>\x00\x1b") {
				t.Errorf("%q", text)
			}
		}
		if len(blocks(a)) != 2 {
			t.Error("blocks")
		}
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Name: "chat", Token: conf.NewSecret("xoxb-canary"), Channel: "#ops", APIURL: "http://127.0.0.1:1/"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = s.Send(ctx, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
	if text := fmt.Sprintf("%v %+v %#v", err, s.cfg, *s); err == nil || strings.Contains(text, "canary") {
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
		if s, err = New(Config{Name: "chat", Webhook: conf.NewSecret(server.URL + "/services/canary" + strings.Repeat("x", 80))}); err != nil {
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
