package main

import (
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// How the word to load balancers changes.
const (
	trafficAfter    = 30 * time.Second // a critical must last before the host asks for less
	trafficRecover  = time.Minute      // and be over before it asks for all of it again
	trafficCooldown = 15 * time.Minute // it asks for less at most once in this time
)

// traffic decides whether the host should receive traffic:
//
//	      critical for 30 s, and none in the last 15 min
//	full ───────────────────────────────────────────────▶ less
//	  ▲                                                     │
//	  └────────────────── no critical for 60 s ─────────────┘
//
// It fails open: within the cool-down a second critical changes nothing, so that a
// rule which flaps cannot take a host in and out, and trouble of the agent itself is
// none of the host's. A host that leaves gets none, whatever else.
type traffic struct {
	less    bool
	since   time.Duration // CLOCK_BOOTTIME since when critical is as it is
	bad     bool
	asked   time.Duration // when it last asked for less
	ever    bool
	leaving string // why the host leaves, "" = it stays
}

// judge takes what one tick saw.
func (t *traffic) judge(boot time.Duration, critical bool) {
	if critical != t.bad {
		t.bad, t.since = critical, boot
	}
	lasted := boot - t.since
	switch {
	case !t.less && critical && lasted >= trafficAfter && (!t.ever || boot-t.asked >= trafficCooldown):
		t.less, t.asked, t.ever = true, boot, true
	case t.less && !critical && lasted >= trafficRecover:
		t.less = false
	}
}

// critical reports whether a critical of the host's own fires. Without a list of
// rules all count but those on probes and the name server: what many hosts
// depend on would drain them all.
func critical(firing []detect.RuleStatus, rules []string) bool {
	return slices.ContainsFunc(firing, func(r detect.RuleStatus) bool {
		if r.Severity != alert.Critical {
			return false
		}
		if len(rules) > 0 {
			return slices.ContainsFunc(rules, func(g string) bool { return conf.Glob(g, r.Rule) })
		}
		return !strings.HasPrefix(r.Metric, "probe_") && !strings.HasPrefix(r.Metric, "resolver_")
	})
}

// Traffic implements web.Agent.
func (a *agent) Traffic() (ok bool, word string) {
	tick, _ := a.Progress()
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.traffic.leaving != "":
		return false, a.traffic.leaving
	case !tick:
		return true, "unknown" // the agent's own trouble
	case a.traffic.less:
		return false, "critical"
	}
	return true, "ok"
}
