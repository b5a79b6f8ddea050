package main

import (
	"context"
	"reflect"
	"slices"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/collect/scrape"
	"github.com/firewatch-agent/firewatch/collect/statsd"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// source is a collector that works beside the tick: probes, StatsD, scrapes.
type source interface {
	collect.Collector
	Run(ctx context.Context)
}

// buildSet makes the collectors of a configuration, or takes over those that
// run where it asks for the same.
func (a *agent) buildSet(cfg *config.Config, p *parts) {
	old := a.cfg
	if old != nil && reflect.DeepEqual(old.Collect, cfg.Collect) && reflect.DeepEqual(old.Probes, cfg.Probes) &&
		old.StatsD == cfg.StatsD && reflect.DeepEqual(old.Scrapes, cfg.Scrapes) {
		p.set = a.set // counters, probes and what hangs go on as they are
		return
	}
	interval := cfg.Agent.Interval.D()
	list := collect.Enabled(collect.LocalHost(interval), cfg.Collect)
	if len(cfg.Probes) > 0 {
		p.probes = probe.New(cfg.Probes)
		p.probes.Inherit(a.probes)
		p.sources = append(p.sources, p.probes)
	}
	if cfg.StatsD.Enabled() {
		p.sources = append(p.sources, a.statsd(cfg))
	}
	if len(cfg.Scrapes) > 0 {
		p.sources = append(p.sources, scrape.New(cfg.Scrapes))
	}
	for _, s := range p.sources {
		list = append(list, s)
	}
	p.set = collect.NewSet(list, collect.SetOptions{Interval: interval})
}

// statsd is the server that listens already, where nothing of it changed: what
// is sent during a reload is not lost.
func (a *agent) statsd(cfg *config.Config) source {
	for s := range a.sources {
		if _, ok := s.(*statsd.Server); ok && a.cfg.StatsD == cfg.StatsD {
			return s
		}
	}
	return statsd.New(cfg.StatsD)
}

// startSources starts the sources of new parts and stops those that they
// replace. a.mu is held.
func (a *agent) startSources(p *parts, start func(run func(context.Context)) context.CancelFunc) {
	if p.set == a.set {
		return
	}
	for s, stop := range a.sources {
		if !slices.Contains(p.sources, s) {
			stop()
			delete(a.sources, s)
		}
	}
	if a.sources == nil {
		a.sources = map[source]context.CancelFunc{}
	}
	for _, s := range p.sources {
		if a.sources[s] == nil {
			a.sources[s] = start(s.Run)
		}
	}
	a.probes = p.probes
}

// reasons adds to what fires about a probe why the probe fails.
func (a *agent) reasons(alerts []alert.Alert) {
	a.mu.Lock()
	probes := a.probes
	a.mu.Unlock()
	if probes == nil {
		return
	}
	add := func(summary *string, target string) {
		if why := probes.Reason(target); why != "" {
			*summary += ": " + human.Clean(why, 200)
		}
	}
	for i := range alerts {
		al := &alerts[i]
		if al.State == alert.Firing && al.Metric == "probe_success" {
			add(&al.Summary, al.Target)
		}
		al.Members = slices.Clone(al.Members) // the detector keeps its own
		for j := range al.Members {
			if m := &al.Members[j]; m.State == alert.Firing && m.Target != "" {
				add(&m.Summary, m.Target)
			}
		}
	}
}
