package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const targetPrefix = "kill-target-"

type config struct {
	load, start int
	side        int
	turns       chan struct{} // who may kill
	seed        uint64
	dir, binary string
}

// life is one state directory and the agents that live in it.
type life struct {
	c      config
	s      *services
	dir    string
	socket string
	log    *os.File
	cmd    *exec.Cmd
	http   *http.Client
	rng    *rand.Rand

	stuck string // what drain found open in the end

	mu       sync.Mutex
	next     int
	fired    map[string]bool // target → its firing was promised
	resolved map[string]bool
	gone     map[string]bool // an answer to the resolution never came
}

func (c config) newLife(mode string) (*life, error) {
	dir := filepath.Join(c.dir, mode)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &life{c: c, s: newServices(mode, c.seed), dir: dir, socket: filepath.Join(dir, "s"), rng: rand.New(rand.NewPCG(c.seed, 3)),
		fired: map[string]bool{}, resolved: map[string]bool{}, gone: map[string]bool{}}
	text := fmt.Sprintf(`
[agent]
default_rules = false
[anomaly]
enable = false
[collect]
enable = ["load"]
[[sink.webhook]]
name = "webhook"
url = %q
[[sink.slack]]
name = "slack"
token = "xoxb-bench"
channel = "C0123456789"
api_url = %q
[[sink.slack]]
name = "slack-blind"
token = "xoxb-bench"
channel = "#ops"
api_url = %q
[[sink.sns]]
name = "sns"
topic = "arn:aws:sns:eu-west-1:123456789012:alerts.fifo"
endpoint = %q
`, l.s.webhook.URL, l.s.slack.URL+"/api/", l.s.blind.URL+"/api/", l.s.sns.URL)
	if err := os.WriteFile(filepath.Join(dir, "c.toml"), []byte(text), 0o600); err != nil {
		return nil, err
	}
	var err error
	if l.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	l.http = &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.socket)
	}}}
	return l, nil
}

func (l *life) state() string { return filepath.Join(l.dir, "state") }

// begin starts an agent.
func (l *life) begin() error {
	l.cmd = exec.Command(l.c.binary, "run", "--config", filepath.Join(l.dir, "c.toml"), "--state-dir", l.state(), "--socket", l.socket)
	l.cmd.Stdout, l.cmd.Stderr = l.log, l.log
	l.cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example", "AWS_EC2_METADATA_DISABLED=true", "GOMAXPROCS=2")
	return l.cmd.Start()
}

func (l *life) kill() {
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait()
}

// ready waits until the agent answers.
func (l *life) ready() error {
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(2 * time.Millisecond) {
		resp, err := l.http.Get("http://agent/v1/incidents")
		if err == nil {
			_ = resp.Body.Close()
			return nil
		}
	}
	return fmt.Errorf("the agent does not answer; its log is in %s", l.log.Name())
}

// post gives the agent one alert; true is its promise.
func (l *life) post(target, state string) bool {
	severity := "critical"
	b, _ := json.Marshal(map[string]any{"rule": "load", "target": target, "severity": severity, "state": state, "summary": target + " is " + state})
	req, err := http.NewRequest(http.MethodPost, "http://agent/v1/alerts", bytes.NewReader(b))
	if err != nil {
		return false
	}
	if state == "firing" {
		req.Header.Set("Idempotency-Key", target)
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusOK
}

// work raises and ends alerts until ctx ends, at most n.
func (l *life) work(ctx context.Context, n int) {
	var mine []string
	for range n {
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		l.next++
		target := fmt.Sprintf("%s%06d", targetPrefix, l.next)
		l.mu.Unlock()
		if l.post(target, "firing") {
			l.mu.Lock()
			l.fired[target] = true
			l.mu.Unlock()
			mine = append(mine, target)
		}
		if len(mine) > 1 && ctx.Err() == nil {
			l.end(mine[0])
			mine = mine[1:]
		}
	}
}

// end resolves a target.
func (l *life) end(target string) {
	ok := l.post(target, "resolved")
	l.mu.Lock()
	defer l.mu.Unlock()
	if ok {
		l.resolved[target] = true
	}
}

// underLoad lets the agent work and kills it at a random moment.
func (l *life) underLoad(steps map[string]int) error {
	if err := l.begin(); err != nil {
		return err
	}
	if err := l.ready(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { l.work(ctx, 5) })
	}
	pause := 120
	if l.rng.IntN(8) == 0 {
		pause = 2500 // long enough for an incident to end everywhere and its file to be moved
	}
	time.Sleep(time.Duration(1+l.rng.IntN(pause)) * time.Millisecond)
	cancel()
	flight, _ := l.s.moment() // a request that dies with the agent is no longer under way afterwards
	l.kill()
	_, answers := l.s.moment()
	all.Wait()
	for k := range l.stepsNow(flight, answers) {
		steps[k]++
	}
	return nil
}

// atStart kills the agent before it is ready, or just after.
func (l *life) atStart() error {
	if err := l.begin(); err != nil {
		return err
	}
	time.Sleep(time.Duration(l.rng.IntN(150_000)) * time.Microsecond)
	l.kill()
	return nil
}
