package collect

import (
	"context"
	"time"
)

// Clock reads the kernel's clock discipline every 10 s: how far the clock is
// off and whether anything keeps it (adjtimex(2) with no mode set). It needs no
// privilege, but systemd's ProtectClock= refuses the call whatever its mode.
type Clock struct {
	local bool
	slow  held
	read  func() (clockState, error)
}

// clockState is what adjtimex says, in milliseconds.
type clockState struct {
	offset, maxError float64
	synchronized     bool
}

// NewClock makes the collector.
func NewClock(h Host) *Clock { return &Clock{local: h.local, read: adjtimex} }

// Name implements Collector.
func (c *Clock) Name() string { return "clock" }

// Metrics implements Collector.
func (c *Clock) Metrics() []Metric {
	return []Metric{
		{"ntp_offset", milliseconds, "latency", "by how much the clock is still to be corrected, as the kernel was told; negative = the clock is ahead", Unbounded, Unbounded},
		amount("ntp_max_error", milliseconds, "latency", "how far the clock may be off at most; it grows by 0.5 ms a second while nothing keeps it"),
		{"ntp_synchronized", "None", "latency", "1 where something keeps the clock (NTP, PTP, the hypervisor), as timedatectl says; else 0", 0, 1},
	}
}

// Collect implements Collector.
func (c *Clock) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	if !c.local {
		return dst, &SkippedError{"the clock of another host"}
	}
	return c.slow.get(now, dst, func(dst []Sample) ([]Sample, error) {
		st, err := c.read()
		if err != nil {
			return dst, err
		}
		return append(dst,
			Sample{Metric: "ntp_offset", Value: st.offset},
			Sample{Metric: "ntp_max_error", Value: st.maxError},
			Sample{Metric: "ntp_synchronized", Value: flag(st.synchronized)}), nil
	})
}

// flag is 1 for true.
func flag(v bool) float64 {
	if v {
		return 1
	}
	return 0
}
