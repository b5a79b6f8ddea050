package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// direct speaks to a handler without a socket, which a synctest bubble needs.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// restarted is the sink of a new process at a Slack whose history may be read.
func restarted(t *testing.T, fake *slackfake.Server) *Sink {
	t.Helper()
	fake.AnyRate()
	fake.Grant("channels:history")
	s, err := unpaced(New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: slackfake.Channel}, nil))
	if err != nil {
		t.Fatal(err)
	}
	s.http = &http.Client{Transport: direct{fake.Config.Handler}}
	return s
}

func throttles(what string, after int) func(string) (int, http.Header, string) {
	return func(method string) (int, http.Header, string) {
		if method != what {
			return 0, nil, ""
		}
		return http.StatusTooManyRequests, http.Header{"Retry-After": {fmt.Sprint(after)}}, `{"ok":false,"error":"ratelimited"}`
	}
}

// A history that cannot be read for a while holds the post back, which would
// else be there twice; one that cannot be read for long does not.
func TestPostWaitsForTheHistory(t *testing.T) {
	fake := slackfake.New("xoxb-test")
	t.Cleanup(fake.Close)
	for name, fail := range map[string]func(string) (int, http.Header, string){
		"throttled": throttles("conversations.history", 1),
		"503": func(method string) (int, http.Header, string) {
			return map[string]int{"conversations.history": 503}[method], nil, ""
		},
		"throttled in words": func(method string) (int, http.Header, string) {
			return map[string]int{"conversations.history": 200}[method], nil, `{"ok":false,"error":"ratelimited"}`
		},
		"half an answer": func(method string) (int, http.Header, string) {
			return map[string]int{"conversations.history": 200}[method], nil, `{"ok":true,"mess`
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := with(alerttest.Alert(alert.PhaseFiring), func(a *alert.Alert) { a.ChangedAt, a.Incident = time.Now(), name })
			first := mustSend(t, restarted(t, fake), a, alert.Receipt{})
			count := len(fake.Messages())
			time.Sleep(time.Second)
			s := restarted(t, fake) // a crash forgot it
			fake.Fail(fail)
			for range 60 {
				if _, err := s.Send(t.Context(), a, alert.Receipt{}); err == nil || errors.Is(err, alert.ErrPermanent) || errors.Is(err, alert.ErrCredentials) {
					t.Fatalf("%s: the post did not wait: %v", name, err)
				}
				time.Sleep(time.Second)
			}
			fake.Fail(nil)
			if got := mustSend(t, s, a, alert.Receipt{}); got.ID != first.ID || len(fake.Messages()) != count {
				t.Errorf("%s: posted again", name)
			}
			// For good: an alert comes after two minutes, the next without any wait.
			a.Incident, a.Key = "other", "other.firing"
			fake.Fail(fail)
			began := time.Now()
			for range 200 {
				if _, err := s.Send(t.Context(), a, alert.Receipt{}); err == nil {
					break
				}
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took != findPatience {
				t.Errorf("%s: posted after %s", name, took)
			}
			a.Incident, a.Key = "third", "third.firing"
			mustSend(t, s, a, alert.Receipt{})
			fake.Fail(nil)
		})
	}
}

// A service that asks to leave its history alone for long is heard: the post
// waits two minutes and no request is made meanwhile.
func TestHistoryAskedToWaitLong(t *testing.T) {
	fake := slackfake.New("xoxb-test")
	t.Cleanup(fake.Close)
	synctest.Test(t, func(t *testing.T) {
		s := restarted(t, fake)
		looks := 0
		slow := throttles("conversations.history", 600)
		fake.Fail(func(method string) (int, http.Header, string) {
			if method == "conversations.history" {
				looks++
			}
			return slow(method)
		})
		a := with(alerttest.Alert(alert.PhaseFiring), func(a *alert.Alert) { a.ChangedAt = time.Now().Add(-time.Minute) })
		_, err := s.Send(t.Context(), a, alert.Receipt{})
		var wait *alert.ThrottledError
		if !errors.As(err, &wait) || wait.After != findPatience {
			t.Fatalf("want to be told to wait %s: %v", findPatience, err)
		}
		time.Sleep(wait.After)
		mustSend(t, s, a, alert.Receipt{})
		if looks != 1 {
			t.Errorf("%d requests within what Slack asked to wait", looks)
		}
	})
}

// A post that may have arrived is looked for also after one that Slack sent away,
// and beyond the first page of the channel.
func TestLookedForAfterThrottling(t *testing.T) {
	fake := slackfake.New("xoxb-test")
	t.Cleanup(fake.Close)
	s := restarted(t, fake)
	a := with(alerttest.Alert(alert.PhaseFiring), func(a *alert.Alert) { a.ChangedAt = time.Now() })
	s.note(a.Key, slackfake.Channel, errors.New("connection reset")) // it is still on its way
	fake.Fail(throttles("chat.postMessage", 1))
	var slow *alert.ThrottledError
	if _, err := s.Send(t.Context(), a, alert.Receipt{}); !errors.As(err, &slow) {
		t.Fatal(err)
	}
	fake.Fail(nil)
	first := mustSend(t, restarted(t, fake), a, alert.Receipt{}) // and arrives now
	for i := range 2*findLimit + 10 {
		other := with(a, func(a *alert.Alert) { a.Incident, a.Key = fmt.Sprint(i), fmt.Sprint(i, ".firing") })
		mustSend(t, s, other, alert.Receipt{})
	}
	if got := mustSend(t, s, a, alert.Receipt{}); got.ID != first.ID {
		t.Error("posted again")
	}
}

// hangs answers all but the history, which never ends.
type hangs struct{ direct }

func (h hangs) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "conversations.history") {
		<-r.Context().Done()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return h.direct.RoundTrip(r)
}

// A history that never answers holds a post back for two minutes, as one that fails
// does, and leaves the post enough of the attempt.
func TestHistoryThatHangs(t *testing.T) {
	fake := slackfake.New("xoxb-test")
	t.Cleanup(fake.Close)
	synctest.Test(t, func(t *testing.T) {
		s := restarted(t, fake)
		s.http = &http.Client{Transport: hangs{direct{fake.Config.Handler}}}
		a := with(alerttest.Alert(alert.PhaseFiring), func(a *alert.Alert) { a.ChangedAt = time.Now().Add(-time.Minute) })
		began := time.Now()
		for n := 0; ; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := s.Send(ctx, a, alert.Receipt{})
			cancel()
			if err == nil {
				break
			}
			if n > 100 {
				t.Fatalf("not posted in %s: %v", time.Since(began), err)
			}
		}
		if took := time.Since(began); took < findPatience || took > findPatience+10*time.Second {
			t.Errorf("posted after %s", took)
		}
	})
}
