//go:build e2e

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadOnlyStateDirectory: a disk that cannot be written from the first
// leaves no host unwatched.
func TestReadOnlyStateDirectory(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	mountTmpfs(t, disk)
	state := filepath.Join(disk, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	cmd := exec.Command(path, "run", "--state-dir", state)
	cmd.Stdout, cmd.Stderr = out, out
	start(t, cmd)
	a := &agentProc{t: t}
	a.eventually(10*time.Second, "it watches, and says what ails the disk", func() bool {
		return strings.Contains(out.String(), "watches this host") && strings.Contains(out.String(), "read-only file system")
	})
	again := exec.Command(path, "run", "--state-dir", state)
	if said, _ := again.CombinedOutput(); again.ProcessState.ExitCode() != exitLocked {
		t.Errorf("a second agent on it: exit %d\n%s", again.ProcessState.ExitCode(), said)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
