//go:build e2e

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/rehearse"
)

// backtested is what the real binary's backtest says.
func backtested(t *testing.T, args ...string) rehearse.Result {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"backtest", "--json", "--no-suggest"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var report struct{ Current rehearse.Result }
	if err != nil || json.Unmarshal(out, &report) != nil {
		t.Fatalf("backtest: %v\n%s", err, out)
	}
	return report.Current
}

// TestBacktestEqualsTheRun: a back-test of the recording of a run, and of its
// history, gives the alerts that it delivered, exactly.
func TestBacktestEqualsTheRun(t *testing.T) {
	t.Parallel()
	in, file := newInbox(t), filepath.Join(t.TempDir(), "flag")
	config := flagRule(t, file) + in.sink()
	addr := strings.TrimSpace(readFile(t, file))
	server := startWeb(t, addr)
	recording := filepath.Join(t.TempDir(), "run.rec")
	a := launch(t, config, "--record", recording)
	for range 2 {
		_ = server.Close()
		in.await(a, "flag-down", alert.Firing, 30*time.Second)
		server = startWeb(t, addr)
		in.await(a, "flag-down", alert.Resolved, 60*time.Second)
	}
	a.kill(syscall.SIGTERM)
	var want []rehearse.Fired
	for _, x := range in.all("flag-down") {
		if x.State == alert.Firing {
			want = append(want, rehearse.Fired{Rule: x.Rule, Target: x.Target, Severity: x.Severity, StartedAt: x.StartedAt.UTC(), FiredAt: x.ChangedAt.UTC(), Value: x.Value})
			continue
		}
		last := &want[len(want)-1]
		last.ResolvedAt, last.Summary = x.ResolvedAt.UTC(), x.Summary
	}
	if len(want) != 2 {
		t.Fatalf("%d alerts were delivered, want 2", len(want))
	}
	for what, args := range map[string][]string{"recording": {"--recording", recording}, "history": {"--state-dir", a.state}} {
		got := backtested(t, append(args, "--config", a.config)...)
		var flags []rehearse.Fired
		for _, f := range got.Fired {
			if f.Rule == "flag-down" {
				flags = append(flags, f)
			}
		}
		if diff := cmp.Diff(want, flags); diff != "" {
			t.Errorf("%s: delivered (-) and replayed (+):\n%s", what, diff)
		}
	}
}

// TestKillKeepsWhatWasLearnt: after kill -9 the windows and models are refilled
// from the history, which lacks its last half minute at most.
func TestKillKeepsWhatWasLearnt(t *testing.T) {
	t.Parallel()
	a := launch(t, "[agent]\ninterval = \"250ms\"\n[anomaly]\nrow = \"1s\"\nlearn = \"100s\"\n")
	a.eventually(90*time.Second, "45 s of ticks", func() bool { return a.status().Ticks >= 180 })
	ran := a.status().Ticks
	a.kill(syscall.SIGKILL)
	a.start()
	a.eventually(20*time.Second, "the history is replayed", func() bool { return strings.Contains(a.log.String(), "the history was replayed") })
	frames := 0
	for _, word := range strings.Fields(a.log.String()) {
		if n, ok := strings.CutPrefix(word, "frames="); ok {
			if err := json.Unmarshal([]byte(n), &frames); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lost := ran - uint64(frames); lost > 4*31+4 {
		t.Errorf("%d frames replayed of %d", frames, ran)
	}
	a.kill(syscall.SIGTERM)
	if _, err := os.Stat(filepath.Join(a.state, "models", "detector.json")); err != nil {
		t.Error(err)
	}
}

// TestFullDiskPausesTheHistory: on a full disk the history pauses with one
// message and goes on by itself; alerts are told all the while.
func TestFullDiskPausesTheHistory(t *testing.T) {
	t.Parallel()
	disk := filepath.Join(t.TempDir(), "disk")
	mountTmpfs(t, disk)
	in, file := newInbox(t), filepath.Join(t.TempDir(), "flag")
	config := flagRule(t, file) + in.sink()
	addr := strings.TrimSpace(readFile(t, file))
	server := startWeb(t, addr)
	a := prepare(t, config)
	a.state = filepath.Join(disk, "state")
	a.start()
	ballast := filepath.Join(disk, "ballast")
	fillDisk(t, ballast)
	_ = server.Close()
	in.await(a, "flag-down", alert.Firing, 30*time.Second)
	a.eventually(100*time.Second, "the history says that it pauses", func() bool { return strings.Contains(a.log.String(), "history pauses") })
	startWeb(t, addr)
	in.await(a, "flag-down", alert.Resolved, 60*time.Second)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	a.eventually(100*time.Second, "the history goes on", func() bool { return strings.Contains(a.log.String(), "history goes on") })
	if n := strings.Count(a.log.String(), "history pauses"); n != 1 {
		t.Errorf("said %d times that the history pauses", n)
	}
}

// fillDisk writes a file until nothing more fits.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}
