//go:build e2e

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// TestFirstOutput: without config, root or network something true and useful
// is on the screen within 3 s, and Ctrl-C ends well.
func TestFirstOutput(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	cmd := exec.Command(path, "run", "--state-dir", filepath.Join(t.TempDir(), "state"))
	cmd.Stdout, cmd.Stderr = out, out
	began := time.Now()
	start(t, cmd)
	a := &agentProc{t: t}
	a.eventually(3*time.Second, "the first line with collectors and rules", func() bool {
		return strings.Contains(out.String(), "collectors") && strings.Contains(out.String(), "rules")
	})
	t.Logf("first useful output after %d ms", time.Since(began).Milliseconds())
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v\n%s", err, out)
	}
}

// tickStatus is what these tests read of `firewatch status --json`.
type tickStatus struct {
	Ticks   uint64 `json:"ticks"`
	Dropped uint64 `json:"dropped"`
	Reloads uint64 `json:"reloads"`
}

func (a *agentProc) status() tickStatus {
	a.t.Helper()
	var s tickStatus
	if err := web.NewClient(filepath.Join(a.state, "agent.sock")).Get(a.t.Context(), "/v1/status", &s); err != nil {
		a.t.Fatal(err)
	}
	return s
}

// TestReloadsUnderLoad sends 500 reloads, each with a changed config, while
// every core is busy: no alert is lost, and no reload costs a tick.
func TestReloadsUnderLoad(t *testing.T) {
	in := newInbox(t)
	file := filepath.Join(t.TempDir(), "flag")
	config := func(n int) string {
		agent := fmt.Sprintf("[agent.labels]\nround = \"%d\"\n[agent]\ninterval = \"200ms\"\n", n)
		return strings.Replace(flagRule(t, file), "[agent]\n", agent, 1) + in.sink()
	}
	first := config(0)
	server := startWeb(t, strings.TrimSpace(readFile(t, file))) // before the agent: a second without it is trouble
	a := launch(t, first)
	start(t, exec.Command("sh", "-c", "while :; do :; done"))
	start(t, exec.Command("sh", "-c", "while :; do :; done"))
	before, began := a.status(), time.Now()
	for n := 1; n <= 500; n++ {
		a.write(config(n))
		_ = a.cmd.Process.Signal(syscall.SIGHUP)
		a.eventually(20*time.Second, fmt.Sprintf("reload %d", n), func() bool { return a.status().Reloads == before.Reloads+uint64(n) })
		if n == 150 {
			_ = server.Close() // trouble in the midst of the reloads
			in.await(a, "flag-down", alert.Firing, 30*time.Second)
		}
		if n == 350 {
			server = startWeb(t, strings.TrimSpace(readFile(t, file)))
		}
	}
	in.await(a, "flag-down", alert.Resolved, 60*time.Second)
	after := a.status()
	elapsed := time.Since(began)
	t.Logf("%d reloads in %.1f s; %d ticks, %d dropped", after.Reloads-before.Reloads, elapsed.Seconds(), after.Ticks-before.Ticks, after.Dropped-before.Dropped)
	// A machine with other work drops a tick here and there; a reload that costs one would cost 500.
	if want := uint64(elapsed / (200 * time.Millisecond)); after.Ticks-before.Ticks < want*8/10 {
		t.Errorf("%d ticks in %s, want %d: reloads lose ticks", after.Ticks-before.Ticks, elapsed, want)
	}
	if got := in.all("flag-down"); len(got) != 2 {
		t.Errorf("%d alerts, want one firing and one resolved: %v", len(got), got)
	}
}

// flagRule is a probe of a server of our own and a rule on it: trouble that a
// test can begin and end at will. file keeps the server's address.
func flagRule(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		b = []byte(freeAddress(t))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf(`
[agent]
default_rules = false

[[probe]]
name = "flag"
type = "tcp"
target = %q
interval = "500ms"
timeout = "400ms"

[[rule]]
name = "flag-down"
metric = "probe_success"
target = "flag"
statistic = "max"
period = "1s"
comparison = "<"
threshold = 1
evaluation_periods = 1
severity = "critical"
summary = "the flag is down"
`, b)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
