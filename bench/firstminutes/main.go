// Command firstminutes does what README.md says, in a clean root with a home and
// caches that are empty, with a fake Slack, and writes down when what came:
// docs/first-minutes.md is the transcript, bench/results/first-minutes.json its
// times. It needs root, the network (modules, once) and two minutes:
//
//	go run ./bench/firstminutes          # -warm keeps Go's caches, for trying it out
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// result is bench/results/first-minutes.json: seconds from the first command.
type result struct {
	Commit    string  `json:"commit"`
	Machine   string  `json:"machine"`
	Warm      bool    `json:"warm_caches"`
	Seconds   float64 `json:"wall_seconds"`
	Output    float64 `json:"first_output_s"` // of the agent, the host's figures
	Terminal  float64 `json:"first_alert_in_terminal_s"`
	Slack     float64 `json:"first_alert_in_slack_s"`
	Silenced  float64 `json:"silenced_alert_s"`
	SlackTold int     `json:"slack_messages_of_the_silenced_alert"`
}

func main() {
	log.SetFlags(0)
	warm := flag.Bool("warm", false, "keep Go's caches: no fresh machine, no download, no first build")
	flag.Parse()
	if err := run(*warm); err != nil {
		log.Fatal(err)
	}
}

func run(warm bool) error {
	dir, err := os.MkdirTemp("", "firstminutes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	chat := slackfake.New("xoxb-your-token")
	defer chat.Close()
	for _, d := range []string{"root", "bin", "cache", "mod"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	clone := filepath.Join(dir, "clone")
	if out, err := exec.Command("git", "clone", "--quiet", "--bare", "--depth=1", "file://"+cwd, clone).CombinedOutput(); err != nil {
		return fmt.Errorf("clone: %w: %s", err, out)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(commands, "SLACK_API", chat.API())), 0o644); err != nil {
		return err
	}
	c := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "sh", "cmd/agent/testdata/clean-root.sh", filepath.Join(dir, "root"), filepath.Join(dir, "bin"), clone, script)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if !warm {
		c.Env = append(c.Env, "GOFLAGS=-modcacherw", "GOCACHE="+filepath.Join(dir, "cache"), "GOMODCACHE="+filepath.Join(dir, "mod"))
	}
	lines, took, err := watch(c, chat)
	if err != nil {
		return err
	}
	r := times(lines, warm, took)
	if err := record(r, lines); err != nil {
		return err
	}
	fmt.Printf("first output %.1f s, first alert in the terminal %.1f s, in Slack %.1f s, a silenced one %.1f s (%d messages of it)\n", r.Output, r.Terminal, r.Slack, r.Silenced, r.SlackTold)
	return nil
}

// said is one line of the transcript.
type said struct {
	at   time.Duration
	text string
}

var control = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\\^C")

// watch runs the commands and notes when each line and each message came.
func watch(c *exec.Cmd, chat *slackfake.Server) ([]said, time.Duration, error) {
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	c.Stderr = c.Stdout
	var mu sync.Mutex
	var lines []said
	start := time.Now()
	note := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if text == "+ begin" {
			start = time.Now()
			return
		}
		lines = append(lines, said{time.Since(start), text})
	}
	if err := c.Start(); err != nil {
		return nil, 0, err
	}
	done := make(chan struct{})
	go func() {
		for seen := 0; ; {
			for _, m := range chat.Messages()[seen:] {
				note("Slack: " + m.Method + ": " + strings.SplitN(m.Text, "\n", 2)[0])
				seen++
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	vitals := 0
	for s := bufio.NewScanner(out); s.Scan(); {
		all := strings.Split(control.ReplaceAllString(s.Text(), ""), "\r")
		for _, text := range all {
			if text = strings.TrimRight(text, " "); text == "" {
				continue
			}
			if strings.Contains(text, " UTC  cpu ") { // one of those that are rewritten in place is enough
				if vitals++; vitals > 1 {
					continue
				}
			}
			note(text)
		}
	}
	err = c.Wait()
	took := time.Since(start)
	close(done)
	return lines, took, err
}

func times(lines []said, warm bool, took time.Duration) result {
	r := result{Warm: warm, Seconds: took.Seconds()}
	set := func(to *float64, l said, is bool) {
		if *to == 0 && is {
			*to = l.at.Seconds()
		}
	}
	for _, l := range lines {
		set(&r.Output, l, strings.Contains(l.text, " watches "))
		set(&r.Terminal, l, strings.Contains(l.text, " CRITICAL "))
		set(&r.Slack, l, strings.HasPrefix(l.text, "Slack: "))
		set(&r.Silenced, l, strings.Contains(l.text, "silenced by"))
		if strings.HasPrefix(l.text, "Slack: ") && strings.Contains(l.text, "failed again") {
			r.SlackTold++
		}
	}
	r.Commit, r.Machine = report.Commit(), report.Machine()
	return r
}

func record(r result, lines []said) error {
	if err := report.Write("bench/results/first-minutes.json", r); err != nil {
		return err
	}
	if r.Output*r.Slack*r.Silenced == 0 || r.SlackTold > 0 {
		for _, l := range lines {
			fmt.Printf("%7.1f  %s\n", l.at.Seconds(), l.text)
		}
		return fmt.Errorf("something did not come: %+v", r)
	}
	var t strings.Builder
	caches := "empty caches: Go downloads every module and compiles everything"
	if r.Warm {
		caches = "Go's caches as they were"
	}
	fmt.Fprintf(&t, "# The first minutes\n\nWhat [README](../README.md) says, typed by a program (`go run ./bench/firstminutes`) into a clean root on %s, with %s.\n"+
		"Slack is a fake on loopback, so the file has one more line, `api_url`. Seconds from the first command:\n\n"+
		"| what | seconds |\n|---|---|\n| first useful output: the host's figures | %.1f |\n| first alert in the terminal | %.1f |\n| first alert in Slack | %.1f |\n| an alert that a silence keeps back | %.1f |\n\n```text\n",
		r.Machine, caches, r.Output, r.Terminal, r.Slack, r.Silenced)
	for _, l := range lines {
		fmt.Fprintf(&t, "%6.1f  %s\n", l.at.Seconds(), l.text)
	}
	t.WriteString("```\n")
	return os.WriteFile("docs/first-minutes.md", []byte(t.String()), 0o644)
}
