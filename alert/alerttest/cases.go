package alerttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

type handler = func(w http.ResponseWriter, r *http.Request, got Request)

// cases lists every class of answer.
func cases(c Config) []testCase {
	out := []testCase{
		{"success", checkSuccess},
		{"the same alert again", checkSame},
		{"an alert at its bounds", checkMonster},
		{"name", checkName},
		{"cancelled before it began", checkCancelled},
		{"retryable: connection reset", scripted(retryable, func(*Server) handler {
			return func(w http.ResponseWriter, _ *http.Request, _ Request) { reset(w) }
		})},
		{"retryable: nobody listens", checkRefused},
		{"retryable: no answer until the deadline", hanging(func(s *Server) handler {
			return func(_ http.ResponseWriter, r *http.Request, _ Request) { s.hang(r.Context()) }
		})},
		{"retryable: a body without an end", hanging(func(s *Server) handler { return endless })},
		{"retryable: a body that is cut off", hanging(func(s *Server) handler {
			return func(w http.ResponseWriter, r *http.Request, got Request) {
				w.Header().Set("Content-Length", "4096")
				_, _ = io.WriteString(w, "{")
				w.(http.Flusher).Flush()
				s.hang(r.Context())
			}
		})},
		{"retryable: a captive portal's redirect", checkRedirect},
		{"throttled: Retry-After in seconds", checkRetryAfter},
	}
	portal := Answer{Header: map[string]string{"Content-Type": "text/html"}, Body: "<html><title>Welcome to HotelNet</title><form action=/login></form></html>"}
	common := []Answer{{Status: 500}, {Status: 502, Body: "<html>bad gateway</html>"}, {Status: 503}, portal}
	if !c.StatusOnly {
		common = append(common, Answer{})
	}
	for _, l := range []struct {
		k       class
		answers []Answer
	}{
		{retryable, append(common, c.Retryable...)},
		{throttled, append([]Answer{{Status: 429}, {Status: 429, Header: map[string]string{"Retry-After": "soon"}}}, c.Throttled...)},
		{credentials, append([]Answer{{Status: 401}, {Status: 403}}, c.Credentials...)},
		{permanent, append([]Answer{{Status: 400}, {Status: 413}}, c.Permanent...)},
	} {
		for i, a := range l.answers {
			out = append(out, testCase{fmt.Sprintf("%s: answer %d, status %d", l.k, i, max(a.Status, 200)), scripted(l.k, func(*Server) handler {
				return func(w http.ResponseWriter, _ *http.Request, _ Request) { a.write(w) }
			})})
		}
	}
	return out
}

func (c Config) ok(*Server) handler {
	return func(w http.ResponseWriter, _ *http.Request, got Request) { c.Success(got).write(w) }
}

func scripted(k class, h func(*Server) handler) func(Config) []string {
	return func(c Config) []string {
		return with(c, h, func(s *session) { _ = s.want(k, sendLimit) })
	}
}

func hanging(h func(*Server) handler) func(Config) []string {
	return func(c Config) []string {
		return with(c, h, func(s *session) { _ = s.want(retryable, hangLimit) })
	}
}

