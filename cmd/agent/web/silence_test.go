package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

func TestSilencesOverTheAPI(t *testing.T) {
	t.Parallel()
	f := &fakeAgent{}
	w := do(API(f), "POST", "/v1/silences", `{"rule":"disk-full","target":"/var","for":"2h","by":"anna"}`)
	if w.Code != 201 || !strings.Contains(w.Body.String(), `"id":"0123abcd"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if s := f.silences[0]; s.Rule != "disk-full" || s.Target != "/var" || time.Until(s.Until).Round(time.Minute) != 2*time.Hour {
		t.Errorf("the agent got %+v", s)
	}
	if w := do(API(f), "GET", "/v1/silences", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "disk-full") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(API(f), "DELETE", "/v1/silences/0123abcd", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for err, want := range map[error]int{alert.ErrUnknownSilence: 404, fmt.Errorf("%w: too long", alert.ErrInvalid): 422, alert.ErrNotDurable: 503} {
		f.err = err
		if w := do(API(f), "DELETE", "/v1/silences/0123abcd", `{"by":"anna"}`); w.Code != want {
			t.Errorf("%v: %d, want %d", err, w.Code, want)
		}
	}
	if w := do(API(f), "POST", "/v1/silences", `{"for":"soon"}`); w.Code != 422 {
		t.Errorf("a bad duration: %d", w.Code)
	}
}

func TestDeadLettersOverTheAPI(t *testing.T) {
	t.Parallel()
	f := &fakeAgent{}
	if w := do(API(f), "POST", "/v1/dead-letters/retry", `{"key":"k.firing"}`); w.Code != 200 || f.dead != "retry k.firing " {
		t.Errorf("%d %s, the agent did %q", w.Code, w.Body, f.dead)
	}
	if w := do(API(f), "POST", "/v1/dead-letters/drop", `{"sink":"s"}`); w.Code != 200 || f.dead != "drop  s" || !strings.Contains(w.Body.String(), `"backlog":2`) {
		t.Errorf("%d %s, the agent did %q", w.Code, w.Body, f.dead)
	}
	if w := do(API(f), "POST", "/v1/dead-letters/burn", `{}`); w.Code != 422 {
		t.Errorf("an unknown verb: %d", w.Code)
	}
}
