package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/internal/cloudid"
)

// flushWithin bounds what the agent sends to CloudWatch when it or the host ends.
const flushWithin = 2 * time.Second

// watchCloud finds out about the instance in the background, until ctx ends. A run
// from a terminal without a config asks nobody.
func (a *agent) watchCloud(ctx context.Context) {
	if a.screen == nil || a.o.given {
		a.cloud.Run(ctx)
	}
}

// identity gives the CloudWatch publishers the instance's dimensions.
func (a *agent) identity() (map[string]string, bool) {
	id, settled := a.cloud.Identity()
	return id.Dimensions(), settled
}

// leave does what a notice of the cloud asks for: the metrics of the last minute go
// out; where the host really goes, load balancers are told, its open incidents say
// so, and where it goes for good, the alarms that it owns go with it.
func (a *agent) leave(ctx context.Context, n cloudid.Notice) {
	a.log.Warn("notice from the cloud", "host", string(n.Kind), "cause", n.Cause)
	if n.Kind == cloudid.Stopping || n.Kind == cloudid.Terminating {
		a.mu.Lock()
		a.traffic.leaving = string(n.Kind)
		open := a.detector.Open()
		a.mu.Unlock()
		wait, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		for _, al := range open {
			al.Phase, al.ChangedAt = alert.PhaseUpdate, time.Now()
			if err := a.box.Put(wait, a.leavingNote(al)); err != nil {
				a.log.Warn("tell of the host's end", "rule", al.Rule, "error", err)
			}
		}
	}
	a.flush(ctx)
	if n.Kind == cloudid.Terminating {
		a.deleteAlarms(ctx)
	}
}

// leavingNote says in an alert that fires that its host leaves, where it does.
func (a *agent) leavingNote(al alert.Alert) alert.Alert {
	a.mu.Lock()
	why := a.traffic.leaving
	a.mu.Unlock()
	if note := "host " + why + ": "; why != "" && al.State == alert.Firing && !strings.HasPrefix(al.Summary, note) {
		al.Summary = note + al.Summary
	}
	return al
}

// flush sends what the CloudWatch publishers have of the minute that is not over.
func (a *agent) flush(ctx context.Context) {
	a.mu.Lock()
	publishers := append([]*cloudwatch.Publisher(nil), a.publishers...)
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range publishers {
		all.Go(func() { p.Flush(ctx) })
	}
	all.Wait()
}
