package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

const (
	drillTime  = time.Minute // a drill ends by itself after so long
	drillFires = 30 * time.Second
	drillGrace = 5 * time.Second // between two steps; a client that is gone for longer ends the drill
	growAfter  = 5 * time.Second // a fault is told of by then, unless it did not show
	maxTaken   = 512 << 20       // bytes of memory or disk that a drill takes at once
)

// rehearsal is a drill that goes on: a rule for as long as it lasts.
type rehearsal struct {
	rule, target string
	began        time.Time
	step         sync.Mutex // one step at a time
	results      map[string]*web.TestResult
	expire       *time.Timer
	probe        *drillProbe // nil where the drill has none
}

// Drill implements web.Agent. begin judges whether this host can bear the
// fault and adds a rule for it; wait returns when that rule's alert is at each
// sink; end takes the rule out, which resolves the alert, and returns when each
// sink that got it knows. A client that is killed needs no end: the rule goes at
// once while it waits, else within drillGrace, and with the agent. The fault
// itself is the client's.
func (a *agent) Drill(ctx context.Context, s web.DrillStep) (web.Drill, error) {
	if s.Within <= 0 || s.Within > testPatience {
		s.Within = testPatience
	}
	switch s.Name {
	case "begin":
		return a.beginMeasured(ctx, s)
	case "wait", "end":
	default:
		return web.Drill{}, fmt.Errorf("a drill has no step %q", s.Name)
	}
	a.mu.Lock()
	r := a.rehearsal
	a.mu.Unlock()
	if r == nil || r.rule != "drill-"+s.Kind {
		return web.Drill{}, fmt.Errorf("no drill of %s goes on: it ends by itself after %s", s.Kind, drillTime)
	}
	r.step.Lock()
	defer r.step.Unlock()
	d := web.Drill{Rule: r.rule}
	if s.Name == "end" {
		a.endDrill(ctx, r)
		d.Results = a.told(ctx, r, alert.PhaseResolved, s.Within)
		return d, nil
	}
	r.expire.Reset(drillTime)
	err := a.awaitFiring(ctx, r)
	if err == nil {
		d.Fired = float64(time.Since(r.began)) / float64(time.Millisecond)
		d.Results = a.told(ctx, r, alert.PhaseFiring, s.Within)
	}
	if errors.Is(ctx.Err(), context.Canceled) { // the client is gone
		a.endDrill(context.WithoutCancel(ctx), r)
	}
	r.expire.Reset(drillGrace)
	return d, err
}

// told waits until each sink has the phase, and says for each how long it took.
// A sink that never got the alert is not waited for again.
func (a *agent) told(ctx context.Context, r *rehearsal, phase string, within time.Duration) (out []web.TestResult) {
	took := a.await(ctx, alert.Alert{Rule: r.rule, Target: r.target}, within, func(i alert.Incident, since time.Duration) bool {
		if phase == alert.PhaseFiring {
			since = time.Since(i.ChangedAt) // the reading that broke the rule
			return noteTest(r.results, i, phase, since)
		}
		noteTest(r.results, i, phase, since)
		for _, t := range r.results {
			if t.Firing > 0 && t.Resolved == 0 && t.Error == "" {
				return false
			}
		}
		return true
	})
	sinks := map[string]alert.SinkStatus{}
	for _, s := range a.box.SinkStatus() {
		sinks[s.Name] = s
	}
	for _, t := range r.results {
		switch {
		case phase == alert.PhaseFiring && t.Firing == 0 && t.Error == "":
			t.Error = undelivered(sinks[t.Sink], within)
		case phase == alert.PhaseResolved && t.Firing > 0 && t.Resolved == 0 && took > 0:
			t.Resolved = float64(took) / float64(time.Millisecond)
		}
		t.OK = t.Firing > 0 && t.Error == ""
		out = append(out, *t)
	}
	slices.SortFunc(out, func(x, y web.TestResult) int { return strings.Compare(x.Sink, y.Sink) })
	return out
}

// undelivered says why a sink has nothing yet: an open breaker makes no attempt
// that could tell.
func undelivered(s alert.SinkStatus, within time.Duration) string {
	why := fmt.Sprintf("not delivered within %s", within)
	if s.State != "" && s.State != "ok" {
		why += ": " + s.State
	}
	if s.LastError != "" {
		why += ", last error: " + s.LastError
	}
	return why
}

// errUnmeasured says that an agent has only just started.
var errUnmeasured = errors.New("CPU and memory are not measured: firewatch status says why")

// beginMeasured is beginDrill once there are readings to judge the host by.
func (a *agent) beginMeasured(ctx context.Context, s web.DrillStep) (web.Drill, error) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for start := time.Now(); ; {
		d, err := a.beginDrill(ctx, s)
		if !errors.Is(err, errUnmeasured) || time.Since(start) > drillGrace {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, err
		case <-look.C:
		}
	}
}

