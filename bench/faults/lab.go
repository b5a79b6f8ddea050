package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"github.com/firewatch-agent/firewatch/alert"
)

// lab is the machine with all that the faults need, and the agent that watches.
type lab struct {
	ctx      context.Context
	dir      string // scratch, on the real disk, with the tmpfs mounts fill/ and inodes/
	keep     string
	proxy    *toxiproxy.Proxy
	dnsDelay atomic.Int64 // time.Duration
	began    time.Time
	agent    *exec.Cmd
	groups   []string
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu       sync.Mutex
	live     []told
	children map[*exec.Cmd]bool
}

// told is a message that the live agent delivered.
type told struct {
	At    time.Time   `json:"at"`
	Alert alert.Alert `json:"alert"`
}

func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{keep: o.keep, began: time.Now(), children: map[*exec.Cmd]bool{}}
	l.ctx, l.cancel = context.WithCancel(ctx)
	err := l.build(o)
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) build(o options) error {
	l.dir = os.Getenv(inside)
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := l.command("ip", "link", "set", "lo", "up"); err != nil {
		return err
	}
	if err := l.serve(); err != nil {
		return err
	}
	binary := filepath.Join(l.dir, "firewatch")
	build := exec.CommandContext(l.ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	if err := l.watch(o, binary); err != nil {
		return err
	}
	l.background()
	return nil
}

// watch starts the agent, with models learnt from the healthy recording.
func (l *lab) watch(o options, binary string) error {
	state := filepath.Join(l.dir, "state")
	if err := os.MkdirAll(filepath.Join(state, "models"), 0o700); err != nil {
		return err
	}
	if o.rec != "" {
		d, err := learnt(o.rec, both, nil)
		if err != nil {
			return err
		}
		b, err := d.Snapshot()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(state, "models", "detector.json"), b, 0o600); err != nil {
			return err
		}
	}
	config := filepath.Join(l.dir, "lab.toml")
	text := fmt.Sprintf("[[probe]]\nname = \"web\"\ntype = \"http\"\ntarget = \"http://%s/\"\ninterval = \"1s\"\ntimeout = \"1s\"\n\n[[sink.webhook]]\nname = \"lab\"\nurl = \"http://%s/\"\n", proxyAddr, inboxAddr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(l.keep, "agent.log"))
	if err != nil {
		return err
	}
	l.agent = exec.Command(binary, "run", "--config", config, "--state-dir", state, "--record", filepath.Join(l.keep, "lab.rec"))
	l.agent.Stdout, l.agent.Stderr = log, log
	l.agent.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return l.agent.Start()
}

// stopAgent ends the agent, so that its recording is whole, and returns what it
// delivered.
func (l *lab) stopAgent() []told {
	if l.agent != nil && l.agent.Process != nil && l.agent.ProcessState == nil {
		_ = l.agent.Process.Signal(syscall.SIGTERM)
		_ = l.agent.Wait()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

// background is what a healthy busy host does: it compiles, packs files, and
// does nothing, in turns.
func (l *lab) background() {
	cache, scratch, pack := filepath.Join(l.dir, "gocache"), filepath.Join(l.dir, "gotmp"), filepath.Join(l.dir, "pack.tar")
	root, err := exec.CommandContext(l.ctx, "go", "env", "GOROOT").Output()
	goroot := strings.TrimSpace(string(root))
	if err != nil {
		goroot = "/usr/lib/go"
	}
	l.work.Go(func() {
		for n := 0; l.ctx.Err() == nil; n++ {
			var cmd *exec.Cmd
			switch n % 3 {
			case 0:
				cmd = exec.CommandContext(l.ctx, "go", "build", "-a", "-o", "/dev/null", "./forest", "./alert", "./detect")
				cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOTMPDIR="+scratch, "GOFLAGS=-p=2", "GOPROXY=off")
				_ = os.MkdirAll(scratch, 0o755)
			case 1:
				cmd = exec.CommandContext(l.ctx, "tar", "-cf", pack, "-C", goroot, "src")
			default:
				l.sleep(20 * time.Second)
				continue
			}
			limited, stop := context.WithTimeout(l.ctx, 25*time.Second)
			context.AfterFunc(limited, func() {
				if cmd.Process != nil {
					_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				}
			})
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
			_ = cmd.Run()
			stop()
			_ = os.RemoveAll(cache)
			_ = os.RemoveAll(scratch) // a build that is killed leaves 100 MB there
			_ = os.Remove(pack)       // so that the disk is as full after each round as before it
		}
	})
}

// start runs a program with all its children in a group of its own.
func (l *lab) start(name string, args ...string) (stop func(), err error) {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return func() {}, err
	}
	l.mu.Lock()
	l.children[cmd] = true
	l.mu.Unlock()
	return func() { l.kill(cmd) }, nil
}

// kill ends a program with all its children: by SIGTERM, so that it can wait for
// them (else they stay zombies until process 1 comes to it), after 2 s by SIGKILL.
func (l *lab) kill(cmd *exec.Cmd) {
	l.mu.Lock()
	there := l.children[cmd]
	delete(l.children, cmd)
	l.mu.Unlock()
	if there {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		late := time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		late.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

func (l *lab) command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// memoryGroup makes a memory cgroup with a limit, of version 2 or 1.
func (l *lab) memoryGroup(name string, limit int) (string, error) {
	for _, way := range []struct{ root, file string }{{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}} {
		path := filepath.Join(way.root, fmt.Sprintf("firewatch-lab-%d-%s", os.Getpid(), name))
		if _, err := os.Stat(filepath.Join(way.root, "cgroup.procs")); err != nil {
			continue
		}
		if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		l.groups = append(l.groups, path)
		if os.WriteFile(filepath.Join(path, way.file), fmt.Append(nil, limit), 0o644) == nil {
			return path, nil
		}
	}
	return "", errors.New("no memory cgroup can be made here")
}

// ballast writes a file, out of the page cache when it is done.
func (l *lab) ballast(path string, size int) error {
	return l.command("dd", "if=/dev/zero", "of="+path, "bs=1M", fmt.Sprintf("count=%d", size>>20), "oflag=direct")
}

func (l *lab) sleep(d time.Duration) {
	select {
	case <-l.ctx.Done():
	case <-time.After(d):
	}
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.0f s  %s\n", time.Since(l.began).Seconds(), fmt.Sprintf(format, args...))
}

// close undoes everything.
func (l *lab) close() {
	l.cancel()
	l.stopAgent()
	l.mu.Lock()
	var left []*exec.Cmd
	for cmd := range l.children {
		left = append(left, cmd)
	}
	l.mu.Unlock()
	for _, cmd := range left {
		l.kill(cmd)
	}
	l.work.Wait()
	for _, g := range l.groups {
		_ = os.Remove(g)
	}
	// The folder itself goes with the mounts, see enter.
	for _, name := range []string{"state", "gocache", "gotmp", "fio", "pack.tar", "reclaim.dat"} {
		_ = os.RemoveAll(filepath.Join(l.dir, name))
	}
}

func (l *lab) take(b []byte) {
	var a alert.Alert
	if json.Unmarshal(b, &a) == nil {
		l.mu.Lock()
		l.live = append(l.live, told{time.Now().UTC(), a})
		l.mu.Unlock()
	}
}
