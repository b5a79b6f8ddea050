//go:build e2e

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// screenConfig has what every host has, so that the screens are the same on each.
const screenConfig = `
[agent]
default_rules = false
[collect]
enable = ["cpu", "load", "mem"]
[[rule]]
name = "memory-low"
metric = "mem_available_percent"
comparison = "<"
threshold = 0.001
[[sink.webhook]]
name = "inbox"
url = "URL"
`

const waitLong = 20 * time.Second

var terminals = [][2]int{{80, 24}, {200, 60}}

// TestScreens drives the commands in tmux as a person does, on a small and a
// large terminal. testdata/screens holds each screen with figures and times as N:
// go test -tags e2e -run TestScreens -update writes them anew.
func TestScreens(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatal("tmux is not here")
	}
	dir, err := os.MkdirTemp("", "fw-") // its name stands in a screen, and must fit a line
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	in := newInbox(t)
	a := prepare(t, "")
	a.config = filepath.Join(dir, "fw.toml")
	a.write(strings.Replace(screenConfig, "URL", in.URL, 1))
	a.start()
	for _, c := range [][]string{
		{"send", "--severity", "critical", "--summary", "the backup of /var/lib/postgresql failed: the volume that it goes to has 12 GiB left and needs 40", "--key", "backup"},
		{"silence", "add", "--rule", "memory-low", "--for", "2h", "--comment", "new memory comes today"},
	} {
		if out, code := a.command(c...); code != 0 {
			t.Fatal(out)
		}
	}
	in.await(a, "send", "firing", waitLong)
	a.eventually(waitLong, "both sinks confirm", func() bool { out, _ := a.command("incidents"); return strings.Count(out, "has firing") == 2 })
	a.eventually(waitLong, "a row is judged", func() bool { out, _ := a.command("explain"); return strings.Contains(out, "(value 0.0") })
	for _, c := range []struct {
		name string
		args []string
		full string // is on the screen once it is complete
	}{
		{"status-watch", []string{"status", "--watch"}, "cpu "},
		{"incidents", []string{"incidents"}, "ended 0"},
		{"silence-list", []string{"silence", "list"}, "ended 0"},
		{"explain", []string{"explain"}, "ended 0"},
	} {
		for _, size := range terminals {
			t.Run(fmt.Sprintf("%s %dx%d", c.name, size[0], size[1]), func(t *testing.T) {
				s := openTerminal(t, a, size, c.args)
				a.eventually(waitLong, "the screen", func() bool { return strings.Contains(s.text(), c.full) })
				goldenScreen(t, fmt.Sprintf("%s-%dx%d", c.name, size[0], size[1]), s.text())
				if c.name == "status-watch" {
					first := s.text()
					a.eventually(waitLong, "it moves", func() bool { return s.text() != first })
					s.tmux("send-keys", "-t", "w", "C-c")
					a.eventually(waitLong, "Ctrl-C ends it", func() bool { return strings.Contains(s.text(), "ended 0") })
				}
			})
		}
	}
}

// terminal is a command in tmux.
type terminal struct{ name string }

func openTerminal(t *testing.T, a *agentProc, size [2]int, args []string) terminal {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := terminal{fmt.Sprintf("firewatch-e2e-%d-%d", os.Getpid(), size[0])}
	line := fmt.Sprintf("trap : INT; %s %s --state-dir %s; echo ended $?; sleep 60", path, strings.Join(args, " "), a.state)
	if out := s.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]), "-s", "w", "sh", "-c", line); out != "" {
		t.Fatal(out)
	}
	t.Cleanup(func() { s.tmux("kill-server") })
	return s
}

func (s terminal) tmux(args ...string) string {
	out, _ := exec.Command("tmux", append([]string{"-L", s.name}, args...)...).CombinedOutput()
	return string(out)
}

func (s terminal) text() string { return s.tmux("capture-pane", "-p", "-t", "w") }

var normal = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<incident>"},
	{regexp.MustCompile(`(?m)^  [0-9a-f]{8}  `), "  <id>      "},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d `), ""},
	{regexp.MustCompile(`\d\d:\d\d:\d\d [A-Z+-][A-Za-z0-9+-]*`), "<time>"},
	{regexp.MustCompile(`config \S+`), "config <file>"},
	{regexp.MustCompile(`firewatch \S+, pid`), "firewatch <version>, pid"},
	{regexp.MustCompile(`\d[\d.]*(?: (?:B|KiB|MiB|GiB|TiB|ms|s|min|h|d)\b| %)?( \d[\d.]* (ms|s|min|h|d)\b)?`), "N"},
	{regexp.MustCompile(` +(\n|$)`), "$1"},
	{regexp.MustCompile(`(\S)  +`), "$1  "},
}

// goldenScreen holds a screen to its file: figures and times are N, and what a
// column of them is wide does not count.
func goldenScreen(t *testing.T, name, screen string) {
	t.Helper()
	for line := range strings.Lines(screen) {
		if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > 80 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	host, _ := os.Hostname()
	screen = strings.ReplaceAll(screen, host+":", "<host>:")
	screen = strings.ReplaceAll(screen, userName(), "<user>")
	for _, r := range normal {
		screen = r.what.ReplaceAllString(screen, r.with)
	}
	path := filepath.Join("testdata", "screens", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(screen), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), screen); diff != "" {
		t.Errorf("%s is another screen (-file +now):\n%s", name, diff)
	}
}
