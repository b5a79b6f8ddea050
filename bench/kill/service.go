package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// sight is a message that a service took.
type sight struct {
	service, target, phase, key string
	incident                    string
	digest                      bool
	repeat                      bool // marked as a possible one
	edit                        bool // of a message that is there: seen, but no second message
	unheard                     bool // the service took it and its answer was cut off: no kill is needed for a repeat
	at                          time.Time
}

// names of the services. The second Slack is one whose history the agent may
// not read: it cannot look for a post whose answer was lost.
var names = []string{"webhook", "slack", "slack-blind", "sns"}

// services are a webhook receiver, two Slacks and SNS behind one kind of trouble.
type services struct {
	webhook, slack, blind, sns *httptest.Server
	slackFake, blindFake       *slackfake.Server
	aws                        *awsfake.Server

	mu      sync.Mutex
	rng     *rand.Rand
	mode    string
	seen    []sight
	taken   int             // of the SNS messages
	flight  map[string]bool // keys of webhook requests that are not answered
	answers map[string]bool // keys of webhook requests that were answered with success
}

func newServices(mode string, seed uint64) *services {
	s := &services{mode: mode, rng: rand.New(rand.NewPCG(seed, 2)), flight: map[string]bool{}, answers: map[string]bool{}}
	s.slackFake, s.blindFake, s.aws = slackfake.New("xoxb-bench"), slackfake.New("xoxb-bench"), awsfake.New()
	s.slackFake.AnyRate()
	s.slackFake.Grant("channels:history")
	s.blindFake.AnyRate()
	s.webhook = httptest.NewServer(s.trouble("webhook", http.HandlerFunc(s.hook)))
	s.slack = httptest.NewServer(s.trouble("slack", s.slackFake.Config.Handler))
	s.blind = httptest.NewServer(s.trouble("slack-blind", s.blindFake.Config.Handler))
	s.sns = httptest.NewServer(s.trouble("sns", s.aws.Config.Handler))
	return s
}

func (s *services) close() {
	for _, x := range []*httptest.Server{s.webhook, s.slack, s.blind, s.sns, s.slackFake.Server, s.blindFake.Server, s.aws.Server} {
		x.CloseClientConnections()
		x.Close()
	}
}

func (s *services) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = "healthy"
}

// hook is a webhook receiver.
func (s *services) hook(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// trouble puts the mode before a service: two thirds of the requests meet it.
func (s *services) trouble(name string, inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
		if err != nil {
			return // the agent died while it spoke
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.mu.Lock()
		mode := s.mode
		if s.rng.IntN(3) == 0 {
			mode = "healthy"
		}
		pause := time.Duration(s.rng.IntN(15)) * time.Millisecond
		s.mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		s.under(key, true)
		defer s.under(key, false)
		time.Sleep(pause)
		switch mode {
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "hanging":
			select {
			case <-r.Context().Done():
			case <-time.After(15 * time.Second):
			}
		case "resetting":
			reset(w)
		case "throttling":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			rec := httptest.NewRecorder()
			inner.ServeHTTP(rec, r)
			if rec.Code/100 == 2 {
				s.note(name, r, body, mode == "ambiguous")
			}
			if mode == "ambiguous" {
				reset(w)
				return
			}
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
			if key != "" {
				s.mu.Lock()
				s.answers[key] = true
				s.mu.Unlock()
			}
		}
	})
}

func (s *services) under(key string, way bool) {
	if key == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if way {
		s.flight[key] = true
	} else {
		delete(s.flight, key)
	}
}

// note keeps what a service showed.
func (s *services) note(name string, r *http.Request, body []byte, unheard bool) {
	x := sight{service: name, at: time.Now(), unheard: unheard}
	switch name {
	case "webhook":
		x.is(body)
	case "sns": // a request may hold several
		s.mu.Lock()
		defer s.mu.Unlock()
		all := s.aws.Messages()
		for _, m := range all[s.taken:] {
			x.is([]byte(m.Body))
			s.seen = append(s.seen, x)
		}
		s.taken = len(all)
		return
	case "slack", "slack-blind":
		if strings.HasSuffix(r.URL.Path, "conversations.history") {
			return
		}
		// A message carries its target, which is unique, in its text.
		x.target, x.edit = targetIn(string(body)), strings.HasSuffix(r.URL.Path, "chat.update")
		form, _ := url.ParseQuery(string(body))
		x.digest = x.target == "" || strings.Contains(form.Get("metadata"), ".digest\"") // which names targets, too
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, x)
}

// is takes over what an alert says of itself.
func (x *sight) is(body []byte) {
	var a alert.Alert
	if json.Unmarshal(body, &a) == nil {
		x.target, x.phase, x.key, x.incident, x.digest, x.repeat = a.Target, a.Phase, a.Key, a.Incident, a.Phase == alert.PhaseDigest, a.PossibleRepeat
	}
}

// targetIn finds a target of the load in a text.
func targetIn(text string) string {
	i := strings.Index(text, targetPrefix)
	if i < 0 || len(text) < i+len(targetPrefix)+6 {
		return ""
	}
	return text[i : i+len(targetPrefix)+6]
}

func reset(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
