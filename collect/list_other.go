//go:build !linux

package collect

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
)

// All is the list of collectors where the kernel is not Linux: what gopsutil
// gives, and the resolver.
func All(h Host, _ Config) []Collector {
	times, traffic := newTracker(h.gap()), newTracker(h.gap())
	return []Collector{
		portable{"cpu", []Metric{share("cpu_usage_active", "cpu", "share of time that the CPU was not idle")}, func(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
			t, err := cpu.TimesWithContext(ctx, false)
			if err != nil || len(t) == 0 {
				return dst, err
			}
			idle := t[0].Idle
			busy := t[0].User + t[0].System + t[0].Nice + t[0].Irq + t[0].Softirq + t[0].Iowait
			var d [2]float64
			if _, ok := times.delta([]byte("cpu"), now, []uint64{uint64(busy * 1000), uint64(idle * 1000)}, d[:]); ok && d[0]+d[1] > 0 {
				dst = append(dst, Sample{Metric: "cpu_usage_active", Value: 100 * d[0] / (d[0] + d[1])})
			}
			return dst, nil
		}},
		portable{"load", []Metric{amount("system_load1", count, "cpu", "load average over 1 minute")}, func(ctx context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
			l, err := load.AvgWithContext(ctx)
			if err != nil {
				return dst, err
			}
			return append(dst, Sample{Metric: "system_load1", Value: l.Load1}), nil
		}},
		portable{"mem", []Metric{amount("mem_total", bytesUnit, "memory", "memory in all"), share("mem_available_percent", "memory", "share of memory that can be had without swapping")}, func(ctx context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
			m, err := mem.VirtualMemoryWithContext(ctx)
			if err != nil || m.Total == 0 {
				return dst, err
			}
			return append(dst, Sample{Metric: "mem_total", Value: float64(m.Total)}, Sample{Metric: "mem_available_percent", Value: 100 * float64(m.Available) / float64(m.Total)}), nil
		}},
		portable{"net", []Metric{amount("net_bytes_recv", bytesRate, "network", "bytes received"), amount("net_bytes_sent", bytesRate, "network", "bytes sent")}, func(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
			all, err := net.IOCountersWithContext(ctx, true)
			for _, n := range all {
				dims := []Label{{"interface", n.Name}}
				var d [2]float64
				if sec, ok := traffic.delta([]byte(n.Name), now, []uint64{n.BytesRecv, n.BytesSent}, d[:]); ok {
					dst = append(dst, Sample{"net_bytes_recv", n.Name, dims, d[0] / sec}, Sample{"net_bytes_sent", n.Name, dims, d[1] / sec})
				}
			}
			traffic.sweep()
			return dst, err
		}},
		portable{"disk", []Metric{share("disk_used_percent", "disk", "share of the space that users can have which is in use, as df shows it")}, func(ctx context.Context, _ time.Time, dst []Sample) ([]Sample, error) {
			u, err := disk.UsageWithContext(ctx, "/")
			if err != nil {
				return dst, err
			}
			return append(dst, Sample{"disk_used_percent", "/", []Label{{"path", "/"}}, u.UsedPercent}), nil
		}},
		NewResolver(h),
	}
}

// portable is a collector made of one function.
type portable struct {
	name    string
	metrics []Metric
	collect func(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error)
}

// Name implements Collector.
func (p portable) Name() string { return p.name }

// Metrics implements Collector.
func (p portable) Metrics() []Metric { return p.metrics }

// Collect implements Collector.
func (p portable) Collect(ctx context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	return p.collect(ctx, now, dst)
}
