package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// meminfo maps the lines of /proc/meminfo that are given as they are, in KiB
// there, to metrics (Documentation/filesystems/proc.rst, meminfo).
var meminfo = []struct{ line, metric, help string }{
	{"MemTotal", "mem_total", "memory in all"},
	{"MemFree", "mem_free", "memory that nothing uses"},
	{"MemAvailable", "mem_available", "memory that can be had without swapping"},
	{"Buffers", "mem_buffered", "memory in block device buffers"},
	{"Cached", "mem_cached", "memory in the page cache"},
	{"Active", "mem_active", "memory used recently"},
	{"Inactive", "mem_inactive", "memory not used recently"},
	{"Dirty", "mem_dirty", "memory waiting to be written to disk"},
	{"Writeback", "mem_write_back", "memory being written to disk"},
	{"Slab", "mem_slab", "memory of kernel structures"},
	{"SUnreclaim", "mem_sunreclaim", "memory of kernel structures that cannot be had back"},
	{"PageTables", "mem_page_tables", "memory of page tables"},
	{"Shmem", "mem_shared", "shared memory and tmpfs"},
	{"CommitLimit", "mem_commit_limit", "memory that could be promised, were vm.overcommit_memory 2"},
	{"Committed_AS", "mem_committed_as", "memory promised to processes"},
	{"SwapTotal", "swap_total", "swap space in all"},
	{"SwapFree", "swap_free", "swap space that nothing uses"},
}

// Mem reads memory and swap from /proc/meminfo and swapping and OOM kills from
// /proc/vmstat. gopsutil's call reads a missing line as zero, so it is only the
// oracle of the tests.
type Mem struct {
	host  Host
	file  fileReader
	rates *tracker
}

// NewMem makes the collector.
func NewMem(h Host) *Mem { return &Mem{host: h, rates: newTracker(h.gap())} }

// Name implements Collector.
func (c *Mem) Name() string { return "mem" }

// Metrics implements Collector.
func (c *Mem) Metrics() []Metric {
	out := []Metric{
		amount("mem_used", bytesUnit, "memory", "memory that is not available"),
		share("mem_used_percent", "memory", "share of memory that is not available"),
		share("mem_available_percent", "memory", "share of memory that can be had without swapping"),
		amount("swap_used", bytesUnit, "memory", "swap space in use"),
		share("swap_used_percent", "memory", "share of swap space in use"),
		amount("swap_in", bytesRate, "memory", "read back from swap"),
		amount("swap_out", bytesRate, "memory", "written to swap"),
		amount("mem_faults", countRate, "memory", "page faults, of any kind"),
		amount("mem_major_faults", countRate, "memory", "page faults that read from disk"),
		amount("mem_reclaim_stalls", countRate, "memory", "allocations that had to wait until memory was taken from others (allocstall)"),
		amount("mem_compact_stalls", countRate, "memory", "allocations that had to wait until memory was moved together"),
		amount("mem_refaults", countRate, "memory", "pages of files read again that were dropped shortly before: the page cache is too small for the work"),
		amount("mem_huge_pages_total", count, "memory", "huge pages set aside; missing where there are none"),
		amount("mem_huge_pages_free", count, "memory", "huge pages set aside that nothing uses"),
		amount("mem_oom_kills", countRate, "memory", "processes killed for want of memory"),
	}
	for _, m := range meminfo {
		out = append(out, amount(m.metric, bytesUnit, "memory", m.help))
	}
	return out
}

// Collect implements Collector.
func (c *Mem) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	dst, errInfo := c.meminfo(dst)
	dst, errStat := c.vmstat(now, dst)
	return dst, errors.Join(errInfo, errStat)
}

