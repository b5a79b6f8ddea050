//go:build e2e

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestJobUnderKillNine kills `firewatch job` of a command that fails, by strace,
// at each of its system calls that change its record and with which it tells.
// The run after it works: what fired must be over, and where the command of the
// killed run had run, its failure must have been told.
func TestJobUnderKillNine(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	in := newInbox(t)
	a := launch(t, in.sink())
	killed := map[string]bool{} // whether the command had run
	for _, call := range []string{"ftruncate", "pwrite64", "fsync", "connect", "write"} {
		for n := 1; n <= 6; n++ {
			name := fmt.Sprintf("%s-%d", call, n)
			mark := filepath.Join(t.TempDir(), "ran")
			c := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n),
				path, "job", name, "--severity", "critical", "--state-dir", a.state, "--", "sh", "-c", "echo > "+mark+"; exec false")
			if out, err := c.CombinedOutput(); err == nil || len(out) > 0 && c.ProcessState.ExitCode() != 1 {
				t.Fatalf("strace: %v %s", err, out)
			}
			if c.ProcessState.ExitCode() == 1 {
				break // it lived: there is no such step
			}
			_, err := os.Stat(mark)
			killed[name] = err == nil
			if out, code := output(path, "job", name, "--severity", "critical", "--state-dir", a.state, "--", "true"); code != 0 {
				t.Errorf("%s: the next run: exit code %d, %s", name, code, out)
			}
		}
	}
	after := 0
	for name, ran := range killed {
		told := "" // an update where it was told twice
		over := func() bool {
			return told == "" && !ran || strings.HasPrefix(told, "firing ") && strings.HasSuffix(told, " resolved ")
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			told = ""
			for _, al := range in.all(sendRule) {
				if al.Target == "job:"+name {
					told += al.Phase + " "
				}
			}
			if over() {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: the command ran: %v; told: %s", name, ran, told)
				break
			}
		}
		if ran {
			after++
		}
	}
	if after < 5 || len(killed)-after < 2 {
		t.Errorf("killed at %d steps, %d of them after the command: too few", len(killed), after)
	}
	t.Logf("killed at %d steps, %d of them after the command had run: %v", len(killed), after, killed)
}
