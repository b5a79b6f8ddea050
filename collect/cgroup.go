package collect

import (
	"context"
	"path"
	"strings"
	"time"
)

// CgroupConfig is [collect.cgroup].
type CgroupConfig struct {
	Paths []string `toml:"paths"` // below /sys/fs/cgroup, such as "system.slice/nginx.service"; default only the container that the agent is in
}

// maxCgroups bounds the cgroups with series of their own.
const maxCgroups = 64

// Cgroup reads what a cgroup uses of what it may (Documentation/admin-guide/cgroup-v2.rst;
// cgroup-v1/memory.rst, scheduler/sched-bwc.rst). In a container the cgroup of
// the agent itself, with target "container"; on a host only what the
// configuration names. All other collectors read the whole machine, whatever
// the container: this is the only one that speaks of its limits. Readable by all.
type Cgroup struct {
	host  Host
	paths []string
	file  fileReader
	rates *tracker
}

// NewCgroup makes the collector.
func NewCgroup(h Host, cfg CgroupConfig) *Cgroup {
	return &Cgroup{host: h, paths: cfg.Paths, rates: newTracker(h.gap())}
}

// Name implements Collector.
func (c *Cgroup) Name() string { return "cgroup" }

// Metrics implements Collector.
func (c *Cgroup) Metrics() []Metric {
	return []Metric{
		amount("cgroup_cpu_usage", percent, "cpu", "CPU time of the cgroup, 100 = one core"),
		share("cgroup_cpu_throttled_percent", "cpu", "share of scheduling periods in which the cgroup's CPU limit held it up; missing without a limit"),
		amount("cgroup_mem_used", bytesUnit, "memory", "memory of the cgroup without page cache that was not used lately"),
		share("cgroup_mem_used_percent", "memory", "the same as a share of its limit; missing without one"),
		amount("cgroup_oom_kills", countRate, "memory", "processes of the cgroup killed for want of memory"),
		amount("cgroup_pids", count, "process", "processes and threads of the cgroup"),
		share("cgroup_pids_used_percent", "process", "the same as a share of its limit; missing without one"),
		share("cgroup_pressure_cpu_some_avg10", "cpu", "share of time that some task of the cgroup waited for CPU, over the last 10 s"),
		share("cgroup_pressure_io_some_avg10", "disk", "share of time that some task of the cgroup waited for I/O, over the last 10 s"),
		share("cgroup_pressure_memory_some_avg10", "memory", "share of time that some task of the cgroup waited for memory, over the last 10 s"),
	}
}

// Collect implements Collector.
func (c *Cgroup) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	from := len(dst)
	base := c.host.sys("fs/cgroup")
	// In a container /sys/fs/cgroup is its own cgroup: the root of a host has no
	// limit file in version 2, and none that is set in version 1.
	if c.file.word(base+"/memory.max") != "" {
		dst = c.version2(now, base, "container", dst)
	} else if limit, ok := c.file.number(base + "/memory/memory.limit_in_bytes"); ok && limit < 1<<60 {
		dst = c.version1(now, base, "", "container", dst)
	}
	for i, p := range c.paths {
		if i == maxCgroups {
			break
		}
		p = strings.TrimPrefix(path.Clean("/"+p), "/")
		if c.file.text(base+"/"+p+"/cgroup.controllers") != "" {
			dst = c.version2(now, base+"/"+p, p, dst)
		} else {
			dst = c.version1(now, base, p, p, dst)
		}
	}
	c.rates.sweep()
	if len(dst) == from && len(c.rates.prev) == 0 {
		return dst, &SkippedError{"not in a container that has limits, and no cgroup is named in [collect.cgroup]"}
	}
	return dst, nil
}

