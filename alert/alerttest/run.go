package alerttest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// Config describes a sink and its service to the suite. New and Success are
// needed; the answers are added to those that every HTTP service can give.
type Config struct {
	// New returns a sink that talks to s.URL with the credentials s.Secret.
	New func(s *Server) (alert.Sink, error)
	// Success is the service's answer to a request that it takes. It is the
	// place to check the request against the service's documented limits.
	Success func(r Request) Answer
	// Key returns what the service de-duplicates by; nil where it cannot.
	Key func(r Request) string

	// StatusOnly says that the service promises by its status alone: an empty
	// 200 is a success.
	StatusOnly bool

	Retryable   []Answer // beyond 500, 502, 503 and a captive portal's 200 and 302
	Throttled   []Answer // beyond a 429 without a body
	Credentials []Answer // beyond 401 and 403 without a body
	Permanent   []Answer // beyond 400 and 413 without a body
}

// class is the outcome of a Send.
type class string

const (
	success     class = "success"
	retryable   class = "retryable"
	throttled   class = "throttled"
	credentials class = "credentials"
	permanent   class = "permanent"
)

// Run holds a sink to the contract, and itself to finding planted bugs in it
// (see [Unfound]). A sink's whole test can be one call.
func Run(t *testing.T, c Config) {
	t.Helper()
	t.Run("planted bugs", func(t *testing.T) {
		t.Parallel()
		for _, bug := range Unfound(c) {
			t.Errorf("a planted bug is not found: %s", bug)
		}
	})
	for _, tc := range cases(c) {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, complaint := range tc.check(c) {
				t.Error(complaint)
			}
		})
	}
}

// Check runs the suite and returns its complaints, "case: complaint".
func Check(c Config) []string {
	var out []string
	for _, tc := range cases(c) {
		for _, complaint := range tc.check(c) {
			out = append(out, tc.name+": "+complaint)
		}
	}
	return out
}

// testCase is one class of answer.
type testCase struct {
	name  string
	check func(c Config) []string
}

const (
	sendLimit = 10 * time.Second       // of a Send that ought to return at once
	hangLimit = 300 * time.Millisecond // of a Send that hangs
	hangGrace = 2 * time.Second        // by which it may overrun
)

// session is one sink at one server.
type session struct {
	*Server
	sink alert.Sink
	bad  []string
}

func (s *session) complain(format string, args ...any) {
	s.bad = append(s.bad, fmt.Sprintf(format, args...))
}

// with runs f with a new sink at a server that answers by h.
func with(c Config, h func(s *Server) func(w http.ResponseWriter, r *http.Request, got Request), f func(s *session)) []string {
	server := newServer()
	defer server.close()
	server.script(h(server))
	sink, err := c.New(server)
	if err != nil {
		return []string{"New: " + err.Error()}
	}
	s := &session{Server: server, sink: sink}
	f(s)
	return s.bad
}

// send makes one Send within limit and checks what holds for each.
func (s *session) send(a alert.Alert, last alert.Receipt, limit time.Duration) (alert.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	receipt, err := s.sink.Send(ctx, a, last)
	if took := time.Since(start); took > limit+hangGrace {
		s.complain("Send returned %s after its deadline", (took - limit).Round(time.Millisecond))
	}
	if err == nil {
		if receipt.ID == "" {
			s.complain("success without a receipt ID")
		}
		if len(receipt.Memo) > alert.MaxMemo {
			s.complain("the memo has %d bytes, at most %d are kept", len(receipt.Memo), alert.MaxMemo)
		}
		return receipt, nil
	}
	if receipt.ID != "" || receipt.Memo != nil {
		s.complain("a receipt came with the error %v", err)
	}
	s.leak(err)
	return receipt, err
}

// want sends one alert and checks the class of the outcome and the number of
// requests.
func (s *session) want(k class, limit time.Duration) error {
	before := len(s.Requests())
	_, err := s.send(Alert(alert.PhaseFiring), alert.Receipt{}, limit)
	if got := classOf(err); got != k {
		s.complain("classed as %s, want %s (error: %v)", got, k, err)
	}
	if n := len(s.Requests()) - before; n != 1 {
		s.complain("%d requests, want one attempt", n)
	}
	return err
}
