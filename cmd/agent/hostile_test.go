package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestHostileStateDirectory: links that lead out, FIFOs and folders in the place
// of what the agent keeps neither hold it up nor make it write elsewhere.
func TestHostileStateDirectory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lock", "install-id", "state.json", "config.last-good.toml", "incidents", "incidents/open", "intake", "history", "models", "spare", "agent.sock", "silences.json"} {
		for kind, plant := range map[string]func(at, outside string) error{
			"link to a file":   func(at, outside string) error { return os.Symlink(filepath.Join(outside, "victim"), at) },
			"link to a folder": func(at, outside string) error { return os.Symlink(outside, at) },
			"FIFO":             func(at, _ string) error { return syscall.Mkfifo(at, 0o600) },
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				hostile(t, name, plant)
			})
		}
	}
}

func hostile(t *testing.T, name string, plant func(at, outside string) error) {
	outside := t.TempDir()
	dir, err := os.MkdirTemp("", "fw") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := plant(filepath.Join(dir, name), outside); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		a, err := newAgent(ctx, env{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, runOptions{stateDir: dir, socket: filepath.Join(dir, "agent.sock")})
		if err == nil { // else it refused, and said so
			a.run(ctx)
		}
	}()
	select {
	case <-ended:
	case <-time.After(60 * time.Second):
		t.Fatal("the agent is held up")
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "untouched" {
		t.Errorf("it wrote through the link: %q %v", b, err)
	}
	if st, err := os.Stat(victim); err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("it changed the mode: %v %v", st, err)
	}
	if list, _ := os.ReadDir(outside); len(list) != 1 {
		t.Errorf("it made files outside: %v", list)
	}
}
