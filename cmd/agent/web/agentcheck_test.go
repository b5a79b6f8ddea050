package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
)

// flaky fails its first Accept.
type flaky struct {
	net.Listener
	failed bool
}

func (f *flaky) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

// saying answers the agent check by one word.
type saying struct {
	Agent
	ok   bool
	word string
}

func (s saying) Traffic() (bool, string) { return s.ok, s.word }

// TestAgentCheck: one line with the weight for each word, also after an Accept
// that failed; it ends with its context.
func TestAgentCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		agent  saying
		weight int
		want   string
	}{
		{saying{ok: true, word: "ok"}, 0, "up 100%\n"}, {saying{ok: true, word: "unknown"}, 0, "up 100%\n"},
		{saying{word: "critical"}, 0, "up 40%\n"}, {saying{word: "critical"}, 25, "up 25%\n"}, {saying{word: "terminating"}, 25, "up 0%\n"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var log strings.Builder
		go func() {
			defer close(done)
			AgentCheck(ctx, &flaky{Listener: l}, c.agent, c.weight, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		_ = conn.Close()
		cancel()
		<-done
		if err != nil || string(got) != c.want || strings.Count(log.String(), "too many open files") != 1 {
			t.Errorf("%s: %q %v, want %q; log %s", c.agent.word, got, err, c.want, log.String())
		}
	}
}
