package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/collect/scrape"
	"github.com/firewatch-agent/firewatch/collect/statsd"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// validate returns the faults of a configuration as the file gives it, before
// complete. complete says that nothing of the file was lost to a syntax error,
// so that a name which is not there is a fault.
func (c *Config) validate(whole bool) []conf.Fault {
	metrics := Metrics()
	out := conf.Under("agent", c.Agent.validate())
	out = append(out, conf.Under("collect", c.Collect.Validate())...)
	for i, p := range c.Probes {
		out = append(out, conf.Under("probe."+strconv.Itoa(i), p.Validate())...)
	}
	out = append(out, conf.Under("statsd", c.StatsD.Validate())...)
	for i, s := range c.Scrapes {
		out = append(out, conf.Under("scrape."+strconv.Itoa(i), s.Validate())...)
	}
	out = append(out, conf.Under("rule", detect.ValidateRules(c.Rules, metrics))...)
	out = append(out, conf.Under("anomaly", c.Anomaly.Validate(metrics))...)
	for _, s := range c.Sinks.entries() {
		out = append(out, s.faults...)
	}
	for i, m := range c.Maintenance {
		out = append(out, conf.Under("maintenance."+strconv.Itoa(i), m.Validate())...)
	}
	out = append(out, conf.Under("http", c.HTTP.Validate())...)
	out = append(out, conf.Under("health", c.Health.Validate())...)
	out = append(out, conf.Under("history", c.History.Validate())...)
	out = append(out, c.publishFaults(metrics)...)
	out = append(out, c.nameFaults()...)
	if whole {
		out = append(out, alert.CheckRoutes(c.Routes, c.SinkNames())...)
	}
	return out
}

// labelName is what a label may be called: a name that Prometheus, CloudWatch
// and Slack all take.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$`)

const (
	maxLabels     = 20
	maxLabelValue = 256 // bytes
)

func (a Agent) validate() []conf.Fault {
	var out []conf.Fault
	add := func(path, problem, hint string) {
		out = append(out, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if i := a.Interval.D(); i != 0 && (i < minInterval || i > maxInterval) {
		add("interval", fmt.Sprintf("interval %s is out of range", a.Interval), "100ms to 60s")
	}
	if a.StateDir != "" && !filepath.IsAbs(a.StateDir) {
		add("state_dir", fmt.Sprintf("state_dir %q is not an absolute path", a.StateDir), `write for example "/var/lib/firewatch"`)
	}
	if len(a.Labels) > maxLabels {
		add("labels", fmt.Sprintf("%d labels", len(a.Labels)), fmt.Sprintf("at most %d", maxLabels))
	}
	for k, v := range a.Labels {
		if !labelName.MatchString(k) {
			add("labels."+k, fmt.Sprintf("label name %q is not of the form [a-zA-Z_][a-zA-Z0-9_.-]*, at most 64 letters", k), "")
		}
		if v == "" || len(v) > maxLabelValue {
			add("labels."+k, fmt.Sprintf("the value of label %q has %d bytes", k, len(v)), fmt.Sprintf("1 to %d", maxLabelValue))
		}
	}
	return out
}

// publishFaults reports series for CloudWatch that nothing measures.
func (c *Config) publishFaults(metrics []collect.Metric) []conf.Fault {
	names := cloudwatch.OwnMetrics()
	for _, m := range metrics {
		names = append(names, m.Name)
	}
	var out []conf.Fault
	for i, s := range c.Sinks.CloudWatch {
		for key, list := range map[string][]string{"metrics": s.Metrics, "exclude": s.Exclude, "high_resolution": s.HighResolution} {
			for j, series := range list {
				name, _, _ := strings.Cut(series, ":")
				if slices.ContainsFunc(names, func(n string) bool { return conf.Glob(name, n) }) {
					continue
				}
				f := conf.Fault{Path: fmt.Sprintf("sink.cloudwatch.%d.%s.%d", i, key, j), Problem: fmt.Sprintf("unknown metric %q", name), Hint: "docs/metrics.md lists them all"}
				if near := conf.Nearest(name, names); near != "" {
					f.Hint = fmt.Sprintf("did you mean %q?", near)
				}
				out = append(out, f)
			}
		}
	}
	return out
}

// nameFaults reports probes, scrapes and sinks whose name another one has.
func (c *Config) nameFaults() []conf.Fault {
	var probes, scrapes, sinks []named
	for i, s := range c.Scrapes {
		scrapes = append(scrapes, named{s.Name, "scrape." + strconv.Itoa(i) + ".name"})
	}
	for i, p := range c.Probes {
		probes = append(probes, named{p.Name, "probe." + strconv.Itoa(i) + ".name"})
	}
	for _, s := range c.Sinks.entries() {
		sinks = append(sinks, named{s.name, s.path + ".name"})
	}
	return slices.Concat(twins("probe", probes), twins("scrape", scrapes), twins("sink", sinks))
}

// named is a name and the path where it is given.
type named struct{ name, path string }

func twins(what string, list []named) []conf.Fault {
	var out []conf.Fault
	seen := map[string]bool{}
	for _, n := range list {
		if n.name != "" && seen[n.name] {
			out = append(out, conf.Fault{Path: n.path, Problem: fmt.Sprintf("%s %q is there twice", what, n.name), Hint: "give each a name of its own"})
		}
		seen[n.name] = true
	}
	return out
}

// SinkNames lists the names of the configured sinks, kind by kind in
// the order of the file.
func (c *Config) SinkNames() []string {
	var out []string
	for _, s := range c.Sinks.entries() {
		out = append(out, s.name)
	}
	return out
}

// Metrics lists what this build can measure, probes included: what a rule may
// name.
func Metrics() []collect.Metric {
	set := collect.NewSet(collect.All(collect.Host{}, collect.Config{}), collect.SetOptions{}) // it adds what is made of others: host_saturation
	return slices.Concat(set.Metrics(), probe.Metrics(), statsd.Metrics(), scrape.Metrics())
}