// endless answers 200 and then never stops.
func endless(w http.ResponseWriter, r *http.Request, _ Request) {
	chunk := bytes.Repeat([]byte(" "), 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// checkSuccess sends a whole incident, each alert with the receipt of the one
// before, as the outbox does.
func checkSuccess(c Config) []string {
	return with(c, c.ok, func(s *session) {
		var last alert.Receipt
		for i, phase := range []string{alert.PhaseFiring, "update-1", alert.PhaseResolved, alert.PhaseDigest} {
			if phase == alert.PhaseDigest {
				last = alert.Receipt{}
			}
			receipt, err := s.send(Alert(phase), last, sendLimit)
			if err != nil {
				s.complain("%s: %v", phase, err)
			}
			if len(s.Requests()) <= i {
				s.complain("%s: success without a request", phase)
			}
			last = receipt
		}
		a := Alert(alert.PhaseResolved)
		if _, err := s.send(a, alert.Receipt{ID: "x", Memo: []byte("{not what this sink wrote")}, sendLimit); err != nil {
			s.complain("a memo that it cannot read: %v", err)
		}
		if _, err := s.send(a, alert.Receipt{}, sendLimit); err != nil {
			s.complain("resolved without a receipt of the firing: %v", err)
		}
	})
}

// checkSame sends an alert twice, as after a crash: what is sent, and the key
// that the service knows it by, must be the same.
func checkSame(c Config) []string {
	return with(c, c.ok, func(s *session) {
		a := Alert(alert.PhaseFiring)
		for range 2 {
			if _, err := s.send(a, alert.Receipt{}, sendLimit); err != nil {
				s.complain("%v", err)
			}
		}
		r := s.Requests()
		if len(r) < 2 || len(r)%2 != 0 {
			s.complain("%d requests for two Sends", len(r))
			return
		}
		for i, n := 0, len(r)/2; i < n; i++ {
			if r[i].Path != r[n+i].Path || !bytes.Equal(r[i].Body, r[n+i].Body) {
				s.complain("the same alert was sent as %q and then as %q", r[i].Body, r[n+i].Body)
			}
			if c.Key == nil {
				continue
			}
			if k, again := c.Key(r[i]), c.Key(r[n+i]); k == "" || k != again {
				s.complain("the keys are %q and %q", k, again)
			}
		}
		if c.Key == nil {
			return
		}
		if _, err := s.send(Alert("update-1"), alert.Receipt{}, sendLimit); err != nil {
			s.complain("%v", err)
		}
		if all := s.Requests(); c.Key(all[len(all)-1]) == c.Key(r[0]) {
			s.complain("another phase has the same key %q", c.Key(r[0]))
		}
	})
}

func checkMonster(c Config) []string {
	return with(c, c.ok, func(s *session) {
		if _, err := s.send(monster(), alert.Receipt{}, sendLimit); err != nil {
			s.complain("%v", err)
		}
	})
}

var nameForm = regexp.MustCompile(`^[a-z0-9-]+$`)

func checkName(c Config) []string {
	return with(c, c.ok, func(s *session) {
		if n := s.sink.Name(); !nameForm.MatchString(n) {
			s.complain("the name %q does not match %s", n, nameForm)
		}
	})
}

func checkCancelled(c Config) []string {
	return with(c, c.ok, func(s *session) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := s.sink.Send(ctx, Alert(alert.PhaseFiring), alert.Receipt{})
		if classOf(err) != retryable {
			s.complain("classed as %s, want retryable (error: %v)", classOf(err), err)
		}
	})
}

// checkRefused sends to a port that nobody listens on.
func checkRefused(c Config) []string {
	return with(c, c.ok, func(s *session) {
		s.http.Close()
		_, err := s.send(Alert(alert.PhaseFiring), alert.Receipt{}, sendLimit)
		if classOf(err) != retryable {
			s.complain("classed as %s, want retryable (error: %v)", classOf(err), err)
		}
	})
}

// checkRedirect answers with a redirect to a login page. Whether the sink
// follows it or not: that was no delivery.
func checkRedirect(c Config) []string {
	h := func(*Server) handler {
		return func(w http.ResponseWriter, r *http.Request, _ Request) {
			if r.URL.Path == "/portal" {
				_, _ = io.WriteString(w, "<html>please log in</html>")
				return
			}
			http.Redirect(w, r, "/portal", http.StatusFound)
		}
	}
	return with(c, h, func(s *session) {
		_, err := s.send(Alert(alert.PhaseFiring), alert.Receipt{}, sendLimit)
		if classOf(err) != retryable {
			s.complain("classed as %s, want retryable (error: %v)", classOf(err), err)
		}
	})
}

func checkRetryAfter(c Config) []string {
	h := func(*Server) handler {
		return func(w http.ResponseWriter, _ *http.Request, _ Request) {
			Answer{Status: 429, Header: map[string]string{"Retry-After": "7"}}.write(w)
		}
	}
	return with(c, h, func(s *session) {
		err := s.want(throttled, sendLimit)
		var t *alert.ThrottledError
		if errors.As(err, &t) && t.After != 7*time.Second {
			s.complain("Retry-After 7 was read as %s", t.After)
		}
	})
}