func (c *Mem) meminfo(dst []Sample) ([]Sample, error) {
	path := c.host.proc("meminfo")
	b, err := c.file.read(path)
	if err != nil {
		return dst, fmt.Errorf("read memory: %w", err)
	}
	values := map[string]float64{}
	huge, hugeFree := -1.0, -1.0
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		field, _ := cutField(bytes.TrimSpace(rest))
		v, isNumber := number(field)
		if !ok || !isNumber {
			continue
		}
		switch string(name) {
		case "HugePages_Total":
			huge = float64(v)
		case "HugePages_Free":
			hugeFree = float64(v)
		}
		for _, m := range meminfo {
			if m.line == string(name) {
				values[m.metric] = float64(v) * 1024
			}
		}
	}
	for _, m := range meminfo {
		if v, ok := values[m.metric]; ok {
			dst = append(dst, Sample{Metric: m.metric, Value: v})
		}
	}
	if huge > 0 {
		dst = append(dst, Sample{Metric: "mem_huge_pages_total", Value: huge})
		if hugeFree >= 0 && hugeFree <= huge {
			dst = append(dst, Sample{Metric: "mem_huge_pages_free", Value: hugeFree})
		}
	}
	total, okTotal := values["mem_total"]
	available, okAvailable := values["mem_available"]
	if !okTotal || !okAvailable || total <= 0 || available > total {
		return dst, malformed(path)
	}
	dst = append(dst,
		Sample{Metric: "mem_used", Value: total - available},
		Sample{Metric: "mem_used_percent", Value: 100 * (total - available) / total},
		Sample{Metric: "mem_available_percent", Value: 100 * available / total})
	if swap, free := values["swap_total"], values["swap_free"]; swap > 0 && free <= swap {
		dst = append(dst,
			Sample{Metric: "swap_used", Value: swap - free},
			Sample{Metric: "swap_used_percent", Value: 100 * (swap - free) / swap})
	}
	return dst, nil
}

func (c *Mem) vmstat(now time.Time, dst []Sample) ([]Sample, error) {
	page := float64(os.Getpagesize()) // what pswpin and pswpout count
	b, err := c.file.read(c.host.proc("vmstat"))
	if err != nil {
		return dst, fmt.Errorf("read swapping: %w", err)
	}
	var stalls sum
	for line := range bytes.Lines(b) {
		name, rest := cutField(bytes.TrimRight(line, "\n"))
		switch string(name) {
		case "pswpin":
			dst = appendRate(c.rates, now, "swap_in", name, rest, page, dst)
		case "pswpout":
			dst = appendRate(c.rates, now, "swap_out", name, rest, page, dst)
		case "pgfault":
			dst = appendRate(c.rates, now, "mem_faults", name, rest, 1, dst)
		case "pgmajfault":
			dst = appendRate(c.rates, now, "mem_major_faults", name, rest, 1, dst)
		case "oom_kill":
			dst = appendRate(c.rates, now, "mem_oom_kills", name, rest, 1, dst)
		case "compact_stall":
			dst = appendRate(c.rates, now, "mem_compact_stalls", name, rest, 1, dst)
		case "workingset_refault_file", "workingset_refault": // the latter before Linux 5.9
			dst = appendRate(c.rates, now, "mem_refaults", []byte("refault"), rest, 1, dst)
		default:
			if bytes.HasPrefix(name, []byte("allocstall")) { // a line for each zone
				stalls.add(rest)
			}
		}
	}
	dst = stalls.rate(c.rates, now, "mem_reclaim_stalls", dst)
	c.rates.sweep()
	return dst, nil
}

// sum adds up counters of several lines.
type sum struct {
	v    uint64
	n    int
	lost bool
}

func (s *sum) add(field []byte) {
	field, _ = cutField(field)
	v, ok := number(field)
	s.v, s.n, s.lost = s.v+v, s.n+1, s.lost || !ok || s.v+v < v
}

func (s *sum) rate(t *tracker, now time.Time, metric string, dst []Sample) []Sample {
	if s.n == 0 || s.lost {
		return dst
	}
	return rateOf(t, now, metric, "", nil, s.v, dst)
}