func (c *Cgroup) version2(now time.Time, dir, target string, dst []Sample) []Sample {
	dims := []Label{{"cgroup", target}}
	stat := c.file.fields(dir+"/cpu.stat", "usage_usec", "nr_periods", "nr_throttled")
	dst = c.cpu(now, target, dims, stat[0], 1e6, stat[1], stat[2], dst)
	inactive := c.file.fields(dir+"/memory.stat", "inactive_file")[0]
	dst = c.memory(target, dims, c.file.maybe(dir+"/memory.current"), inactive, c.file.maybe(dir+"/memory.max"), dst)
	if kills := c.file.fields(dir+"/memory.events", "oom_kill")[0]; kills.ok {
		dst = rateOf(c.rates, now, "cgroup_oom_kills", target, dims, kills.v, dst)
	}
	dst = pids(target, dims, c.file.maybe(dir+"/pids.current"), c.file.maybe(dir+"/pids.max"), dst)
	for _, r := range psiResources {
		line, _, _ := strings.Cut(c.file.text(dir+"/"+r+".pressure"), "\n")
		rest, ok := strings.CutPrefix(line, "some avg10=")
		field, _, _ := strings.Cut(rest, " ")
		if v, isNumber := decimal([]byte(field)); ok && isNumber && v <= 100 {
			dst = append(dst, Sample{"cgroup_pressure_" + r + "_some_avg10", target, dims, v})
		}
	}
	return dst
}

// version1 has a hierarchy for each controller.
func (c *Cgroup) version1(now time.Time, base, p, target string, dst []Sample) []Sample {
	dims := []Label{{"cgroup", target}}
	of := func(controller, file string) string { return path.Join(base, controller, p, file) }
	stat := c.file.fields(of("cpu", "cpu.stat"), "nr_periods", "nr_throttled")
	dst = c.cpu(now, target, dims, c.file.maybe(of("cpuacct", "cpuacct.usage")), 1e9, stat[0], stat[1], dst)
	limit := c.file.maybe(of("memory", "memory.limit_in_bytes"))
	limit.ok = limit.ok && limit.v < 1<<60 // no limit is the greatest page-aligned int64
	inactive := c.file.fields(of("memory", "memory.stat"), "total_inactive_file")[0]
	dst = c.memory(target, dims, c.file.maybe(of("memory", "memory.usage_in_bytes")), inactive, limit, dst)
	if kills := c.file.fields(of("memory", "memory.oom_control"), "oom_kill")[0]; kills.ok {
		dst = rateOf(c.rates, now, "cgroup_oom_kills", target, dims, kills.v, dst)
	}
	return pids(target, dims, c.file.maybe(of("pids", "pids.current")), c.file.maybe(of("pids", "pids.max")), dst)
}

// cpu adds the use of CPU, which is counted in 1/unit seconds, and throttling.
func (c *Cgroup) cpu(now time.Time, target string, dims []Label, usage optional, unit float64, periods, throttled optional, dst []Sample) []Sample {
	var d [2]float64
	if usage.ok {
		if sec, ok := c.rates.delta([]byte("cpu "+target), now, []uint64{usage.v}, d[:1]); ok {
			dst = append(dst, Sample{"cgroup_cpu_usage", target, dims, 100 * d[0] / unit / sec})
		}
	}
	if periods.ok && throttled.ok && periods.v > 0 {
		if _, ok := c.rates.delta([]byte("throttled "+target), now, []uint64{periods.v, throttled.v}, d[:]); ok && d[0] > 0 {
			dst = append(dst, Sample{"cgroup_cpu_throttled_percent", target, dims, min(100, 100*d[1]/d[0])})
		}
	}
	return dst
}

// memory adds the working set, as kubelet counts it.
func (c *Cgroup) memory(target string, dims []Label, used, inactive, limit optional, dst []Sample) []Sample {
	if !used.ok || !inactive.ok || used.v > 1<<60 {
		return dst
	}
	v := float64(used.v - min(used.v, inactive.v))
	dst = append(dst, Sample{"cgroup_mem_used", target, dims, v})
	if limit.ok && limit.v > 0 && v <= float64(limit.v) {
		dst = append(dst, Sample{"cgroup_mem_used_percent", target, dims, 100 * v / float64(limit.v)})
	}
	return dst
}

func pids(target string, dims []Label, now, limit optional, dst []Sample) []Sample {
	if !now.ok || now.v > 1<<40 {
		return dst
	}
	dst = append(dst, Sample{"cgroup_pids", target, dims, float64(now.v)})
	if limit.ok && limit.v > 0 && now.v <= limit.v {
		dst = append(dst, Sample{"cgroup_pids_used_percent", target, dims, 100 * float64(now.v) / float64(limit.v)})
	}
	return dst
}
