package main

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/detect"
)

// TestTraffic drives the state machine by seconds: B = a critical fires, g = none.
func TestTraffic(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string // letter × seconds
		spans   []int
		less    []bool // after each span
	}{
		"a short critical changes nothing":          {"gBg", []int{10, 29, 100}, []bool{false, false, false}},
		"one that lasts does, and is over for long": {"gBgg", []int{10, 32, 58, 5}, []bool{false, true, true, false}},
		"a dip does not end it":                     {"BgBg", []int{40, 30, 5, 50}, []bool{true, true, true, true}},
		"once per cool-down":                        {"BgBgB", []int{40, 70, 300, 500, 60}, []bool{true, false, false, false, true}},
	} {
		tr, boot := traffic{}, time.Hour
		for i, letter := range c.pattern {
			for range c.spans[i] {
				boot += time.Second
				tr.judge(boot, letter == 'B')
			}
			if tr.less != c.less[i] {
				t.Errorf("%s: after span %d less is %v", name, i+1, tr.less)
			}
		}
	}
}

func TestCriticalOfTheHost(t *testing.T) {
	status := func(rule, metric string, s alert.Severity) []detect.RuleStatus {
		return []detect.RuleStatus{{Rule: rule, Metric: metric, Severity: s, State: "firing"}}
	}
	for _, c := range []struct {
		firing []detect.RuleStatus
		rules  []string
		want   bool
	}{
		{status("memory-low", "mem_available_percent", alert.Critical), nil, true},
		{status("memory-low", "mem_available_percent", alert.Warning), nil, false},
		{status("probe-failing", "probe_success", alert.Critical), nil, false}, // a shared dependency
		{status("probe-failing", "probe_success", alert.Critical), []string{"probe-*"}, true},
		{status("memory-low", "mem_available_percent", alert.Critical), []string{"disk-*"}, false},
	} {
		if got := critical(c.firing, c.rules); got != c.want {
			t.Errorf("%v by %v: %v", c.firing, c.rules, got)
		}
	}
}
