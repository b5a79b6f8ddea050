//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// binary builds the real agent once for all end-to-end tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firewatch-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "firewatch")
	// A version of a known length: lines are folded by theirs.
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version=0.0.1", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// agentProc is a running firewatch.
type agentProc struct {
	t      *testing.T
	cmd    *exec.Cmd
	config string
	state  string
	args   []string // of run, beyond config and state directory
	env    []string // beyond what start gives
	log    *lockedBuffer
	ended  chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// launch writes the config and starts the agent on a state directory of its own.
func launch(t *testing.T, config string, args ...string) *agentProc {
	t.Helper()
	a := prepare(t, config, args...)
	a.start()
	return a
}

// prepare is launch without the start.
func prepare(t *testing.T, config string, args ...string) *agentProc {
	t.Helper()
	dir := t.TempDir()
	a := &agentProc{t: t, config: filepath.Join(dir, "firewatch.toml"), state: filepath.Join(dir, "state"), args: args, log: &lockedBuffer{}}
	a.write(config)
	t.Cleanup(func() {
		if a.cmd != nil {
			a.kill(syscall.SIGKILL)
		}
		noCanary(t, "the agent's log", a.log.String())
		if t.Failed() {
			t.Logf("the agent's log:\n%s", a.log)
		}
	})
	return a
}

func (a *agentProc) write(config string) {
	a.t.Helper()
	// Whole or not at all, as whatever manages configs does.
	if err := os.WriteFile(a.config+".new", []byte(config), 0o600); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Rename(a.config+".new", a.config); err != nil {
		a.t.Fatal(err)
	}
}

// start runs the agent and returns when it serves its socket.
func (a *agentProc) start() {
	a.t.Helper()
	path, err := binary()
	if err != nil {
		a.t.Fatal(err)
	}
	a.cmd = exec.Command(path, append([]string{"run", "--config", a.config, "--state-dir", a.state}, a.args...)...)
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	a.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=aws-"+canary, "AWS_EC2_METADATA_DISABLED=true")
	a.cmd.Env = append(a.cmd.Env, a.env...)
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(a.cmd, a.ended)
	a.eventually(10*time.Second, "the agent answers", func() bool { _, code := a.command("status"); return code == 0 })
}

// kill sends sig and waits for the end of the process.
func (a *agentProc) kill(sig syscall.Signal) {
	_ = a.cmd.Process.Signal(sig)
	select {
	case <-a.ended:
	case <-time.After(15 * time.Second):
		a.t.Errorf("the agent did not end within 15 s of %s", sig)
		_ = a.cmd.Process.Kill()
		<-a.ended
	}
}

// command runs a client command against this agent.
func (a *agentProc) command(args ...string) (string, int) {
	a.t.Helper()
	path, err := binary()
	if err != nil {
		a.t.Fatal(err)
	}
	out, code := output(path, append(args, "--state-dir", a.state)...)
	noCanary(a.t, strings.Join(args, " "), out)
	return out, code
}

// canary is part of every credential of every end-to-end test: no log and no
// command may show it.
const canary = "c4n4ry"

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	if i := strings.Index(text, canary); i >= 0 {
		t.Errorf("%s shows a credential: %.80q", where, text[max(0, i-40):])
	}
}

// output runs a program to its end.
func output(path string, args ...string) (string, int) {
	cmd := exec.Command(path, args...)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// eventually polls until ok, and fails the test after the limit.
func (a *agentProc) eventually(limit time.Duration, what string, ok func() bool) {
	a.t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			a.t.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// inbox is a webhook receiver that keeps every alert it gets.
type inbox struct {
	*httptest.Server
	mu  sync.Mutex
	got []alert.Alert
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var a alert.Alert
		if err := json.Unmarshal(b, &a); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in.mu.Lock()
		in.got = append(in.got, a)
		in.mu.Unlock()
	}))
	t.Cleanup(in.Close)
	return in
}

// sink is the config of a webhook sink that delivers here.
func (in *inbox) sink() string {
	return fmt.Sprintf("\n[[sink.webhook]]\nname = \"inbox\"\nurl = %q\n", in.URL)
}

// all returns the alerts of one rule in the order they came.
func (in *inbox) all(rule string) []alert.Alert {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []alert.Alert
	for _, a := range in.got {
		if a.Rule == rule {
			out = append(out, a)
		}
	}
	return out
}

// await waits for the newest alert of the rule to have the state.
func (in *inbox) await(a *agentProc, rule string, state alert.State, limit time.Duration) alert.Alert {
	a.t.Helper()
	var last alert.Alert
	a.eventually(limit, fmt.Sprintf("%s %s arrives", rule, state), func() bool {
		last = in.last(rule)
		return last.State == state
	})
	return last
}

// last is the newest alert of a rule.
func (in *inbox) last(rule string) (last alert.Alert) {
	if all := in.all(rule); len(all) > 0 {
		last = all[len(all)-1]
	}
	return last
}

func readDemo(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "demo.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// swap replaces one line of a config, which must be there exactly once.
func swap(t *testing.T, config, old, new string) string {
	t.Helper()
	if strings.Count(config, old) != 1 {
		t.Fatalf("%q is %d times in the config, want once", old, strings.Count(config, old))
	}
	return strings.Replace(config, old, new, 1)
}
