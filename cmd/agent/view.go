package main

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
)

// vitalSigns are the figures of the bottom line and the page, best first: the
// line is cut where the terminal ends.
var vitalSigns = []struct{ name, metric, unit string }{
	{"cpu", "cpu_usage_active", "Percent"},
	{"mem", "mem_used_percent", "Percent"},
	{"cpu wait", "cpu_runqueue_wait", "Milliseconds"},
	{"disk await", "diskio_await", "Milliseconds"},
	{"tcp rtt", "netstat_tcp_rtt", "Milliseconds"},
	{"retrans", "netstat_tcp_retrans", "Count/Second"},
	{"dns", "resolver_duration", "Milliseconds"},
	{"probe", "probe_duration", "Milliseconds"},
	{"load", "system_load1", "Count"},
	{"disk full", "disk_used_percent", "Percent"},
}

// vitals takes the vital signs from a frame; of a metric with several targets
// the greatest value.
func vitals(f collect.Frame) []web.Vital {
	var out []web.Vital
	for _, v := range vitalSigns {
		best, found := web.Vital{}, false
		for i := range f.Samples {
			s := &f.Samples[i]
			if s.Metric != v.metric || found && s.Value <= float64(best.Value) || v.metric == "cpu_usage_active" && s.Target != "" {
				continue
			}
			best, found = web.Vital{Name: v.name, Metric: v.metric, Target: s.Target, Unit: v.unit, Value: alert.Number(s.Value)}, true
		}
		if found {
			out = append(out, best)
		}
	}
	return out
}

// Status implements web.Agent.
func (a *agent) Status() web.Status {
	health, stats := a.box.Health(), a.box.Stats()
	incidents, sinks, dead := a.box.Incidents(), a.box.SinkStatus(), len(a.box.DeadLetters())
	kept := a.history.Stats()
	a.mu.Lock()
	defer a.mu.Unlock()
	s := web.Status{
		Host: a.host, System: a.system, Version: versionString(), PID: os.Getpid(), InstallID: a.box.InstallID(), StartedAt: a.started, Now: time.Now(),
		Config: a.configName(), Source: string(a.source), StateDir: a.stateDir, Interval: a.cfg.Agent.Interval.D().Seconds(),
		Ticks: a.ticks.Done, Late: a.ticks.Late, Dropped: a.ticks.Dropped, Gaps: a.ticks.Gaps, Reloads: a.reloaded,
		Series: len(a.frame.Samples), Rules: a.detector.Status(), Incidents: incidents, Sinks: sinks, Vitals: vitals(a.frame),
		Outbox:  web.Outbox{Health: health, Stats: stats, Dead: dead},
		History: web.History{Frames: kept.Recorded, Dropped: kept.Dropped, Lost: kept.Lost, Files: kept.Files, Bytes: kept.Bytes, Damaged: kept.Damaged, Paused: kept.Paused},
		Self:    web.Self{CPUPercent: a.self.CPUPercent, RSSBytes: a.self.RSSBytes, Goroutines: runtime.NumGoroutine()},
	}
	for _, c := range a.set.Status() {
		s.Collectors = append(s.Collectors, web.Collector{Name: c.Name, State: c.State, Reason: c.Reason, Since: c.Since,
			Duration: float64(c.Duration) / float64(time.Millisecond), Series: c.Series, Errors: c.Errors, Dropped: c.Dropped})
	}
	return s
}

// Incidents implements web.Agent.
func (a *agent) Incidents() []alert.Incident { return a.box.Incidents() }

// DeadLetters implements web.Agent.
func (a *agent) DeadLetters() []alert.DeadLetter { return a.box.DeadLetters() }

// Accept implements web.Agent.
func (a *agent) Accept(ctx context.Context, al alert.Alert, key string) (alert.Result, error) {
	return a.box.Accept(ctx, al, key)
}

// Acknowledge implements web.Agent.
func (a *agent) Acknowledge(ctx context.Context, id, by string) error {
	return a.box.Acknowledge(ctx, id, by)
}

// Silences implements web.Agent.
func (a *agent) Silences() []alert.Silence { return a.box.Silences() }

// AddSilence implements web.Agent.
func (a *agent) AddSilence(ctx context.Context, s alert.Silence) (alert.Silence, error) {
	return a.box.AddSilence(ctx, s)
}

// RemoveSilence implements web.Agent.
func (a *agent) RemoveSilence(ctx context.Context, id, by string) error {
	return a.box.RemoveSilence(ctx, id, by)
}

// RetryDead implements web.Agent.
func (a *agent) RetryDead(ctx context.Context, key, sink, by string) (int, error) {
	return a.box.RetryDead(ctx, key, sink, by)
}

// DropDead implements web.Agent.
func (a *agent) DropDead(ctx context.Context, key, sink, by string) (int, error) {
	return a.box.DropDead(ctx, key, sink, by)
}

// DropBacklog implements web.Agent.
func (a *agent) DropBacklog(ctx context.Context, sink, by string) (int, error) {
	return a.box.DropBacklog(ctx, sink, by)
}

// Progress implements web.Agent.
func (a *agent) Progress() (tick, outbox bool) { return a.progress(bootTime()) }

// Samples implements web.Agent.
func (a *agent) Samples() []collect.Sample {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.frame.Samples
}

// MetricInfo implements web.Agent.
func (a *agent) MetricInfo(name string) collect.Metric {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.metrics[name]
}
