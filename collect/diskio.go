package collect

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// maxDevices bounds the block devices with series of their own.
const maxDevices = 500

// DiskIOConfig is [collect.diskio].
type DiskIOConfig struct {
	Partitions bool `toml:"partitions"` // series for partitions too; default only whole devices
}

// DiskIO reads /proc/diskstats: rates, latency (await) and utilisation of each
// whole disk, device mapper volume and RAID (Documentation/admin-guide/iostats.rst).
type DiskIO struct {
	host  Host
	cfg   DiskIOConfig
	file  fileReader
	times *tracker
	dims  map[string][]Label // nil value: a partition, a loop or RAM device
}

// NewDiskIO makes the collector.
func NewDiskIO(h Host, cfg DiskIOConfig) *DiskIO {
	return &DiskIO{host: h, cfg: cfg, times: newTracker(h.gap()), dims: map[string][]Label{}}
}

// Name implements Collector.
func (c *DiskIO) Name() string { return "diskio" }

// Metrics implements Collector.
func (c *DiskIO) Metrics() []Metric {
	return []Metric{
		amount("diskio_reads", countRate, "disk", "reads completed"),
		amount("diskio_writes", countRate, "disk", "writes completed"),
		amount("diskio_read_bytes", bytesRate, "disk", "bytes read"),
		amount("diskio_write_bytes", bytesRate, "disk", "bytes written"),
		amount("diskio_read_await", milliseconds, "disk", "mean time of a read, queueing included; missing where none completed"),
		amount("diskio_write_await", milliseconds, "disk", "mean time of a write, queueing included; missing where none completed"),
		amount("diskio_await", milliseconds, "disk", "mean time of a read or write, queueing included; missing where none completed"),
		share("diskio_util", "disk", "share of time that the device had requests in flight"),
		amount("diskio_iops_in_progress", count, "disk", "requests in flight"),
		amount("diskio_queue_length", count, "disk", "mean requests in flight"),
	}
}

// The columns of a diskstats line after the device's name.
const (
	ioReads = iota
	_
	ioReadSectors
	ioReadMS
	ioWrites
	_
	ioWriteSectors
	ioWriteMS
	ioInFlight
	ioBusyMS
	ioWeightedMS
	ioColumns
)

// sector is the unit of diskstats, whatever the device's own block is.
const sector = 512

// Collect implements Collector.
func (c *DiskIO) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	path := c.host.proc("diskstats")
	b, err := c.file.read(path)
	if err != nil {
		return dst, source(fmt.Errorf("read disk I/O: %w", err), "")
	}
	lines, sound := 0, 0
	for line := range bytes.Lines(b) {
		lines++
		var ok bool
		if dst, ok = c.line(now, bytes.TrimRight(line, "\n"), dst); ok {
			sound++
		}
	}
	c.times.sweep()
	switch {
	case lines == 0:
		return dst, &SkippedError{path + " lists no device"}
	case sound == 0:
		return dst, malformed(path)
	}
	return dst, nil
}

// line adds the samples of one device; ok is false for a line of another form.
func (c *DiskIO) line(now time.Time, line []byte, dst []Sample) ([]Sample, bool) {
	_, rest := cutField(line)
	_, rest = cutField(rest)
	name, rest := cutField(rest)
	var v [ioColumns]uint64
	for i := range v {
		var field []byte
		field, rest = cutField(rest)
		var ok bool
		if v[i], ok = number(field); !ok {
			return dst, false
		}
	}
	dims := c.device(name)
	if dims == nil {
		return dst, true
	}
	target := dims[0].Value
	inFlight := v[ioInFlight]
	v[ioInFlight] = 0 // a gauge among the counters
	var d [ioColumns]float64
	sec, ok := c.times.delta(name, now, v[:], d[:])
	dst = append(dst, Sample{"diskio_iops_in_progress", target, dims, float64(inFlight)})
	if !ok {
		return dst, true
	}
	dst = append(dst,
		Sample{"diskio_reads", target, dims, d[ioReads] / sec},
		Sample{"diskio_writes", target, dims, d[ioWrites] / sec},
		Sample{"diskio_read_bytes", target, dims, sector * d[ioReadSectors] / sec},
		Sample{"diskio_write_bytes", target, dims, sector * d[ioWriteSectors] / sec},
		Sample{"diskio_util", target, dims, math.Min(100, d[ioBusyMS]/sec/10)},
		Sample{"diskio_queue_length", target, dims, d[ioWeightedMS] / sec / 1000})
	for _, a := range []struct {
		metric  string
		ms, ops float64
	}{
		{"diskio_read_await", d[ioReadMS], d[ioReads]},
		{"diskio_write_await", d[ioWriteMS], d[ioWrites]},
		{"diskio_await", d[ioReadMS] + d[ioWriteMS], d[ioReads] + d[ioWrites]},
	} {
		if a.ops > 0 {
			dst = append(dst, Sample{a.metric, target, dims, a.ms / a.ops})
		}
	}
	return dst, true
}

// device gives the dimensions of a device worth watching, nil for others.
// Partitions have no folder in /sys/block; without /sys all devices count.
func (c *DiskIO) device(name []byte) []Label {
	dims, known := c.dims[string(name)]
	if known || len(c.dims) >= maxDevices {
		return dims
	}
	n := string(name)
	for _, p := range []string{"loop", "ram", "zram", "sr", "fd"} {
		if bytes.HasPrefix(name, []byte(p)) {
			c.dims[n] = nil
			return nil
		}
	}
	if _, err := os.Stat(c.host.Sys + "/block"); err == nil && !c.cfg.Partitions {
		if _, err := os.Stat(c.host.Sys + "/block/" + strings.ReplaceAll(n, "/", "!")); err != nil { // cciss/c0d0 is cciss!c0d0 there
			c.dims[n] = nil
			return nil
		}
	}
	c.dims[n] = []Label{{"name", n}}
	return c.dims[n]
}
