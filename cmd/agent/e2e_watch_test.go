//go:build e2e

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestWatchInATerminal drives `status --watch` in tmux as a person does: it fits
// a small and a large terminal, goes on by itself, and ends with Ctrl-C.
func TestWatchInATerminal(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not here")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	a := launch(t, "")
	for _, size := range [][2]int{{80, 24}, {200, 60}} {
		name := fmt.Sprintf("firewatch-e2e-%d", size[0])
		tmux := func(args ...string) string {
			out, _ := exec.Command("tmux", append([]string{"-L", name}, args...)...).CombinedOutput()
			return string(out)
		}
		out := tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]), "-s", "w", path, "status", "--watch", "--state-dir", a.state)
		t.Cleanup(func() { tmux("kill-server") })
		screen := func() string { return tmux("capture-pane", "-p", "-t", "w") }
		a.eventually(10*time.Second, "the first screen: "+out, func() bool { return strings.Contains(screen(), "collectors") })
		first := screen()
		lines := strings.Split(strings.TrimRight(first, "\n"), "\n")
		if !strings.Contains(lines[0], ": ") || len(lines) > size[1] {
			t.Errorf("%v: the sentence is not on top of %d lines:\n%s", size, len(lines), first)
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > 80 {
				t.Errorf("%v: wider than 80: %q", size, l)
			}
		}
		if size[1] == 60 && (strings.Contains(first, "more lines") || !strings.Contains(first, "sinks")) {
			t.Errorf("%v: not all is shown:\n%s", size, first)
		}
		a.eventually(10*time.Second, "it moves", func() bool { return screen() != first })
		tmux("send-keys", "-t", "w", "C-c")
		a.eventually(10*time.Second, "Ctrl-C ends it", func() bool { return !strings.Contains(tmux("list-sessions"), "w:") })
	}
}
