package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxProcesses bounds one pass over /proc: beyond it processes are counted and
// their states are not read.
const maxProcesses = 20_000

// Processes counts processes by state, every 10 s and aside from the tick: a
// pass over /proc costs more than all else in a tick. The counts of running and blocked tasks come
// each second from CPU.
type Processes struct {
	host Host
	slow aside
	file fileReader // of the one pass that runs
	most int        // maxProcesses
}

// NewProcesses makes the collector.
func NewProcesses(h Host) *Processes {
	c := &Processes{host: h, most: maxProcesses}
	c.slow.direct = !h.local
	return c
}

// Name implements Collector.
func (c *Processes) Name() string { return "processes" }

// processStates maps the state letter of /proc/PID/stat (proc_pid_stat(5)).
var processStates = []struct {
	letters, metric, help string
}{
	{"S", "processes_sleeping", "processes that sleep"},
	{"D", "processes_uninterruptible", "processes in a wait that no signal ends, mostly for I/O"},
	{"I", "processes_idle", "idle threads of the kernel"},
	{"R", "processes_runnable", "processes running or ready to"},
	{"Z", "processes_zombies", "processes that ended and were not waited for"},
	{"Tt", "processes_stopped", "processes stopped or traced"},
}

// Metrics implements Collector.
func (c *Processes) Metrics() []Metric {
	out := []Metric{amount("processes_total", count, "process", "processes in all")}
	for _, s := range processStates {
		out = append(out, amount(s.metric, count, "process", s.help))
	}
	return out
}

// Collect implements Collector.
func (c *Processes) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(ctx, now, dst, func(ctx context.Context) ([]Sample, error) {
		samples, err := c.pass(ctx)
		if samples == nil {
			return nil, fmt.Errorf("count processes: %w", err)
		}
		return samples, err
	})
}

func (c *Processes) pass(ctx context.Context) ([]Sample, error) {
	dir, err := os.Open(c.host.Proc)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	counts := make([]int, len(processStates))
	total, entries := 0, 0
	for err == nil {
		var names []string
		if names, err = dir.Readdirnames(1024); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		for _, name := range names {
			if name[0] < '1' || name[0] > '9' {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if entries++; entries <= c.most && c.count(name, counts) {
				total++
			}
		}
	}
	if entries > c.most {
		return []Sample{{Metric: "processes_total", Value: float64(entries)}}, &SkippedError{fmt.Sprintf("the states of more than %d processes are not counted", c.most)}
	}
	if total == 0 {
		return nil, fmt.Errorf("no process is visible in %s", c.host.Proc)
	}
	out := []Sample{{Metric: "processes_total", Value: float64(total)}}
	for j, s := range processStates {
		out = append(out, Sample{Metric: s.metric, Value: float64(counts[j])})
	}
	return out, nil
}

// count adds one process to its state; ok is false for one that ended
// meanwhile or is hidden (hidepid).
func (c *Processes) count(pid string, counts []int) (ok bool) {
	b, err := c.file.once(c.host.proc(pid + "/stat"))
	if err != nil {
		return false
	}
	// The command in parentheses may hold anything; the state follows its last one.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+2 >= len(b) {
		return false
	}
	for j, s := range processStates {
		if strings.IndexByte(s.letters, b[i+2]) >= 0 {
			counts[j]++
		}
	}
	return true
}
