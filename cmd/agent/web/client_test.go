package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveOn serves h on l until the test ends.
func serveOn(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	s, done := NewServer(h), make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // http.ErrServerClosed
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
}

// socketPath is short enough for a unix socket, wherever TMPDIR is.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// TestClientErrors: by value, since no mode keeps root from a socket.
func TestClientErrors(t *testing.T) {
	t.Parallel()
	denied := clientError(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", os.ErrPermission)}, "/run/s")
	if !strings.Contains(denied.Error(), "join the group firewatch") || errors.Is(denied, ErrNoAgent) {
		t.Errorf("%v", denied)
	}
	if other := clientError(io.ErrUnexpectedEOF, "/run/s"); !errors.Is(other, io.ErrUnexpectedEOF) || errors.Is(other, ErrNoAgent) {
		t.Errorf("%v", other)
	}
}

// TestKilledAgent: a socket that nobody listens on is no agent.
func TestKilledAgent(t *testing.T) {
	t.Parallel()
	path := socketPath(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := NewClient(path).Get(t.Context(), "/v1/status", nil); !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}
