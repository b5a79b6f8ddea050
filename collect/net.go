package collect

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// NetConfig is [collect.net].
type NetConfig struct {
	Ignore []string `toml:"ignore"` // interfaces, with * as wildcard; default lo, veth*, cali*, cni*
}

// maxInterfaces bounds the interfaces with series of their own.
const maxInterfaces = 2000

// Net reads the traffic of each network interface, as rates, from
// /proc/net/dev. gopsutil panics where that file is empty, so it is only the
// oracle of the tests.
type Net struct {
	host   Host
	file   fileReader
	ignore []string
	times  *tracker
	dims   map[string][]Label
}

// NewNet makes the collector.
func NewNet(h Host, cfg NetConfig) *Net {
	ignore := cfg.Ignore
	if ignore == nil {
		ignore = []string{"lo", "veth*", "cali*", "cni*"}
	}
	return &Net{host: h, ignore: ignore, times: newTracker(h.gap()), dims: map[string][]Label{}}
}

// Name implements Collector.
func (c *Net) Name() string { return "net" }

var netMetrics = []struct{ name, unit, help string }{
	{"net_bytes_recv", bytesRate, "bytes received"},
	{"net_bytes_sent", bytesRate, "bytes sent"},
	{"net_packets_recv", countRate, "packets received"},
	{"net_packets_sent", countRate, "packets sent"},
	{"net_err_in", countRate, "receive errors"},
	{"net_err_out", countRate, "send errors"},
	{"net_drop_in", countRate, "received packets dropped"},
	{"net_drop_out", countRate, "packets to send dropped"},
}

// Metrics implements Collector.
func (c *Net) Metrics() []Metric {
	var out []Metric
	for _, m := range netMetrics {
		out = append(out, amount(m.name, m.unit, "network", m.help))
	}
	return out
}

// Collect implements Collector.
func (c *Net) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.net("dev")
	b, err := c.file.read(path)
	if err != nil {
		return dst, source(fmt.Errorf("read interfaces: %w", err), "")
	}
	sound := 0
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		v, isSound := netColumns(rest)
		if !ok || !isSound || len(name) == 0 {
			continue
		}
		if sound++; sound <= maxInterfaces {
			dst = c.device(now, name, v[:], dst)
		}
	}
	c.times.sweep()
	if sound == 0 {
		return dst, malformed(path)
	}
	return dst, nil
}

// netColumns picks the columns of a line of /proc/net/dev that netMetrics
// names, in that order.
func netColumns(rest []byte) (v [8]uint64, ok bool) {
	f := bytes.Fields(rest)
	if len(f) < 16 {
		return v, false
	}
	for i, column := range [8]int{0, 8, 1, 9, 2, 10, 3, 11} {
		if v[i], ok = number(f[column]); !ok {
			return v, false
		}
	}
	return v, true
}

func (c *Net) device(now time.Time, name []byte, v []uint64, dst []Sample) []Sample {
	dims, known := c.dims[string(name)]
	if !known {
		n := string(name)
		if !c.ignored(n) {
			dims = []Label{{"interface", n}}
		}
		if len(c.dims) < maxInterfaces {
			c.dims[n] = dims
		}
	}
	var d [8]float64
	if dims == nil {
		return dst
	}
	if sec, ok := c.times.delta(name, now, v, d[:]); ok {
		for i, m := range netMetrics {
			dst = append(dst, Sample{m.name, dims[0].Value, dims, d[i] / sec})
		}
	}
	return dst
}

func (c *Net) ignored(name string) bool {
	for _, pattern := range c.ignore {
		if ok, err := filepath.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}
