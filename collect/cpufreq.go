package collect

import (
	"context"
	"time"
)

// CPUFreq reads every 10 s how fast the cores run and how often heat slowed
// them down (Documentation/admin-guide/pm/cpufreq.rst; thermal_throttle is
// x86's). Readable by all; absent in most virtual machines.
type CPUFreq struct {
	host  Host
	file  fileReader
	slow  held
	rates *tracker
}

// NewCPUFreq makes the collector.
func NewCPUFreq(h Host) *CPUFreq { return &CPUFreq{host: h, rates: newTracker(slowGap)} }

// Name implements Collector.
func (c *CPUFreq) Name() string { return "cpufreq" }

// Metrics implements Collector.
func (c *CPUFreq) Metrics() []Metric {
	return []Metric{
		amount("cpu_frequency_mhz", "None", "cpu", "mean frequency of the cores, in MHz"),
		amount("cpu_thermal_throttles", countRate, "cpu", "times that a core slowed down because it was too hot"),
	}
}

// Collect implements Collector.
func (c *CPUFreq) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return c.slow.get(now, dst, func(dst []Sample) ([]Sample, error) { return c.pass(now, dst) })
}

func (c *CPUFreq) pass(now time.Time, dst []Sample) ([]Sample, error) {
	base := c.host.sys("devices/system/cpu")
	var sum, throttles uint64
	cores, counted := 0, 0
	names, err := folder(base, "cpu", maxCores+8) // cpufreq and cpuidle are there too
	if err != nil {
		return dst, err
	}
	for _, core := range names {
		if v, ok := c.file.number(base + "/" + core + "/cpufreq/scaling_cur_freq"); ok && v > 0 && v < 100e6 {
			sum, cores = sum+v, cores+1 // kHz
		}
		if v, ok := c.file.number(base + "/" + core + "/thermal_throttle/core_throttle_count"); ok && v < 1<<40 {
			throttles, counted = throttles+v, counted+1
		}
	}
	if cores > 0 {
		dst = append(dst, Sample{Metric: "cpu_frequency_mhz", Value: float64(sum) / float64(cores) / 1000})
	}
	if counted > 0 {
		dst = rateOf(c.rates, now, "cpu_thermal_throttles", "", nil, throttles, dst)
	}
	c.rates.sweep()
	if cores+counted == 0 {
		return dst, &SkippedError{"the cores' frequency is not shown: usual for a virtual machine"}
	}
	return dst, nil
}
