package main

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/awsclient"
)

// When a host asks its Auto Scaling group to be replaced.
const (
	unhealthyAfter  = 10 * time.Minute // a critical must be seen for so long
	unhealthyEvery  = 24 * time.Hour   // it is asked for at most once in this time, restarts included
	unhealthyGap    = 5 * time.Second  // a longer gap between ticks is the agent's trouble, and starts afresh
	unhealthyWithin = 10 * time.Second // for the request
)

// unhealthy decides when a critical has lasted so long that the host had better be
// replaced. It counts only what ticks saw: a suspend, a late agent or readings that
// are missing are none of the host's illness.
type unhealthy struct {
	seen time.Duration // for how long ticks saw a critical without a break
	last time.Duration // CLOCK_BOOTTIME of the last tick
	bad  bool          // it saw a critical
	done bool          // this critical has been acted on
}

// judge takes what one tick saw; true = act now, once for each critical.
func (u *unhealthy) judge(boot time.Duration, critical bool) bool {
	gap := boot - u.last
	was := u.bad
	u.last, u.bad = boot, critical
	switch {
	case !critical:
		u.seen, u.done = 0, false
	case !was || gap > unhealthyGap:
		u.seen = 0
	default:
		u.seen += gap
	}
	if u.done || u.seen < unhealthyAfter {
		return false
	}
	u.done = true
	return true
}

// measured leaves out what fires without a reading: a collector that hangs is the
// agent's own trouble.
func measured(firing []detect.RuleStatus) []detect.RuleStatus {
	return slices.DeleteFunc(slices.Clone(firing), func(r detect.RuleStatus) bool {
		return r.State != "firing" || r.Value == nil || math.IsNaN(float64(*r.Value))
	})
}

// persists starts the replacement where the config asks for it and a critical of
// the rules it names has lasted. a.mu is held.
func (a *agent) persists(ctx context.Context, boot time.Duration, firing []detect.RuleStatus) {
	c := a.cfg.Health
	if c.Unhealthy != web.UnhealthyDryRun && c.Unhealthy != web.UnhealthyOn || len(c.Rules) == 0 {
		return
	}
	if firing = measured(firing); !a.unhealthy.judge(boot, critical(firing, c.Rules)) || a.traffic.leaving != "" {
		return
	}
	a.background.Go(func() { a.replace(ctx, c.Unhealthy == web.UnhealthyOn) })
}

// replace tells the group that this host is unhealthy, or says that it would. When
// it was last done is on disk before it is done again: a host that cannot keep that
// does nothing.
func (a *agent) replace(ctx context.Context, really bool) {
	id, _ := a.cloud.Identity()
	if id.InstanceID == "" {
		a.log.Warn("a critical persists; the host is no EC2 instance, so nobody is asked to replace it")
		return
	}
	name := "set-instance-health.dry-run"
	if really {
		name = "set-instance-health"
	}
	file := stateFile{a.dir, name}
	now := time.Now()
	b, err := file.Load()
	if last, bad := time.Parse(time.RFC3339, string(b)); err == nil && bad == nil && now.Sub(last).Abs() < unhealthyEvery {
		a.log.Warn("a critical persists; this host asked to be replaced within the last 24 h, and does not ask again", "at", last)
		return
	}
	if err == nil {
		err = file.Save([]byte(now.UTC().Format(time.RFC3339)))
	}
	if err != nil {
		a.log.Warn("a critical persists; when replacement was last asked for is not known, so it is not", "error", err)
		return
	}
	if !really {
		a.log.Warn("dry run: a critical persists, Auto Scaling would be told that this instance is unhealthy", "instance", id.InstanceID, "group", id.Group)
		return
	}
	wait, cancel := context.WithTimeout(ctx, unhealthyWithin)
	defer cancel()
	if err := awsclient.SetUnhealthy(wait, id.Region, id.InstanceID); err != nil {
		a.log.Warn("tell Auto Scaling that this instance is unhealthy; it is not tried again for 24 h", "instance", id.InstanceID, "error", err)
		return
	}
	a.log.Warn("a critical persists: Auto Scaling was told that this instance is unhealthy and replaces it", "instance", id.InstanceID, "group", id.Group)
}
