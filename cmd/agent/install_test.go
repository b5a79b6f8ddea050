package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestManualKnowsEveryCommand: the page and the completions are made from the
// list of commands, with the flags of each.
func TestManualKnowsEveryCommand(t *testing.T) {
	t.Parallel()
	flags := 0
	for _, c := range described() {
		flags += len(c.Flags)
		if c.Name == "run" && len(c.Flags) < 5 {
			t.Errorf("run has the flags %v", c.Flags)
		}
	}
	if got, want := len(described()), len(commands()); got != want || flags < 30 {
		t.Errorf("%d commands with %d flags, want %d", got, flags, want)
	}
	for _, args := range [][]string{{"man", "1"}, {"man", "5"}, {"completion", "bash"}, {"completion", "zsh"}, {"completion", "fish"}} {
		var out, errs bytes.Buffer
		if code := dispatch(t.Context(), env{out: &out, err: &errs}, args); code != exitDone || out.Len() < 500 {
			t.Errorf("%v: exit %d, %d bytes %s", args, code, out.Len(), &errs)
		}
	}
	for _, args := range [][]string{{"man", "7"}, {"completion"}, {"completion", "csh"}} {
		if code := dispatch(t.Context(), env{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, args); code != exitUsage {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

// TestLabelsOfTheOrchestrator: the environment adds labels, and the file wins.
func TestLabelsOfTheOrchestrator(t *testing.T) {
	t.Setenv("FIREWATCH_LABELS", "node=n1, pod=fw-x,broken,=y,env=dev")
	want := map[string]string{"node": "n1", "pod": "fw-x", "env": "prod"}
	if diff := cmp.Diff(want, labels(map[string]string{"env": "prod"})); diff != "" {
		t.Error(diff)
	}
}

// TestClientSocket: what somebody named is taken, then an agent of one's own.
func TestClientSocket(t *testing.T) {
	t.Setenv("RUNTIME_DIRECTORY", "")
	dir, err := os.MkdirTemp("", "fw") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	own := filepath.Join(dir, "agent.sock")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", own)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ socket, given, want string }{
		{"/x/y.sock", "", "/x/y.sock"}, {"", dir, own}, {"", "", own},
	} {
		if got := clientSocket(c.socket, c.given, dir); got != c.want {
			t.Errorf("socket %q, directory %q: %s, want %s", c.socket, c.given, got, c.want)
		}
	}
}

// TestReloadIsAnswered: who asks is told what came of it, and gives up with
// its context where nobody serves reloads.
func TestReloadIsAnswered(t *testing.T) {
	t.Parallel()
	a := &agent{asked: make(chan chan<- error), log: slog.New(slog.DiscardHandler)}
	a.notify = newNotifier(a.log)
	late, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.Reload(late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody serves: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { a.reloads(ctx); close(ended) }()
	if err := a.Reload(t.Context()); err != nil { // without a file there is nothing to read
		t.Error(err)
	}
	stop()
	<-ended

	path := filepath.Join(t.TempDir(), "firewatch.toml")
	if err := os.WriteFile(path, []byte("[agent]\nintervall = \"1s\"\nx = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	b := &agent{log: slog.New(slog.NewTextHandler(&log, nil)), o: runOptions{config: path}}
	b.notify = newNotifier(b.log)
	if err := b.reloadOnce(t.Context()); err == nil || !strings.Contains(err.Error(), "intervall") {
		t.Errorf("a config with faults: %v", err)
	}
	if n := strings.Count(log.String(), "the old config goes on"); n != 2 {
		t.Errorf("%d faults are logged, want 2:\n%s", n, &log)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.reloadOnce(t.Context()); err == nil {
		t.Error("an empty file was taken")
	}
}

// TestWatchdogSuitsTheInterval: slow ticks ask systemd for a longer watchdog.
func TestWatchdogSuitsTheInterval(t *testing.T) {
	dir, err := os.MkdirTemp("", "fw")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	addr := &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"}
	l, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	n := &notifier{log: slog.New(slog.DiscardHandler), every: 10 * time.Second}
	n.suit(time.Second)
	if n.every != 10*time.Second {
		t.Errorf("every %s for ticks of 1 s", n.every)
	}
	n.suit(time.Minute)
	_ = l.SetReadDeadline(time.Now().Add(5 * time.Second))
	b := make([]byte, 100)
	k, err := l.Read(b)
	if err != nil || string(b[:k]) != "WATCHDOG_USEC=180000000" || n.every != 90*time.Second {
		t.Errorf("%q, every %s (%v)", b[:k], n.every, err)
	}
}
