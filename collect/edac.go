package collect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxParts bounds the parts of a host of one kind: sensors, memory controllers.
const maxParts = 128

// EDAC reads the memory controllers' counts of errors every 10 s
// (Documentation/admin-guide/ras.rst). Readable by all.
type EDAC struct {
	host  Host
	file  fileReader
	slow  held
	rates *tracker
}

// NewEDAC makes the collector.
func NewEDAC(h Host) *EDAC { return &EDAC{host: h, rates: newTracker(slowGap)} }

// Name implements Collector.
func (c *EDAC) Name() string { return "edac" }

// Metrics implements Collector.
func (c *EDAC) Metrics() []Metric {
	return []Metric{
		amount("edac_corrected_errors", countRate, "memory", "memory errors that were corrected; many on one controller announce a bad module"),
		amount("edac_uncorrected_errors", countRate, "memory", "memory errors that could not be corrected"),
	}
}

// Collect implements Collector.
func (c *EDAC) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(now, dst, func(dst []Sample) ([]Sample, error) { return c.pass(now, dst) })
}

func (c *EDAC) pass(now time.Time, dst []Sample) ([]Sample, error) {
	dir := c.host.sys("devices/system/edac/mc")
	names, err := folder(dir, "mc", maxParts)
	if err != nil {
		return dst, err
	}
	n := 0
	for _, name := range names {
		dims := []Label{{"controller", name}}
		for _, m := range []struct{ file, metric string }{{"ce_count", "edac_corrected_errors"}, {"ue_count", "edac_uncorrected_errors"}} {
			if v, ok := c.file.number(dir + "/" + name + "/" + m.file); ok {
				n++
				dst = rateOf(c.rates, now, m.metric, name, dims, v, dst)
			}
		}
	}
	c.rates.sweep()
	if n == 0 {
		return dst, &SkippedError{"no memory controller reports its errors (EDAC)"}
	}
	return dst, nil
}

// folder lists what begins with prefix in a folder, sorted, at most limit. A
// folder that is absent is empty; any other trouble is an error.
func folder(dir, prefix string, limit int) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, ifPresent(err)
	}
	var out []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && len(out) < limit {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// ifPresent is err, unless it says that something is absent.
func ifPresent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return err
}

// rateOf adds the increase per second of a counter of a target.
func rateOf(t *tracker, now time.Time, metric, target string, dims []Label, v uint64, dst []Sample) []Sample {
	var d [1]float64
	if sec, ok := t.delta([]byte(metric+" "+target), now, []uint64{v}, d[:]); ok {
		dst = append(dst, Sample{metric, target, dims, d[0] / sec})
	}
	return dst
}
