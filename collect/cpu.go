package collect

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"
)

// cpuModes are the columns of a cpu line in /proc/stat, in its order
// (Documentation/filesystems/proc.rst, 1.7).
var cpuModes = []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"}

// cpuSlack is by how much a mode's time may go back, in ticks of 10 ms: the
// kernel documents it of iowait, and idle does it with it (proc.rst, 1.7).
const cpuSlack = 100

// maxCores bounds the cores with series of their own.
const maxCores = 64

// cpuUserLeft is of the host only: by it a rule knows programs that take all there is,
// on a virtual machine of which others take a third, too.
const cpuUserLeft = "cpu_usage_user_no_steal"

// leastLeft is the share of the time below which what is left says nothing.
const leastLeft = 0.2

// CPU reads /proc/stat: the share of time in each mode, for the host (target
// "") and for each core ("cpu0"), and the host's counts of context switches,
// forks and runnable and blocked tasks.
type CPU struct {
	host  Host
	file  fileReader
	times *tracker
	rates *tracker
	dims  map[string][]Label
	more  bool // there are more than maxCores cores
	names map[string]string
	one   oneCPU
}

// NewCPU makes the collector.
func NewCPU(h Host) *CPU {
	times := newTracker(h.gap())
	times.slack = cpuSlack
	return &CPU{host: h, times: times, rates: newTracker(h.gap()), dims: map[string][]Label{}, names: map[string]string{}}
}

// Name implements Collector.
func (c *CPU) Name() string { return "cpu" }

// Metrics implements Collector.
func (c *CPU) Metrics() []Metric {
	out := []Metric{share("cpu_usage_active", "cpu", "share of time that the CPU was not idle; waiting for I/O is in it, as with the CloudWatch agent")}
	for _, m := range cpuModes {
		out = append(out, share("cpu_usage_"+m, "cpu", "share of CPU time in mode "+m))
	}
	return append(out,
		share(cpuUserLeft, "cpu", "share in mode user of the CPU time that the hypervisor left: all but steal; missing where that is less than a fifth"),
		share(cpuUserOne, "cpu", "the same of the CPU that has most of it, over 8 readings; on hosts of 2 to 8 CPUs"),
		amount("context_switches", countRate, "cpu", "context switches"),
		amount("interrupts", countRate, "cpu", "interrupts of hardware"),
		amount("softirqs", countRate, "cpu", "software interrupts: network, timers, block I/O"),
		amount("processes_forked", countRate, "process", "processes and threads started"),
		amount("processes_running", count, "process", "tasks running or waiting for a CPU"),
		amount("processes_running_per_cpu", count, "cpu", "tasks running or waiting for a CPU, for each CPU"),
		amount("processes_blocked", count, "process", "tasks blocked on I/O"))
}

// Collect implements Collector.
func (c *CPU) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.proc("stat")
	b, err := c.file.read(path)
	if err != nil {
		return dst, fmt.Errorf("read cpu times: %w", err)
	}
	c.one.turn++
	cpus := -1 // the line of all of them is one, too
	for line := range bytes.Lines(b) {
		name, rest := cutField(bytes.TrimRight(line, "\n"))
		switch {
		case bytes.HasPrefix(name, []byte("cpu")):
			cpus++
			dst = c.cpuLine(now, name, rest, dst)
		case string(name) == "ctxt":
			dst = c.counter(now, "context_switches", name, rest, dst)
		case string(name) == "intr": // the first number is the sum
			dst = c.counter(now, "interrupts", name, rest, dst)
		case string(name) == "softirq":
			dst = c.counter(now, "softirqs", name, rest, dst)
		case string(name) == "processes":
			dst = c.counter(now, "processes_forked", name, rest, dst)
		case string(name) == "procs_running":
			n := len(dst)
			if dst = gauge("processes_running", rest, dst); len(dst) > n && cpus > 0 {
				dst = append(dst, Sample{Metric: "processes_running_per_cpu", Value: dst[n].Value / float64(cpus)})
			}
		case string(name) == "procs_blocked":
			dst = gauge("processes_blocked", rest, dst)
		}
	}
	if most := c.one.most(); most == most {
		dst = append(dst, Sample{Metric: cpuUserOne, Value: most})
	}
	c.times.sweep()
	c.rates.sweep()
	switch {
	case cpus < 0:
		return dst, malformed(path)
	case c.more:
		return dst, &SkippedError{fmt.Sprintf("cores after the first %d have no series of their own", maxCores)}
	}
	return dst, nil
}

