//go:build e2e

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// TestDocsCommands runs every command block of README and docs, page by page and
// line by line, in a clean root with a real agent and a fake Slack. A comment
// before a block says what a reader does and this test must:
//
//	<!-- file: PATH -->      the block (TOML) is written to PATH
//	<!-- not run: WHY -->    only its commands and flags are checked, by TestDocsNameWhatExists
//
// A line that starts an agent goes on until the next one does, or the page ends.
func TestDocsCommands(t *testing.T) {
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	clone := t.TempDir()
	if out, code := output("git", "clone", "--quiet", "--bare", "--depth=1", "file://"+repository(t), clone); code != 0 {
		t.Fatal(out)
	}
	for _, page := range pages(t) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		steps := docSteps(string(b))
		if len(steps) == 0 {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			runPage(t, program, clone, filepath.Base(page) == "README.md", steps)
		})
	}
}

// docStep is one line of a block, or the file that one is.
type docStep struct{ line, file string }

var (
	docBlock = regexp.MustCompile("(?ms)(?:^<!-- ([a-z ]+): ([^\n]*) -->\n)?^```(sh|toml)\n(.*?)^```$")
	starts   = regexp.MustCompile(`(firewatch|\./cmd/agent) run\b`)
	stateOf  = regexp.MustCompile(`--state-dir \S+`)
)

func docSteps(text string) (out []docStep) {
	for _, m := range docBlock.FindAllStringSubmatch(text, -1) {
		note, arg, lang, body := m[1], m[2], m[3], m[4]
		switch {
		case note == "file":
			out = append(out, docStep{body, arg})
		case lang == "sh" && note != "not run":
			for line := range strings.Lines(strings.ReplaceAll(body, "\\\n", " ")) {
				out = append(out, docStep{strings.TrimSpace(line), ""})
			}
		}
	}
	return out
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// docShims stand in for programs of the reader's own, and keep what burns CPU short.
var docShims = map[string]string{
	"usr/local/bin/backup":  "#!/bin/sh\nexit 0\n",
	"usr/local/bin/timeout": "#!/bin/sh\nshift\nexec /usr/bin/timeout 1 \"$@\"\n",
}

// docSetup is what a reader of these pages has: the files that examples name.
const docSetup = `
for f in cpu today lastweek; do { echo timestamp,value; i=0; while [ $i -lt 200 ]; do echo "2026-11-26T00:0$((i / 60)):$((i % 60 / 10))$((i % 10))Z,$((i * 7 % 13))"; i=$((i + 1)); done; } > $f.csv; done
{ echo time,cpu_usage_active; i=0; while [ $i -lt 200 ]; do echo "$((1764115200 + i)),5"; i=$((i + 1)); done; } > incident.csv
printf '[[rule]]\nname = "busy"\nmetric = "cpu_usage_active"\ncomparison = ">"\nthreshold = 99\n' > new.toml
firewatch run --state-dir /tmp/recorded --record incident.rec > /dev/null 2>&1 & sleep 4; kill -INT $!; wait $!
`

// docScript turns steps into a shell script that tells the exit code of each.
func docScript(steps []docStep, readme bool, slackAPI string) string {
	var b strings.Builder
	b.WriteString(`
agent=
stop() { [ -z "$agent" ] || { kill -INT -$agent; wait $agent; agent=; } 2> /dev/null; }
start() { # number, state directory, command
  stop
  printf '\n@@ %s\n' "$1"
  setsid sh -c "exec $3" > /tmp/agent.log 2>&1 &
  agent=$! code=1
  for i in $(seq 300); do sleep 0.2; firewatch status $2 > /tmp/status 2>&1 && grep -q '[1-9][0-9]* ticks' /tmp/status && code=0 && break; done
  [ $code = 0 ] || cat /tmp/agent.log /tmp/status
  printf '\n@= %s %s\n' "$1" $code
}
run() { printf '\n@@ %s\n' "$1"; eval "$2"; printf '\n@= %s %s\n' "$1" $?; }
trap stop EXIT
`)
	if !readme { // whoever reads on has a checkout and an agent
		b.WriteString("git clone -q https://github.com/firewatch-agent/firewatch && cd firewatch\n" + docSetup)
		if !slices.ContainsFunc(steps, func(s docStep) bool { return s.file == "" && starts.MatchString(s.line) }) {
			b.WriteString("start -1 '' 'firewatch run'\nsleep 2\nstart -1 '' 'firewatch run'\n") // the first leaves a history
		}
	}
	for n, s := range steps {
		line := strings.ReplaceAll(s.line, "ack ID", `ack $(firewatch incidents --json | sed -n 's/^    "id": "\(.*\)",/\1/p' | head -n 1)`)
		switch {
		case s.file != "":
			if strings.Contains(line, "[[sink.slack]]") {
				line += fmt.Sprintf("api_url = %q\n", slackAPI)
			}
			fmt.Fprintf(&b, "mkdir -p \"$(dirname %s)\"; umask 027; cat > %s <<'END'\n%sEND\numask 022\n", s.file, s.file, line)
		case starts.MatchString(line):
			before, last, several := strings.Cut(line, "run ")
			_ = last
			if at := strings.LastIndex(before, "&& "); several && at >= 0 {
				fmt.Fprintf(&b, "run %d '%s'\n", n, line[:at])
				line = line[at+3:]
			}
			line, _, _ = strings.Cut(line, " #")
			fmt.Fprintf(&b, "start %d '%s' '%s'\n", n, stateOf.FindString(line), line)
		default:
			fmt.Fprintf(&b, "run %d %s\n", n, shellQuote(line))
		}
	}
	return b.String()
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func runPage(t *testing.T, program, clone string, readme bool, steps []docStep) {
	chat := slackfake.New("xoxb-your-token")
	defer chat.Close()
	chat.AnyRate()
	dir := t.TempDir()
	bin, script, root := filepath.Join(dir, "bin"), filepath.Join(dir, "script"), filepath.Join(dir, "root")
	for _, d := range []string{bin, root} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, program, filepath.Join(bin, "firewatch"))
	for name, text := range docShims {
		if err := os.WriteFile(filepath.Join(bin, filepath.Base(name)), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(script, []byte(docScript(steps, readme, chat.API())), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "unshare", append(args, "sh", "testdata/clean-root.sh", root, bin, clone, script)...)
	c.WaitDelay = 5 * time.Second
	c.Env = append(os.Environ(), "SLACK_TOKEN=xoxb-your-token", "CGO_ENABLED=0", "GOFLAGS=-trimpath", "AWS_EC2_METADATA_DISABLED=true")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("the script: %v\n%s", err, out)
	}
	for n, s := range steps {
		if s.file == "" {
			judgeLine(t, n, s.line, string(out))
		}
	}
}

// judgeLine fails where a line of a page did not work. A drill may be refused by
// a host that is busy with the other tests.
func judgeLine(t *testing.T, n int, line, out string) {
	t.Helper()
	_, after, ok := strings.Cut(out, fmt.Sprintf("\n@@ %d\n", n))
	said, code, ok2 := strings.Cut(after, fmt.Sprintf("\n@= %d ", n))
	if !ok || !ok2 {
		t.Errorf("%s: never ended:\n%s", line, after)
		return
	}
	refused := strings.Contains(line, "drill ") && (strings.Contains(said, "this host is loaded") || strings.Contains(said, "an incident is open"))
	if !strings.HasPrefix(code, "0\n") && !refused {
		t.Errorf("%s: exit code %.2s\n%s", line, code, said)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
}
