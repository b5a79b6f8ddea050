package collect

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// RunQueue reads how long tasks waited for a CPU once they were ready to run,
// from /proc/schedstat (Documentation/scheduler/sched-stats.rst).
type RunQueue struct {
	host  Host
	file  fileReader
	times *tracker
}

// NewRunQueue makes the collector.
func NewRunQueue(h Host) *RunQueue { return &RunQueue{host: h, times: newTracker(h.gap())} }

// Name implements Collector.
func (c *RunQueue) Name() string { return "runqueue" }

// Metrics implements Collector.
func (c *RunQueue) Metrics() []Metric {
	return []Metric{amount("cpu_runqueue_wait", milliseconds, "latency", "mean time that a task waited for a CPU before each of its turns")}
}

// Collect implements Collector. It adds up the last but two and last columns
// of each cpu line: nanoseconds waited, and turns.
func (c *RunQueue) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.proc("schedstat")
	b, err := c.file.read(path)
	if err != nil {
		return dst, source(err, "/proc/schedstat is absent: the kernel was built without CONFIG_SCHEDSTATS")
	}
	var waited, turns uint64
	lines := 0
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte("cpu")) {
			continue
		}
		f := bytes.Fields(line)
		if len(f) < 10 {
			continue
		}
		w, ok1 := number(f[8])
		n, ok2 := number(f[9])
		if !ok1 || !ok2 {
			continue
		}
		waited, turns, lines = waited+w, turns+n, lines+1
	}
	if lines == 0 {
		return dst, malformed(path)
	}
	var d [2]float64
	_, ok := c.times.delta([]byte("cpu"), now, []uint64{waited, turns}, d[:])
	c.times.sweep()
	if ok && d[1] > 0 {
		dst = append(dst, Sample{Metric: "cpu_runqueue_wait", Value: d[0] / d[1] / 1e6})
	}
	return dst, nil
}

// Limits reads how much of the kernel's bounded tables is used: open files,
// threads, and tracked connections where conntrack is loaded.
type Limits struct {
	host Host
	file fileReader
}

// NewLimits makes the collector.
func NewLimits(h Host) *Limits { return &Limits{host: h} }

// Name implements Collector.
func (c *Limits) Name() string { return "limits" }

// Metrics implements Collector.
func (c *Limits) Metrics() []Metric {
	return []Metric{
		amount("fd_open", count, "process", "open files of the whole host"),
		share("fd_used_percent", "process", "share of fs.file-max that is open"),
		amount("conntrack_count", count, "network", "tracked connections"),
		share("conntrack_used_percent", "network", "share of nf_conntrack_max in use"),
		share("processes_threads_used_percent", "process", "share of the threads that kernel.threads-max and kernel.pid_max allow which exist"),
		amount("kernel_entropy_avail", count, "cpu", "bits of entropy that the kernel has; always 256 since Linux 5.18"),
	}
}

// Collect implements Collector.
func (c *Limits) Collect(_ context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
	var errs []error
	b, err := c.file.read(c.host.proc("sys/fs/file-nr"))
	if err != nil {
		errs = append(errs, source(err, "")) // the columns: allocated, free (always 0), maximum
	} else if f := bytes.Fields(b); len(f) == 3 {
		dst = used("fd_open", "fd_used_percent", f[0], f[2], dst)
	} else {
		errs = append(errs, malformed(c.host.proc("sys/fs/file-nr")))
	}
	now, errNow := c.one("sys/net/netfilter/nf_conntrack_count")
	limit, errMax := c.one("sys/net/netfilter/nf_conntrack_max")
	if errNow == nil && errMax == nil { // absent where nothing tracks connections: nothing to say
		dst = used("conntrack_count", "conntrack_used_percent", now, limit, dst)
	}
	return c.threads(dst), errors.Join(errs...)
}

// threads adds how near the host is to the end of its threads, and entropy.
func (c *Limits) threads(dst []Sample) []Sample {
	most := c.file.maybe(c.host.proc("sys/kernel/threads-max"))
	pids := c.file.maybe(c.host.proc("sys/kernel/pid_max"))
	_, rest, _ := bytes.Cut([]byte(c.file.text(c.host.proc("loadavg"))), []byte("/"))
	field, _ := cutField(rest)
	if n, ok := number(field); ok && most.ok && pids.ok {
		if limit := min(most.v, pids.v); limit > 0 && n <= limit {
			dst = append(dst, Sample{Metric: "processes_threads_used_percent", Value: 100 * float64(n) / float64(limit)})
		}
	}
	if v, ok := c.file.number(c.host.proc("sys/kernel/random/entropy_avail")); ok {
		dst = append(dst, Sample{Metric: "kernel_entropy_avail", Value: float64(v)})
	}
	return dst
}

func (c *Limits) one(name string) ([]byte, error) {
	b, err := c.file.read(c.host.proc(name))
	return bytes.Clone(bytes.TrimSpace(b)), err
}

// used adds a count and its share of a limit.
func used(metric, percentMetric string, now, limit []byte, dst []Sample) []Sample {
	n, ok := number(now)
	if !ok {
		return dst
	}
	dst = append(dst, Sample{Metric: metric, Value: float64(n)})
	if m, ok := number(limit); ok && m > 0 && n <= m {
		dst = append(dst, Sample{Metric: percentMetric, Value: 100 * float64(n) / float64(m)})
	}
	return dst
}
