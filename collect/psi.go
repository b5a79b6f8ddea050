package collect

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// PSI reads pressure stall information: the share of time in which some, or
// all, non-idle tasks waited for CPU, I/O or memory
// (Documentation/accounting/psi.rst).
type PSI struct {
	host Host
	file fileReader
}

// NewPSI makes the collector.
func NewPSI(h Host) *PSI { return &PSI{host: h} }

// Name implements Collector.
func (c *PSI) Name() string { return "psi" }

var psiResources = []string{"cpu", "io", "memory"}

// Metrics implements Collector.
func (c *PSI) Metrics() []Metric {
	var out []Metric
	for _, r := range psiResources {
		subsystem := map[string]string{"cpu": "cpu", "io": "disk", "memory": "memory"}[r]
		for _, window := range []string{"avg10", "avg60"} {
			out = append(out,
				share("pressure_"+r+"_some_"+window, subsystem, "share of time that some task waited for "+r+", "+window[3:]+" s"),
				share("pressure_"+r+"_full_"+window, subsystem, "share of time that all tasks waited for "+r+", "+window[3:]+" s"))
		}
	}
	return out
}

// Collect implements Collector.
func (c *PSI) Collect(_ context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
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
			dst = psiLine(r, bytes.TrimSpace(line), dst)
		}
		if len(dst) == before {
			errs = append(errs, malformed(path))
		}
	}
	if len(errs) == len(psiResources) {
		return dst, source(errs[0], "/proc/pressure is absent: the kernel is older than 4.20 or was started with psi=0")
	}
	return dst, errors.Join(errs...)
}

// psiLine adds "some avg10=0.12 avg60=0.05 avg300=0.01 total=34567".
func psiLine(resource string, line []byte, dst []Sample) []Sample {
	kind, rest := cutField(line)
	if k := string(kind); k != "some" && k != "full" {
		return dst
	}
	for len(rest) > 0 {
		var field []byte
		field, rest = cutField(rest)
		name, value, _ := bytes.Cut(field, []byte("="))
		if n := string(name); n == "avg10" || n == "avg60" {
			if v, ok := decimal(value); ok && v <= 100 {
				dst = append(dst, Sample{Metric: "pressure_" + resource + "_" + string(kind) + "_" + n, Value: v})
			}
		}
	}
	return dst
}
