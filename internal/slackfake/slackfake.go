// Package slackfake is a Slack for tests: the methods that the sink uses, strict
// about every limit that Slack documents, with a log of what it was sent.
//
// New starts one. What was taken is in Messages, in order; Fail scripts
// answers; Grant gives the token a scope; AnyRate lifts the rate limits.
package slackfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Message is one request that was taken.
type Message struct {
	Method    string // chat.postMessage, chat.update, webhook
	Channel   string
	TS        string // of the message posted or edited
	Thread    string // ts of the message that it replies to
	Broadcast bool   // the reply is shown in the channel
	Text      string
	Blocks    []json.RawMessage
	Key       string // of the metadata's event payload
}

// Shown is all text that a person could see of the message: its text, and the
// text of its blocks.
func (m Message) Shown() string {
	all := []string{m.Text}
	for _, b := range m.Blocks {
		all = append(all, texts(b)...)
	}
	return strings.Join(all, "\n")
}

// Notifies reports whether people are told: by a new message or by a reply that
// is shown in the channel, but not by an edit.
func (m Message) Notifies() bool {
	return m.Method != "chat.update" && (m.Thread == "" || m.Broadcast)
}

// Server is a running fake.
type Server struct {
	*httptest.Server
	Token string // that it takes

	mu       sync.Mutex
	messages []Message
	posted   map[string]Message // by ts, as they stand now
	scopes   map[string]bool
	rates    map[string]*rate
	anyRate  bool
	fail     func(method string) (status int, header http.Header, body string)
}

// Channel is the id of the one channel; it is also called #ops.
const Channel = "C0123456789"

// New starts a fake on a loopback port, whose token has the scope chat:write.
// Close it.
func New(token string) *Server {
	s := &Server{Token: token, posted: map[string]Message{}, scopes: map[string]bool{"chat:write": true}, rates: map[string]*rate{}}
	mux := http.NewServeMux()
	for name, f := range map[string]func(w http.ResponseWriter, r *http.Request){"chat.postMessage": s.write("chat.postMessage"), "chat.update": s.write("chat.update"),
		"conversations.history": s.history, "auth.test": s.authTest} {
		mux.HandleFunc("POST /api/"+name, f)
	}
	mux.HandleFunc("POST /services/", s.webhook)
	s.Server = httptest.NewServer(mux)
	return s
}

// API is the base of the methods, for the sink's api_url.
func (s *Server) API() string { return s.URL + "/api/" }

// Webhook is the URL of an incoming webhook.
func (s *Server) Webhook() string { return s.URL + "/services/T0/B0/" + s.Token }

// Fail answers every request by f until it is called with nil; a status of 0
// lets a request through.
func (s *Server) Fail(f func(method string) (int, http.Header, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// Grant gives the token a scope, for example channels:history.
func (s *Server) Grant(scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scopes[scope] = true
}

// Revoke takes a scope from the token.
func (s *Server) Revoke(scope string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.scopes, scope)
}

// AnyRate lifts the rate limits.
func (s *Server) AnyRate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anyRate = true
}

// Delete removes a message, as a person does.
func (s *Server) Delete(ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.posted, ts)
}

// Messages returns what was taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// rate counts requests: at most most within span.
type rate struct {
	span time.Duration
	most int
	at   []time.Time
}

// limited answers 429 where a method is called too often: one message a second
// into a channel, 50 a minute for the methods of tier 3 (Slack: "Rate limits").
// s.mu is held.
func (s *Server) limited(w http.ResponseWriter, method string) bool {
	if s.anyRate {
		return false
	}
	r := s.rates[method]
	if r == nil {
		r = &rate{span: time.Minute, most: 50}
		if method == "chat.postMessage" || method == "webhook" {
			r = &rate{span: 900 * time.Millisecond, most: 1} // a little less: a network has jitter
		}
		s.rates[method] = r
	}
	now := time.Now()
	for len(r.at) > 0 && now.Sub(r.at[0]) > r.span {
		r.at = r.at[1:]
	}
	if len(r.at) < r.most {
		r.at = append(r.at, now)
		return false
	}
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
	return true
}

// failing answers by Fail's function; s.mu is held.
func (s *Server) failing(w http.ResponseWriter, method string) bool {
	if s.fail == nil {
		return false
	}
	status, header, body := s.fail(method)
	if status == 0 {
		return false
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	fmt.Fprint(w, body)
	return true
}
