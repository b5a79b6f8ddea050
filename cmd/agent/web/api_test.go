package web

import (
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
)

// TestLargestAlert: what is exactly at the bounds is accepted, one more is not.
func TestLargestAlert(t *testing.T) {
	t.Parallel()
	good := `{"rule":"r","severity":"info","state":"firing","summary":"s"}`
	for _, c := range []struct {
		body, key, want int
	}{{maxBody, 256, 202}, {maxBody + 1, 256, 413}, {maxBody, 257, 422}} {
		f := &fakeAgent{result: alert.Accepted}
		w := do(API(f), "POST", "/v1/alerts", good+strings.Repeat(" ", c.body-len(good)), "Idempotency-Key", strings.Repeat("k", c.key))
		if w.Code != c.want || (f.got.Rule == "r") != (c.want == 202) {
			t.Errorf("%+v: %d %s; the agent got %+v", c, w.Code, w.Body, f.got)
		}
	}
	if w := do(API(&fakeAgent{}), "POST", "/v1/incidents/a/ack", strings.Repeat(" ", maxBody+1)); w.Code != 413 {
		t.Errorf("ack with a large body: %d", w.Code)
	}
}

// TestRetryAfter: only what is worth trying again says when.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for result, want := range map[alert.Result]string{alert.NotYet: "5", alert.Conflict: "", alert.Refused: ""} {
		w := do(API(&fakeAgent{result: result, err: alert.ErrNotDurable}), "POST", "/v1/alerts", "{}")
		if got := w.Header().Get("Retry-After"); got != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: Retry-After %q, want %q", result, got, want)
		}
	}
}
