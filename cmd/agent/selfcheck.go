package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// selfCheck raises alerts about the agent's own trouble, so that an agent which
// sees or says less than it should is not taken for a host that is well.
//
//	state-disk      accepted alerts do not reach the disk
//	state-disk-full its disk is full, and spare files take what is accepted
//	collector-dead  a collector that once read has not for a minute
//	ticks-late      six of the last 60 ticks came late or not at all
//	sink-parked     a sink's credentials are refused
//	sink-removed    something is owed to a sink that is not configured any more
//	dead-letters    a sink refused alerts for good
//
// What a sink has to do with is told on the other sinks.
type selfCheck struct {
	raised map[trouble]raised       // what was told
	silent map[string]time.Duration // of collectors that have read: CLOCK_BOOTTIME of the first tick in which they no longer did, or reads
	missed [60]uint64               // late and dropped ticks, at each of the last 60
	adopt  bool                     // what an earlier run raised was taken over
}

// trouble is one thing wrong with the agent.
type trouble struct{ rule, target string }

// raised is a trouble that was told.
type raised struct {
	seen     time.Duration // CLOCK_BOOTTIME at which it was there last
	severity alert.Severity
}

const (
	deadAfter  = time.Minute      // of a collector
	hangsLong  = time.Minute      // a write that hangs so long is no storm of writes
	clearAfter = 30 * time.Second // without the trouble, before it is told to be over
	manyLate   = 6                // of the last 60 ticks
	manyNamed  = 20               // troubles at a time
	reads      = -1               // a collector that is not silent
)

// checkSelf is called by each tick. ctx bounds the wait for the disk.
func (a *agent) checkSelf(ctx context.Context, set *collect.Set, now time.Time, boot time.Duration, t ticks) {
	c := &a.selfCheck
	if !c.adopt {
		c.adopt, c.raised, c.silent = true, map[trouble]raised{}, map[string]time.Duration{}
		for _, al := range a.box.OwnFiring() {
			c.raised[trouble{al.Rule, al.Target}] = raised{boot, al.Severity}
		}
	}
	a.forgetLocal(ctx)
	a.tell(ctx, a.troubles(set, now, boot, t), now, boot)
}

// tell raises what is wrong and was not told, or is worse than was told, and ends
// what has been over for clearAfter.
func (a *agent) tell(ctx context.Context, found map[trouble]alert.Alert, now time.Time, boot time.Duration) {
	c := &a.selfCheck
	for k, al := range found {
		was, told := c.raised[k]
		if !told && len(c.raised) >= manyNamed {
			continue
		}
		if told && al.Severity.Rank() <= was.severity.Rank() {
			c.raised[k] = raised{boot, was.severity}
			continue
		}
		c.raised[k] = raised{boot, al.Severity}
		al.Rule, al.Target, al.State, al.Phase, al.StartedAt, al.ChangedAt = k.rule, k.target, alert.Firing, alert.PhaseFiring, now, now
		if told {
			al.StartedAt = time.Time{} // the incident's own
		}
		a.putOwn(ctx, al)
	}
	for k, was := range c.raised {
		if _, still := found[k]; still || boot-was.seen < clearAfter {
			continue
		}
		delete(c.raised, k)
		a.putOwn(ctx, alert.Alert{Rule: k.rule, Target: k.target, State: alert.Resolved, Phase: alert.PhaseResolved, ChangedAt: now, ResolvedAt: now})
	}
}

// forgetLocal gives up what is owed to the terminal, or the journal, of an
// earlier run: who started the agent otherwise this time misses nothing.
func (a *agent) forgetLocal(ctx context.Context) {
	for _, s := range a.box.SinkStatus() {
		if s.State != "removed" || s.Name != "terminal" && s.Name != "journal" {
			continue
		}
		if _, err := a.box.DropBacklog(ctx, s.Name, "agent"); err != nil {
			a.log.Warn("give up what is owed to a sink of an earlier run", "sink", s.Name, "error", err)
		}
	}
}

