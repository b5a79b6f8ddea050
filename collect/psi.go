package collect

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// PSI reads pressure stall information: the share of time in which some, or
// all, non-idle tasks waited for CPU, I/O or memory, or were held up by interrupts
// (Documentation/accounting/psi.rst).
type PSI struct {
	host  Host
	file  fileReader
	total *tracker
}

// NewPSI makes the collector.
func NewPSI(h Host) *PSI { return &PSI{host: h, total: newTracker(h.gap())} }

// Name implements Collector.
func (c *PSI) Name() string { return "psi" }

var psiResources = []string{"cpu", "io", "memory"}

// Metrics implements Collector.
func (c *PSI) Metrics() []Metric {
	var out []Metric
	for _, r := range psiResources {
		subsystem := map[string]string{"cpu": "cpu", "io": "disk", "memory": "memory"}[r]
		for _, w := range []struct{ name, over string }{{"avg10", "the last 10 s"}, {"avg60", "the last 60 s"}, {"percent", "the last tick"}} {
			out = append(out,
				share("pressure_"+r+"_some_"+w.name, subsystem, "share of time that some task waited for "+r+", over "+w.over),
				share("pressure_"+r+"_full_"+w.name, subsystem, "share of time that all tasks waited for "+r+", over "+w.over))
		}
	}
	return append(out,
		share("pressure_irq_full_avg10", "cpu", "share of time that interrupts held all tasks up, over the last 10 s; kernels since 6.1 built with CONFIG_IRQ_TIME_ACCOUNTING"),
		share("pressure_irq_full_avg60", "cpu", "share of time that interrupts held all tasks up, over the last 60 s"),
		share("pressure_irq_full_percent", "cpu", "share of time that interrupts held all tasks up, over the last tick"))
}

// Collect implements Collector.
func (c *PSI) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	var errs []error
	for _, r := range psiResources {
		path := c.host.proc("pressure/" + r)
		b, err := c.file.read(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		before := len(dst)
		for line := range bytes.Lines(b) {
			dst = c.line(now, r, bytes.TrimSpace(line), dst)
		}
		if len(dst) == before {
			errs = append(errs, malformed(path))
		}
	}
	if b, err := c.file.read(c.host.proc("pressure/irq")); err == nil { // has no "some"
		for line := range bytes.Lines(b) {
			dst = c.line(now, "irq", bytes.TrimSpace(line), dst)
		}
	}
	c.total.sweep()
	if len(errs) == len(psiResources) {
		return dst, source(errs[0], "/proc/pressure is absent: the kernel is older than 4.20 or was started with psi=0")
	}
	return dst, errors.Join(errs...)
}

// line adds what is in "some avg10=0.12 avg60=0.05 avg300=0.01 total=34567";
// the total is in microseconds.
func (c *PSI) line(now time.Time, resource string, line []byte, dst []Sample) []Sample {
	kind, rest := cutField(line)
	if k := string(kind); k != "full" && (k != "some" || resource == "irq") {
		return dst
	}
	metric := "pressure_" + resource + "_" + string(kind)
	for len(rest) > 0 {
		var field []byte
		field, rest = cutField(rest)
		name, value, _ := bytes.Cut(field, []byte("="))
		switch string(name) {
		case "avg10", "avg60":
			if v, ok := decimal(value); ok && v <= 100 {
				dst = append(dst, Sample{Metric: metric + "_" + string(name), Value: v})
			}
		case "total":
			v, ok := number(value)
			if !ok {
				continue
			}
			var d [1]float64
			if sec, ok := c.total.delta([]byte(metric), now, []uint64{v}, d[:]); ok {
				dst = append(dst, Sample{Metric: metric + "_percent", Value: min(100, d[0]/sec/1e4)})
			}
		}
	}
	return dst
}
