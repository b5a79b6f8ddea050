package collect

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"
)

// maxProcesses bounds one pass over /proc.
const maxProcesses = 20_000

// Processes counts processes by state, every 10 s: a pass over /proc costs
// more than all else in a tick. The counts of running and blocked tasks come
// each second from CPU.
type Processes struct {
	host Host
	file fileReader
	at   time.Time
	last []Sample
}

// NewProcesses makes the collector.
func NewProcesses(h Host) *Processes { return &Processes{host: h} }

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
	if !c.at.IsZero() && now.Sub(c.at) < 10*time.Second && !now.Before(c.at) {
		return append(dst, c.last...), nil
	}
	samples, err := c.pass(ctx)
	if err != nil {
		return dst, fmt.Errorf("count processes: %w", err)
	}
	c.last, c.at = samples, now
	return append(dst, samples...), nil
}

func (c *Processes) pass(ctx context.Context) ([]Sample, error) {
	dir, err := os.Open(c.host.Proc)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only read
	names, err := dir.Readdirnames(maxProcesses)
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(processStates))
	total := 0
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := c.file.read(c.host.proc(name + "/stat"))
		if err != nil {
			continue // it ended meanwhile, or is hidden (hidepid)
		}
		// The command in parentheses may hold anything; the state follows its last one.
		i := bytes.LastIndexByte(b, ')')
		if i < 0 || i+2 >= len(b) {
			continue
		}
		total++
		for j, s := range processStates {
			if bytes.IndexByte([]byte(s.letters), b[i+2]) >= 0 {
				counts[j]++
			}
		}
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