func (a *agent) beginDrill(ctx context.Context, s web.DrillStep) (web.Drill, error) {
	for _, i := range a.box.Incidents() {
		if i.State == alert.Firing {
			return web.Drill{}, fmt.Errorf("an incident is open (%s): a drill would only add to it", i.Rule)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rehearsal != nil {
		return web.Drill{}, fmt.Errorf("%s goes on", a.rehearsal.rule)
	}
	rule, d, err := drillRule(s.Kind, a.frame, a.stateDir)
	if err != nil {
		return d, err
	}
	rule.Period = conf.Duration(2 * a.cfg.Agent.Interval.D())
	rules, err := rulesFor(a.cfg, rule)
	if err != nil {
		return d, err
	}
	r := &rehearsal{rule: rule.Name, target: rule.Target, began: time.Now(), results: map[string]*web.TestResult{}}
	alone := context.WithoutCancel(ctx)
	if s.Kind == "probe" {
		if r.probe, err = startDrillProbe(alone, s.Address); err != nil {
			return d, err
		}
		for _, m := range probe.Metrics() { // there need not be any other
			a.metrics[m.Name] = m
		}
	}
	a.detector.SetRules(rules) // nothing is gone, so nothing is resolved
	r.expire = time.AfterFunc(drillGrace, func() { a.endDrill(alone, r) })
	a.rehearsal = r
	a.log.Info("a drill begins", "rule", rule.Name)
	return d, nil
}

// endDrill takes the rule of a drill out, once.
func (a *agent) endDrill(ctx context.Context, r *rehearsal) {
	r.expire.Stop()
	a.mu.Lock()
	if a.rehearsal != r {
		a.mu.Unlock()
		return
	}
	a.rehearsal = nil
	if r.probe != nil {
		r.probe.stop()
	}
	rules, err := rulesFor(a.cfg)
	var resolved []alert.Alert
	if err == nil {
		resolved = a.detector.SetRules(rules)
	}
	a.mu.Unlock()
	a.accept(ctx, resolved)
	a.log.Info("the drill is over", "rule", r.rule, "error", err)
}

// awaitFiring waits until the rule of a drill has an incident.
func (a *agent) awaitFiring(ctx context.Context, r *rehearsal) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for time.Since(r.began) < drillFires {
		if slices.ContainsFunc(a.box.Incidents(), func(i alert.Incident) bool { return i.Rule == r.rule && i.Target == r.target }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the alert: %w", ctx.Err())
		case <-look.C:
		}
	}
	return fmt.Errorf("no alert of %s within %s: the fault did not show in its metric, or it was silenced", r.rule, drillFires)
}

// drillRule is the rule that a fault of some kind breaks, from what the host
// shows now, and how large the fault is to be. It refuses a host that is loaded
// already.
func drillRule(kind string, f collect.Frame, stateDir string) (detect.RuleConfig, web.Drill, error) {
	value := func(metric, target string) (float64, bool) {
		i := slices.IndexFunc(f.Samples, func(s collect.Sample) bool { return s.Metric == metric && s.Target == target })
		if i < 0 {
			return 0, false
		}
		return f.Samples[i].Value, true
	}
	rule := detect.RuleConfig{Name: "drill-" + kind, Statistic: "last", Comparison: ">", EvaluationPeriods: 2, Severity: alert.Warning,
		Summary: "a drill of firewatch (" + kind + "): nothing is wrong"}
	d := web.Drill{Rule: rule.Name}
	limit := 0.0
	rule.Threshold = &limit
	cpu, ok := value("cpu_usage_active", "")
	free, ok2 := value("mem_available_percent", "")
	if kind != "sink" && (!ok || !ok2) {
		return rule, d, errUnmeasured
	}
	if kind == "cpu" && cpu > 60 || kind == "probe" && cpu > 95 || kind == "memory" && free < 20 {
		return rule, d, fmt.Errorf("this host is loaded (CPU %.0f %%, %.0f %% of memory available): no drill of cpu above 60 %%, of a probe above 95 %% or of memory below 20 %%", cpu, free)
	}
	switch kind {
	case "sink":
		rule.Metric, rule.Comparison = "mem_used", ">=" // true at once
	case "cpu":
		rule.Metric, limit = "cpu_usage_active", 80
	case "probe":
		rule.Metric, rule.Target, limit = "probe_duration", drillTarget, slowAnswer.Seconds()*1000/2
	case "memory":
		used, _ := value("mem_used", "")
		d.Most = int64(used * free / (100 - min(free, 99)) / 4)
		d.Bytes = min(maxTaken, d.Most)
		rule.Metric, limit = "mem_used", used+float64(d.Bytes)/2
	case "disk":
		rule.Metric, rule.Target = "disk_used", mountOf(stateDir, f)
		used, ok := value("disk_used", rule.Target)
		room, _ := value("disk_free", rule.Target)
		if !ok || room < 1<<30 {
			return rule, d, fmt.Errorf("the file system of %s is not measured, or has less than 1 GiB free", stateDir)
		}
		d.Dir, d.Most = stateDir, int64(room/4)
		d.Bytes = min(maxTaken, d.Most)
		limit = used + float64(d.Bytes)/2
	default:
		return rule, d, fmt.Errorf("there is no drill of %q; one of cpu, memory, disk, probe, sink", kind)
	}
	return rule, d, nil
}

// mountOf is the measured mount point that a directory lies on.
func mountOf(dir string, f collect.Frame) string {
	best := ""
	for _, s := range f.Samples {
		under := s.Target == "/" || dir == s.Target || strings.HasPrefix(dir, s.Target+"/")
		if s.Metric == "disk_used" && under && len(s.Target) > len(best) {
			best = s.Target
		}
	}
	return best
}
