package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// row is what one program cost.
type row struct {
	Name        string  `json:"name"`
	CPU         float64 `json:"cpu_ms_per_second"` // of all threads, by schedstat
	RSS         float64 `json:"rss_mb"`
	Working     float64 `json:"working_syscalls_per_second"` // all but those that only wait or wake
	Waiting     float64 `json:"waiting_syscalls_per_second"`
	Voluntary   float64 `json:"voluntary_switches_per_second"`
	Involuntary float64 `json:"involuntary_switches_per_second"`
	FirstMS     float64 `json:"first_sample_ms"`
	Binary      float64 `json:"binary_mb"`
}

// start runs a program afresh, with its output kept away.
func start(p program, stderr io.Writer) (*exec.Cmd, error) {
	args, err := p.args()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.binary, args...)
	cmd.Stderr = stderr
	return cmd, cmd.Start()
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}

// sideBySide runs all programs at once and reads what they used.
func sideBySide(c config, programs []program, stop <-chan os.Signal) ([]row, error) {
	rows := make([]row, len(programs))
	pids := make([]int, len(programs))
	for i, p := range programs {
		cmd, err := start(p, io.Discard)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", p.name, err)
		}
		defer end(cmd)
		pids[i] = cmd.Process.Pid
		rows[i].Name = p.name
		if info, err := os.Stat(p.binary); err == nil {
			rows[i].Binary = float64(info.Size()) / 1e6
		}
	}
	done := make(chan struct{})
	defer close(done)
	for _, p := range programs {
		if p.scrape != nil {
			go scrapeEachSecond(p.scrape(), done)
		}
	}
	wait := func(d time.Duration) error {
		select {
		case <-stop:
			return fmt.Errorf("stopped")
		case <-time.After(d):
			return nil
		}
	}
	if err := wait(c.warm); err != nil {
		return nil, err
	}
	before := make([]usage, len(pids))
	from := time.Now()
	for i, pid := range pids {
		before[i] = usageOf(pid)
	}
	if err := wait(c.span); err != nil {
		return nil, err
	}
	sec := time.Since(from).Seconds()
	for i, pid := range pids {
		now := usageOf(pid)
		if now.cpu <= before[i].cpu {
			return nil, fmt.Errorf("%s used no CPU: did it end?", rows[i].Name)
		}
		rows[i].CPU = (now.cpu - before[i].cpu) * 1e3 / sec
		rows[i].Voluntary = (now.voluntary - before[i].voluntary) / sec
		rows[i].Involuntary = (now.involuntary - before[i].involuntary) / sec
	}
	if err := wait(max(0, c.rss-c.warm-c.span)); err != nil {
		return nil, err
	}
	for i, pid := range pids {
		rows[i].RSS = status(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:") * 1024 / 1e6
	}
	for i, pid := range pids { // last: tracing slows them down
		if c.trace > 0 {
			rows[i].Working, rows[i].Waiting = syscalls(pid, c.trace)
		}
	}
	return rows, nil
}

type usage struct{ cpu, voluntary, involuntary float64 }

// usageOf adds up what the threads of a process used.
func usageOf(pid int) (u usage) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, t := range tasks {
		if f := strings.Fields(read(t + "/schedstat")); len(f) > 0 {
			ns, _ := strconv.ParseFloat(f[0], 64)
			u.cpu += ns / 1e9
		}
		u.voluntary += status(t+"/status", "voluntary_ctxt_switches:")
		u.involuntary += status(t+"/status", "nonvoluntary_ctxt_switches:")
	}
	return u
}

// status reads the number of one line of a status file.
func status(path, name string) float64 {
	for line := range strings.Lines(read(path)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			f := strings.Fields(rest)
			v, _ := strconv.ParseFloat(f[0], 64)
			return v
		}
	}
	return 0
}

func scrapeEachSecond(url string, done <-chan struct{}) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		_ = scrapeOnce(url)
		select {
		case <-done:
			return
		case <-t.C:
		}
	}
}

func scrapeOnce(url string) error {
	resp, err := http.Get(url) // the default transport asks for gzip, as Prometheus does
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// waits are the system calls by which a Go program waits, wakes and schedules;
// tracing itself multiplies them.
var waits = []string{"futex", "nanosleep", "epoll_pwait", "sched_yield", "tgkill", "getpid", "rt_sigreturn", "restart_syscall", "clock_nanosleep"}

// syscalls counts a process's system calls per second by strace; 0 without it.
func syscalls(pid int, span time.Duration) (working, waiting float64) {
	var out bytes.Buffer
	cmd := exec.Command("strace", "-f", "-c", "-p", strconv.Itoa(pid))
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		return 0, 0
	}
	time.Sleep(span)
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	for line := range strings.Lines(out.String()) {
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] == "total" {
			continue
		}
		n, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			continue
		}
		if slices.Contains(waits, f[len(f)-1]) {
			waiting += n / span.Seconds()
		} else {
			working += n / span.Seconds()
		}
	}
	return working, waiting
}

// firstSample is the median time from a start to the first sample, of 5: to
// the agent's line after its first tick, to the first scrape that is answered,
// to the first byte that Telegraf wrote (at its first flush).
func firstSample(p program) (float64, error) {
	if p.wrote != nil {
		return 0, nil // bounded by its flush interval: no fair figure
	}
	var took []float64
	for range 5 {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		begin := time.Now()
		cmd, err := start(p, w)
		if err != nil {
			return 0, err
		}
		_ = w.Close()
		if p.scrape != nil {
			for scrapeOnce(p.scrape()) != nil && time.Since(begin) < 10*time.Second {
				time.Sleep(time.Millisecond)
			}
		} else {
			buf := make([]byte, 4096)
			seen := []byte(nil)
			for !bytes.Contains(seen, []byte("watches this host")) {
				n, err := r.Read(buf)
				if err != nil {
					break
				}
				seen = append(seen, buf[:n]...)
			}
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1000)
		go func() { _, _ = io.Copy(io.Discard, r) }()
		end(cmd)
		_ = r.Close()
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
