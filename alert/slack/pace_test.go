package slack

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

type answers func(r *http.Request) string

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(f(r))), Request: r}, nil
}

// TestOneMessageASecond: no two requests are closer, and the first does not wait.
func TestOneMessageASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: "#ops"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var at []time.Duration
		s.http = &http.Client{Transport: answers(func(*http.Request) string {
			at = append(at, time.Since(began))
			return `{"ok":true,"channel":"C0123456789","ts":"1700000000.000100"}`
		})}
		var last alert.Receipt
		for _, phase := range []string{alert.PhaseFiring, "update-1", alert.PhaseResolved} {
			a := alerttest.Alert(phase)
			a.Severity = map[string]alert.Severity{alert.PhaseFiring: alert.Warning}[phase]
			if a.Severity == "" {
				a.Severity = alert.Critical
			}
			if last, err = s.Send(t.Context(), a, last); err != nil {
				t.Fatal(err)
			}
		}
		if len(at) != 4 || at[0] != 0 || at[3] != 3*time.Second {
			t.Errorf("requests at %v: one, an edit with its reply, an edit, each a second apart", at)
		}
	})
}
