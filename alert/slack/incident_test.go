package slack

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// rising is an hour that climbs from 40 to 97, with a gap.
func rising(context.Context, string, string, time.Time) (Hour, error) {
	h := Hour{Unit: "Percent"}
	for i := range ChartPoints {
		h.Means = append(h.Means, 40+3*float64(i))
	}
	h.Means[4] = math.NaN()
	return h, nil
}

func mustSend(t *testing.T, s *Sink, a alert.Alert, last alert.Receipt) alert.Receipt {
	t.Helper()
	r, err := s.Send(t.Context(), a, last)
	if err != nil {
		t.Fatalf("%s: %v", a.Phase, err)
	}
	return r
}

func with(a alert.Alert, f func(*alert.Alert)) alert.Alert {
	f(&a)
	return a
}

// TestOneMessageAnIncident: the whole life of an incident is one message that is
// edited; what must be heard is said in its thread and shown in the channel.
func TestOneMessageAnIncident(t *testing.T) {
	t.Parallel()
	fake, s := newSink(t)
	warning := func(phase string) alert.Alert {
		return with(alerttest.Alert(phase), func(a *alert.Alert) { a.Severity, a.Members = alert.Warning, nil })
	}
	progress := with(warning("update-1"), func(a *alert.Alert) { a.Value, a.Summary = 98, "The disk is 98 % full" })
	escalated := with(warning("update-2"), func(a *alert.Alert) { a.Severity, a.Value = alert.Critical, 99 })
	member := alert.Member{Rule: "disk-full", Target: "/home", Severity: alert.Critical, State: alert.Firing}
	joined := with(escalated, func(a *alert.Alert) { a.Phase, a.Members = "update-3", []alert.Member{member} })
	again := with(joined, func(a *alert.Alert) { a.Phase, a.Value = "update-4", 99.5 })
	reminder := with(again, func(a *alert.Alert) { a.Phase = "update-5" })
	var last alert.Receipt
	for _, a := range []alert.Alert{warning(alert.PhaseFiring), progress, escalated, joined, again, reminder, alerttest.Alert(alert.PhaseResolved)} {
		last = mustSend(t, s, a, last)
	}
	got := fake.Messages()
	var log []string
	for _, m := range got {
		w := strings.TrimPrefix(m.Method, "chat.")
		if m.Thread != "" {
			w += " reply"
		}
		if m.Broadcast {
			w += " shown"
		}
		if m.Notifies() {
			w += "!"
		}
		if m.Thread == "" && m.TS != got[0].TS || m.Thread != "" && m.Thread != got[0].TS {
			t.Errorf("%s is not about the one message", w)
		}
		log = append(log, w)
	}
	want := []string{"postMessage!", "update", "update", "postMessage reply shown!", "update", "postMessage reply shown!", "update", "update", "postMessage reply shown!", "update"}
	if !slices.Equal(log, want) {
		t.Errorf("the fake's log\n got %q\nwant %q", log, want)
	}
	for i, part := range map[int]string{3: "Now critical", 5: "Also critical", 8: "Still critical", 9: "RESOLVED"} {
		if !strings.Contains(got[i].Shown(), part) {
			t.Errorf("message %d does not say %q: %s", i, part, got[i].Shown())
		}
	}
	if !strings.Contains(got[9].Shown(), "*Lasted*\n30 s") {
		t.Errorf("the resolution does not say how long: %s", got[9].Shown())
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	firing := alerttest.Alert("update-1")
	told := memo{Channel: slackfake.Channel, TS: "1.2"}.told(firing)
	back := with(firing, func(a *alert.Alert) { a.Members, a.Summary = nil, "again since 14:03 UTC: "+a.Summary })
	for name, c := range map[string]struct {
		a    alert.Alert
		m    memo
		want move
	}{
		"no message yet":          {firing, memo{}, post},
		"a digest":                {alerttest.Alert(alert.PhaseDigest), told, post},
		"resolved, none yet":      {alerttest.Alert(alert.PhaseResolved), memo{}, post},
		"resolved":                {alerttest.Alert(alert.PhaseResolved), told, edit},
		"progress":                {with(firing, func(a *alert.Alert) { a.Value = 99 }), told, edit},
		"a reminder":              {with(firing, func(a *alert.Alert) { a.Phase = "update-2" }), told, reply},
		"less severe":             {with(firing, func(a *alert.Alert) { a.Severity = alert.Warning }), told, edit},
		"a memo of an older time": {firing, memo{Channel: "C", TS: "1.2"}, edit},
		"a member that resolved": {with(firing, func(a *alert.Alert) {
			a.Members = []alert.Member{{Rule: "x", Severity: alert.Critical, State: alert.Resolved}}
		}), told, edit},
		"a new warning member": {with(firing, func(a *alert.Alert) {
			a.Members = append(slices.Clone(a.Members), alert.Member{Rule: "x", Severity: alert.Warning, State: alert.Firing})
		}), told, edit},
		"the only member, listed": {with(firing, func(a *alert.Alert) { a.Summary = "more" }), memo{Channel: "C", TS: "1.2"}.told(with(firing, func(a *alert.Alert) { a.Members = nil })), edit},
		"a new critical member": {with(firing, func(a *alert.Alert) {
			a.Members = append(slices.Clone(a.Members), alert.Member{Rule: "x", Severity: alert.Critical, State: alert.Firing})
		}), told, reply},
		"there again":            {back, told, reply},
		"said to be there again": {with(back, func(a *alert.Alert) { a.Value = 99 }), told.told(back), edit},
		"not said to be":         {with(firing, func(a *alert.Alert) { a.Value = 99 }), told.told(back), edit},
		"there again, listed": {with(firing, func(a *alert.Alert) {
			a.Members = []alert.Member{{Rule: back.Rule, Target: back.Target, Severity: alert.Critical, State: alert.Firing, Summary: back.Summary}}
		}), told, reply},
		"a critical member that was well": {firing, told.told(with(firing, func(a *alert.Alert) {
			a.Severity = alert.Warning
			a.Members = []alert.Member{{Rule: firing.Rule, Target: firing.Target, Severity: alert.Critical, State: alert.Resolved}}
		})), reply},
	} {
		if got, _, _ := decide(c.a, c.m); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	many := firing
	for i := range 500 {
		many.Members = append(many.Members, alert.Member{Rule: "r", Target: strings.Repeat("x", i), Severity: alert.Critical, State: alert.Firing})
	}
	r, err := told.told(many).receipt("1.2")
	if err != nil || len(r.Memo) > alert.MaxMemo {
		t.Errorf("a memo of %d bytes: %v", len(r.Memo), err)
	}
}

// TestRefusedBlocks: first the chart goes, then all blocks; the alert never. A
// chart that was refused is not tried again.
func TestRefusedBlocks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		word    string
		refuse  int // requests
		want    string
		forever bool
	}{{"invalid_blocks", 1, "▁", true}, {"invalid_blocks", 2, "", false}, {"msg_blocks_too_long", 2, "", false}} {
		fake, s := newSink(t)
		calls := 0
		fake.Fail(func(string) (int, http.Header, string) {
			if calls++; calls <= c.refuse {
				return 200, nil, `{"ok":false,"error":"` + c.word + `"}`
			}
			return 0, nil, ""
		})
		mustSend(t, s, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
		got := fake.Messages()
		if len(got) != 1 || calls != c.refuse+1 || !strings.Contains(got[0].Shown(), c.want) || strings.Contains(got[0].Shown(), "usual, high") || (len(got[0].Blocks) == 0) != (c.want == "") {
			t.Errorf("%d requests: %+v", calls, got)
		}
		if !strings.Contains(got[0].Shown(), "firewatch silence add") {
			t.Error("the text lost the silence command")
		}
		calls = c.refuse
		mustSend(t, s, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
		if chart := strings.Contains(fake.Messages()[1].Shown(), "usual, high"); chart == c.forever {
			t.Errorf("the chart after %d refusals: %v", c.refuse, chart)
		}
	}
	fake := slackfake.New("hook")
	t.Cleanup(fake.Close)
	s, err := unpaced(New(Config{Name: "chat", Webhook: conf.NewSecret(fake.Webhook())}, rising))
	if err != nil {
		t.Fatal(err)
	}
	fake.AnyRate()
	calls := 0
	fake.Fail(func(string) (int, http.Header, string) {
		if calls++; calls <= 2 {
			return 400, nil, "invalid_blocks"
		}
		return 0, nil, ""
	})
	mustSend(t, s, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
	if got := fake.Messages(); len(got) != 1 || len(got[0].Blocks) != 0 || !strings.Contains(got[0].Text, "97.5 %") {
		t.Errorf("%+v", got)
	}
}

// TestLostMessage: somebody deleted it; it is said anew.
func TestLostMessage(t *testing.T) {
	t.Parallel()
	fake, s := newSink(t)
	last := mustSend(t, s, alerttest.Alert(alert.PhaseFiring), alert.Receipt{})
	fake.Delete(last.ID)
	last = mustSend(t, s, alerttest.Alert(alert.PhaseResolved), last)
	got := fake.Messages()
	if len(got) != 2 || got[1].Method != "chat.postMessage" || last.ID != got[1].TS {
		t.Errorf("%+v", got)
	}
}

// TestAmbiguousPost: an answer that was lost does not make a second message,
// where the bot may read the channel; where it may not, the alert still comes.
func TestAmbiguousPost(t *testing.T) {
	t.Parallel()
	for _, granted := range []bool{true, false} {
		fake := slackfake.New("xoxb-test")
		fake.AnyRate()
		t.Cleanup(fake.Close)
		if granted {
			fake.Grant("channels:history")
		}
		made := func() *Sink {
			s, err := unpaced(New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: slackfake.Channel, APIURL: fake.API()}, nil))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := made()
		a := with(alerttest.Alert(alert.PhaseFiring), func(a *alert.Alert) { a.ChangedAt = time.Now() })
		// The message arrives, and the answer is lost.
		s.http = &http.Client{Transport: loses{s.http.Transport}}
		if _, err := s.Send(t.Context(), a, alert.Receipt{}); err == nil || errors.Is(err, alert.ErrPermanent) {
			t.Fatalf("a lost answer: %v", err)
		}
		s.http = alert.HTTPClient()
		want := map[bool]int{true: 1, false: 2}[granted]
		r := mustSend(t, s, a, alert.Receipt{})
		if got := fake.Messages(); len(got) != want || r.ID != got[want-1].TS {
			t.Errorf("scope %v: %d messages, receipt %s", granted, len(got), r.ID)
		}
		// A process after it does not know what the one before had sent.
		r = mustSend(t, made(), a, alert.Receipt{})
		if got := fake.Messages(); granted && (len(got) != 1 || r.ID != got[0].TS) {
			t.Errorf("after a restart: %d messages", len(got))
		}
		// Its next phases edit what was found.
		mustSend(t, s, alerttest.Alert(alert.PhaseResolved), r)
		if got := fake.Messages(); got[len(got)-1].Method != "chat.update" {
			t.Errorf("%+v", got[len(got)-1])
		}
		// A crash may have forgotten all of it: what was edited since is found, too.
		r = mustSend(t, made(), a, alert.Receipt{})
		if got := fake.Messages(); granted && (len(got) != 2 || r.ID != got[0].TS) {
			t.Errorf("after an edit and a restart: %d messages", len(got))
		}
	}
}

// loses makes the request and loses the answer.
type loses struct{ http.RoundTripper }

func (l loses) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body.Close()
	}
	return nil, errors.New("connection reset")
}
