package collect

import (
	"context"
	"math"
	"time"
)

// Metric describes one kind of measurement: what it is called, in which unit,
// and what values are possible.
type Metric struct {
	Name      string  // CloudWatch agent / Telegraf name, for example "cpu_usage_active"
	Unit      string  // CloudWatch unit: Percent, Bytes, Bytes/Second, Count, Count/Second, Milliseconds, Seconds, None
	Subsystem string  // cpu, memory, disk, network, latency, process or agent
	Help      string  // one line for people
	Min, Max  float64 // known bounds of a value; NaN = no known bound
}

// Label is one name and value, such as {"device", "sda"}.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Sample is one reading of one metric. Target is the identity within the
// metric (mount point, device, interface, probe); "" is the host itself.
// (Metric, Target) is unique within a Frame. Dims are extra dimensions, sorted
// by name; they describe a target and never distinguish two series.
type Sample struct {
	Metric string
	Target string
	Dims   []Label
	Value  float64 // rounded to float32 by Set; NaN and Inf never appear in a Frame
}

// Frame is everything read in one tick.
//
// Elapsed is CLOCK_BOOTTIME since the previous frame (0 for the first one), so
// that a suspend or a stopped process shows as a gap; windows, rates and
// cool-downs count Elapsed. Time is the wall clock, for people, calendars and
// expiry only. Errors holds the reason for each collector that gave nothing or
// only a part, by collector name.
type Frame struct {
	Time    time.Time
	Elapsed time.Duration
	Samples []Sample
	Errors  map[string]string
}

// Collector reads one part of the host.
//
// Collect appends its samples to dst and returns the extended slice. A reading
// that is missing is left out, never reported as zero; with a partial failure
// it returns what it has and an error that says what is missing. Rates are
// taken over the difference of now to the previous call. It is never called
// again before the previous call returned, and a call that overran its
// deadline keeps its dst: the Set does not touch that slice again.
type Collector interface {
	Name() string
	Metrics() []Metric
	Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error)
}

// Recorder takes every Frame without blocking: the history, the CloudWatch
// metric publisher, /metrics. The frame and its slices are shared and must not
// be changed.
type Recorder interface {
	Record(Frame)
}

// Unbounded is the value of Metric.Min or Metric.Max where no bound is known.
var Unbounded = math.NaN()

// Round rounds a reading to float32 precision. It is applied once, at the edge
// (by Set), so that live detection, history and replay see the same bits.
func Round(v float64) float64 { return float64(float32(v)) }