// cpuLine adds the shares of one cpu line. The kernel counts guest time in
// user time too (kernel/sched/cputime.c); here each mode is by itself, so that
// the shares add up to 100, as with the CloudWatch agent.
func (c *CPU) cpuLine(now time.Time, name, rest []byte, dst []Sample) []Sample {
	var v [10]uint64
	n := 0
	for ; n < len(v); n++ {
		var field []byte
		field, rest = cutField(rest)
		var ok bool
		if v[n], ok = number(field); !ok {
			break
		}
	}
	if n < 5 { // kernels since 2.6 have at least user … iowait
		return dst
	}
	var d [10]float64
	if _, ok := c.times.delta(name, now, v[:n], d[:n]); !ok {
		return dst
	}
	total := 0.0
	for i := 0; i < min(n, 8); i++ {
		total += d[i]
	}
	if total <= 0 {
		return dst
	}
	if n == len(d) {
		d[0], d[1] = math.Max(0, d[0]-d[8]), math.Max(0, d[1]-d[9])
	}
	target, dims := c.identity(name)
	if target == "?" {
		return dst
	}
	dst = append(dst, Sample{"cpu_usage_active", target, dims, 100 * (total - d[3]) / total})
	for i := 0; i < n; i++ {
		dst = append(dst, Sample{c.mode(i), target, dims, math.Min(100, 100*d[i]/total)})
	}
	switch left := total - d[7]; { // d[7] is 0 where the kernel has no steal
	case target != "":
		c.one.add(target, d[0], left)
	case left > leastLeft*total:
		dst = append(dst, Sample{cpuUserLeft, target, dims, math.Min(100, 100*d[0]/left)})
	}
	return dst
}

func (c *CPU) mode(i int) string {
	m := cpuModes[i]
	full, ok := c.names[m]
	if !ok {
		full = "cpu_usage_" + m
		c.names[m] = full
	}
	return full
}

// identity gives the target and dimensions of a cpu line; "?" for a core
// beyond the bound.
func (c *CPU) identity(name []byte) (string, []Label) {
	if string(name) == "cpu" {
		name = []byte("cpu-total")
	}
	dims, ok := c.dims[string(name)]
	if !ok {
		if len(c.dims) > maxCores {
			c.more = true
			return "?", nil
		}
		dims = []Label{{"cpu", string(name)}}
		c.dims[string(name)] = dims
	}
	if dims[0].Value == "cpu-total" {
		return "", dims
	}
	return dims[0].Value, dims
}

func (c *CPU) counter(now time.Time, metric string, key, rest []byte, dst []Sample) []Sample {
	return appendRate(c.rates, now, metric, key, rest, 1, dst)
}

// appendRate adds scale × the increase per second of the counter in field.
func appendRate(t *tracker, now time.Time, metric string, key, field []byte, scale float64, dst []Sample) []Sample {
	field, _ = cutField(field)
	v, ok := number(field)
	if !ok {
		return dst
	}
	var d [1]float64
	if sec, ok := t.delta(key, now, []uint64{v}, d[:]); ok {
		dst = append(dst, Sample{Metric: metric, Value: scale * d[0] / sec})
	}
	return dst
}

// gauge adds the number in field as it is.
func gauge(metric string, field []byte, dst []Sample) []Sample {
	field, _ = cutField(field)
	if v, ok := number(field); ok {
		dst = append(dst, Sample{Metric: metric, Value: float64(v)})
	}
	return dst
}
