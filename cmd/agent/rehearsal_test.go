package main

import (
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/collect"
)

func quietHost(cpu, available, diskFree float64) collect.Frame {
	return collect.Frame{Samples: []collect.Sample{{Metric: "cpu_usage_active", Value: cpu}, {Metric: "mem_available_percent", Value: available}, {Metric: "mem_used", Value: 1 << 30},
		{Metric: "disk_used", Target: "/", Value: 1}, {Metric: "disk_used", Target: "/var", Value: 5 << 30}, {Metric: "disk_free", Target: "/var", Value: diskFree}}}
}

// TestDrillRule: what a drill takes is bounded and enough to break its rule;
// a loaded host is refused.
func TestDrillRule(t *testing.T) {
	t.Parallel()
	quiet := quietHost(10, 50, 4<<30)
	for _, c := range []struct {
		kind      string
		frame     collect.Frame
		bytes     int64
		most      int64
		threshold float64
		target    string
		refused   string
	}{
		{"cpu", quiet, 0, 0, 80, "", ""},
		{"cpu", quietHost(61, 50, 4<<30), 0, 0, 0, "", "loaded"},
		{"memory", quiet, 256 << 20, 256 << 20, 1<<30 + 128<<20, "", ""},
		{"memory", quietHost(10, 19, 4<<30), 0, 0, 0, "", "loaded"},
		{"memory", quietHost(10, 99, 4<<30), maxTaken, 99 << 28, 1<<30 + maxTaken/2, "", ""},
		{"disk", quiet, maxTaken, 1 << 30, 5<<30 + maxTaken/2, "/var", ""},
		{"disk", quietHost(10, 50, 1<<30), 256 << 20, 256 << 20, 5<<30 + 128<<20, "/var", ""},
		{"disk", quietHost(10, 50, 1<<30-1), 0, 0, 0, "", "less than 1 GiB"},
		{"sink", quietHost(99, 1, 0), 0, 0, 0, "", ""},
		{"sink", collect.Frame{}, 0, 0, 0, "", ""},
		{"cpu", collect.Frame{}, 0, 0, 0, "", "not measured"},
		{"probe", quiet, 0, 0, 500, drillTarget, ""},
		{"probe", quietHost(96, 50, 4<<30), 0, 0, 0, "", "loaded"},
		{"fire", quiet, 0, 0, 0, "", "one of cpu, memory, disk, probe, sink"},
	} {
		rule, d, err := drillRule(c.kind, c.frame, "/var/lib/firewatch")
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: error %v, want %q", c.kind, err, c.refused)
			}
			continue
		}
		if err != nil || d.Bytes != c.bytes || d.Most != c.most || *rule.Threshold != c.threshold || rule.Target != c.target {
			t.Errorf("%s: takes %d bytes, at most %d, rule above %v on %q, error %v; want %d, %d, %v, %q", c.kind, d.Bytes, d.Most, *rule.Threshold, rule.Target, err, c.bytes, c.most, c.threshold, c.target)
		}
	}
}
