package collect

import (
	"bytes"
	"context"
	"strconv"
	"time"
)

// Softnet reads how the kernel copes with arriving packets: those dropped
// because a CPU's backlog was full, and turns that ended with work left
// (net/core/net-procfs.c, softnet_seq_show). Whole machine; readable by all.
type Softnet struct {
	host  Host
	file  fileReader
	rates *tracker
}

// NewSoftnet makes the collector.
func NewSoftnet(h Host) *Softnet { return &Softnet{host: h, rates: newTracker(h.gap())} }

// Name implements Collector.
func (c *Softnet) Name() string { return "softnet" }

// Metrics implements Collector.
func (c *Softnet) Metrics() []Metric {
	return []Metric{
		amount("net_softnet_dropped", countRate, "network", "packets dropped because a CPU's backlog was full"),
		amount("net_softnet_squeezed", countRate, "network", "turns of packet processing that ended with work left"),
	}
}

// Collect implements Collector. The columns are hexadecimal, a line for each CPU.
func (c *Softnet) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.net("softnet_stat")
	b, err := c.file.read(path)
	if err != nil {
		return dst, source(err, "")
	}
	var sum [2]uint64
	lines := 0
	for line := range bytes.Lines(b) {
		_, rest := cutField(bytes.TrimRight(line, "\n"))
		dropped, rest := cutField(rest)
		squeezed, _ := cutField(rest)
		d, err1 := strconv.ParseUint(string(dropped), 16, 32)
		s, err2 := strconv.ParseUint(string(squeezed), 16, 32)
		if err1 != nil || err2 != nil {
			return dst, malformed(path)
		}
		sum[0], sum[1], lines = sum[0]+d, sum[1]+s, lines+1
	}
	if lines == 0 {
		return dst, malformed(path)
	}
	dst = rateOf(c.rates, now, "net_softnet_dropped", "", nil, sum[0], dst)
	dst = rateOf(c.rates, now, "net_softnet_squeezed", "", nil, sum[1], dst)
	c.rates.sweep()
	return dst, nil
}
