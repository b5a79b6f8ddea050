package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/record"
)

// agent is a running firewatch.
type agent struct {
	cmd           *exec.Cmd
	socket, frame string // the record of its frames
	http          *http.Client
	ready         time.Duration // from the start to READY=1
	ended         chan error
}

const baseConfig = `
[agent]
default_rules = false
[anomaly]
enable = false
[collect]
enable = ["load"]
`

// start starts an agent on a state directory and waits until it says READY.
func (b *bench) start(dir, state, config string) (*agent, error) {
	a := &agent{socket: filepath.Join(dir, "s"), frame: filepath.Join(dir, fmt.Sprint("frames-", time.Now().UnixNano())), ended: make(chan error, 1)}
	path := filepath.Join(dir, "c.toml")
	if err := os.WriteFile(path, []byte(baseConfig+config), 0o600); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	says := filepath.Join(dir, "n")
	_ = os.Remove(says)
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: says, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	a.cmd = exec.Command(b.binary, "run", "--config", path, "--state-dir", state, "--socket", a.socket, "--record", a.frame)
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+says, "GOMAXPROCS=2")
	a.http = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", a.socket)
	}}}
	began := time.Now()
	if err := a.cmd.Start(); err != nil {
		return nil, errors.Join(err, notify.Close())
	}
	go func() { a.ended <- a.cmd.Wait() }()
	_ = notify.SetReadDeadline(began.Add(30 * time.Second))
	buf := make([]byte, 4096)
	for a.ready == 0 {
		n, err := notify.Read(buf)
		if err != nil {
			a.kill()
			return nil, errors.Join(fmt.Errorf("the agent was never ready, see %s", log.Name()), notify.Close())
		}
		if bytes.Contains(buf[:n], []byte("READY=1")) {
			a.ready = time.Since(began)
		}
	}
	go func() { // what it says later
		_ = notify.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, notify)
	}()
	return a, nil
}

func (a *agent) kill() { _ = a.cmd.Process.Signal(syscall.SIGKILL) }

// stop ends the agent in order; an error where it had crashed.
func (a *agent) stop() error {
	select {
	case err := <-a.ended:
		return fmt.Errorf("the agent had ended by itself: %w", errors.Join(err, errors.New("a crash")))
	default:
	}
	_ = a.cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-a.ended:
		return err
	case <-time.After(20 * time.Second):
		a.kill()
		return nil // it waits for the disk that hangs: what is not told is on the sinks
	}
}

// post sends an alert; status 0 = no answer.
func (a *agent) post(target, severity, state string) (status int, took time.Duration) {
	b, _ := json.Marshal(map[string]any{"rule": "bench", "target": target, "severity": severity, "state": state, "summary": target + " is " + state})
	began := time.Now()
	resp, err := a.http.Post("http://agent/v1/alerts", "application/json", bytes.NewReader(b))
	if err != nil {
		return 0, time.Since(began)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, time.Since(began)
}

// get reads one JSON document of the agent.
func (a *agent) get(path string, to any) error {
	resp, err := a.http.Get("http://agent" + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(to)
}

// durable reports whether the agent says that its disk works.
func (a *agent) durable() bool {
	var st struct {
		Outbox struct {
			Durable bool `json:"durable"`
			Pending int  `json:"pending"`
		} `json:"outbox"`
	}
	return a.get("/v1/status", &st) == nil && st.Outbox.Durable && st.Outbox.Pending == 0
}

// late returns by how many milliseconds each recorded tick missed the grid of
// seconds that the first ticks set; a tick that is missing counts as 1000.
func (a *agent) late() ([]float64, error) {
	f, err := os.Open(a.frame)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return nil, err
	}
	var at []time.Time
	for frame, err := range r.Frames() {
		if err == nil { // else the block that was being written
			at = append(at, frame.Time)
		}
	}
	if len(at) < 3 {
		return nil, errors.New("too few frames were recorded")
	}
	phase := at[0].Sub(at[0].Truncate(time.Second))
	for _, t := range at { // the earliest phase is the grid
		d := t.Add(-phase).Sub(t.Add(-phase).Truncate(time.Second))
		if d > 500*time.Millisecond {
			phase += d - time.Second
		}
	}
	var out []float64
	for i, t := range at {
		d := t.Add(-phase)
		out = append(out, d.Sub(d.Truncate(time.Second)).Seconds()*1000)
		if i > 0 {
			for range int(t.Sub(at[i-1]).Seconds()+0.5) - 1 {
				out = append(out, 1000)
			}
		}
	}
	return out, nil
}

// wait calls ok every 50 ms until it is true or the time is over, and returns
// how long that took.
func wait(most time.Duration, ok func() bool) (time.Duration, bool) {
	began := time.Now()
	for !ok() {
		if time.Since(began) > most {
			return time.Since(began), false
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began), true
}