func (a *agent) putOwn(ctx context.Context, al alert.Alert) {
	if err := a.box.PutOwn(ctx, al); err != nil {
		a.log.Warn("alert about the agent itself is not durable yet; it is delivered from memory", "rule", al.Rule, "error", err)
	}
}

// troubles is what is wrong now.
func (a *agent) troubles(set *collect.Set, now time.Time, boot time.Duration, t ticks) map[trouble]alert.Alert {
	c := &a.selfCheck
	out := map[trouble]alert.Alert{}
	h := a.box.Health()
	if h.Full {
		out[trouble{"state-disk-full", a.stateDir}] = alert.Alert{Severity: alert.Warning,
			Summary: fmt.Sprintf("the disk of the state directory %s is full: %d spare files are left to keep alerts in, then they are in memory alone", a.stateDir, h.Spare)}
	}
	if !h.Durable {
		severity := alert.Critical
		if h.Hangs && now.Sub(h.Since) < hangsLong {
			severity = alert.Warning // a storm of writes, of a build too, does that for seconds
		}
		out[trouble{"state-disk", a.stateDir}] = alert.Alert{Severity: severity,
			Summary: fmt.Sprintf("the state directory %s cannot be written: %s; alerts are delivered from memory and would be lost in a crash", a.stateDir, h.Error)}
	}
	for _, s := range set.Status() {
		if since, ok := c.quiet(s, boot); ok {
			at := now.Add(since - boot)
			out[trouble{"collector-dead", s.Name}] = alert.Alert{Severity: alert.Warning, Summary: fmt.Sprintf("collector %s reads nothing since %s: %s", s.Name, at.Local().Format("15:04:05 MST"), cmp.Or(s.Reason, "its source is empty"))}
		}
	}
	total := t.Late + t.Dropped
	slot := &c.missed[t.Done%uint64(len(c.missed))]
	if t.Done >= uint64(len(c.missed)) && total-*slot >= manyLate {
		out[trouble{"ticks-late", ""}] = alert.Alert{Severity: alert.Warning, Summary: fmt.Sprintf("%d of the agent's last %d ticks came late or not at all: the host does not let it run", total-*slot, len(c.missed))}
	}
	*slot = total
	for _, s := range a.box.SinkStatus() {
		not := map[string]string{alert.LabelNotSink: s.Name}
		switch s.State {
		case "parked":
			out[trouble{"sink-parked", s.Name}] = alert.Alert{Severity: alert.Warning, Labels: not, Summary: fmt.Sprintf("sink %s is parked: its credentials are refused (%s); %d incidents wait for it", s.Name, s.LastError, s.Owed)}
		case "removed":
			out[trouble{"sink-removed", s.Name}] = alert.Alert{Severity: alert.Warning, Labels: not, Summary: fmt.Sprintf("sink %s is not configured any more and is owed %d incidents: bring it back, or run: firewatch outbox drop --sink %s", s.Name, s.Owed, s.Name)}
		}
	}
	dead := map[string]int{}
	for _, d := range a.box.DeadLetters() {
		dead[d.Sink]++
		out[trouble{"dead-letters", d.Sink}] = alert.Alert{Severity: alert.Warning, Labels: map[string]string{alert.LabelNotSink: d.Sink},
			Summary: fmt.Sprintf("sink %s refused alerts for good, %d so far: %s (%s); see: firewatch outbox list", d.Sink, dead[d.Sink], d.Summary, d.Error)}
	}
	return out
}

// quiet reports whether a collector that once read has not for deadAfter, and
// since when. It goes by the boot clock: one that looks beside the tick misses a
// reading where the wall clock jumps or the host slept, and begins with neither
// readings nor a reason.
func (c *selfCheck) quiet(s collect.Status, boot time.Duration) (since time.Duration, ok bool) {
	since, once := c.silent[s.Name]
	switch {
	case s.State != "skipped" && s.Series > 0:
		c.silent[s.Name] = reads
		return 0, false
	case !once:
		return 0, false
	case since == reads:
		c.silent[s.Name], since = boot, boot
	}
	return since, boot-since >= deadAfter
}
