package collect

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// Load reads the load averages: tasks running, waiting for a CPU or in
// uninterruptible sleep, over 1, 5 and 15 minutes. gopsutil panics where the
// file is empty and falls back to another host's where it is missing, so it is
// only the oracle of the tests.
type Load struct {
	host Host
	file fileReader
}

// NewLoad makes the collector.
func NewLoad(h Host) *Load { return &Load{host: h} }

// Name implements Collector.
func (c *Load) Name() string { return "load" }

// Metrics implements Collector.
func (c *Load) Metrics() []Metric {
	return []Metric{
		amount("system_load1", count, "cpu", "load average over 1 minute"),
		amount("system_load5", count, "cpu", "load average over 5 minutes"),
		amount("system_load15", count, "cpu", "load average over 15 minutes"),
		amount("processes_total_threads", count, "process", "threads of the whole machine, the kernel's own among them"),
	}
}

// Collect implements Collector.
func (c *Load) Collect(_ context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.proc("loadavg")
	b, err := c.file.read(path)
	if err != nil {
		return dst, fmt.Errorf("read load: %w", err)
	}
	var avg [3]float64
	for i := range avg {
		var field []byte
		field, b = cutField(b)
		var ok bool
		if avg[i], ok = decimal(field); !ok {
			return dst, malformed(path)
		}
	}
	dst = append(dst,
		Sample{Metric: "system_load1", Value: avg[0]},
		Sample{Metric: "system_load5", Value: avg[1]},
		Sample{Metric: "system_load15", Value: avg[2]})
	tasks, _ := cutField(b) // runnable/existing (proc_loadavg(5))
	if _, threads, ok := bytes.Cut(tasks, []byte("/")); ok {
		dst = gauge("processes_total_threads", threads, dst)
	}
	return dst, nil
}
