package term

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/detect"
)

// TestExplainFits 80 columns and 24 lines, whatever names a host has.
func TestExplainFits(t *testing.T) {
	t.Parallel()
	long := alert.Cause{Metric: "disk_inodes_used_percent", Target: "/mnt/" + strings.Repeat("long", 30) + "\x1b[2J", Unit: "Percent", Value: 57, Usual: &alert.Range{Low: 1, High: 2}}
	e := detect.Explanation{State: "ready", Budget: "1 per week", Bound: 8.46, Once: 168, Weekly: 1, Low: 0, High: 311.2, Own: 1.5, Watched: 60, Left: 12}
	for _, name := range []string{"cpu", "memory", "disk", "network", "latency", "process"} {
		e.Areas = append(e.Areas, detect.AreaState{Name: name, Rank: 3.25, By: map[string]alert.Number{"value": 3.25, "ratio": 1, "group": 0.5}})
	}
	e.Areas[2].Firing, e.Areas[2].Drivers = true, []alert.Cause{long, long, long}
	e.Series = []alert.Cause{long}
	got := Style(false).Explain(e)
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if len(lines) > 24 || strings.Contains(got, "\x1b") {
		t.Errorf("%d lines:\n%s", len(lines), got)
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 80 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
	for _, want := range []string{"once in 7 d", "12 more found no room", "rank  3.2", "fires", "usually"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if Style(false).ExplainSeries(e, "disk_inodes_used_percent") == "" || Style(false).ExplainSeries(e, "tea") != "" {
		t.Error("a series is not found, or one that is not there is")
	}
	if off := Style(false).Explain(detect.Explanation{State: "off"}); !strings.Contains(off, "off") {
		t.Error(off)
	}
}
