package config

import (
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/probe"
	"github.com/firewatch-agent/firewatch/collect/scrape"
	"github.com/firewatch-agent/firewatch/collect/statsd"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

// Config is a whole configuration, defaults of [agent] filled in. Rules are
// those in force: the built-in ones, with those of the file added or in place
// of the built-in ones of the same name.
type Config struct {
	Agent   Agent                `toml:"agent"`
	Collect collect.Config       `toml:"collect"`
	Probes  []probe.Config       `toml:"probe"`
	StatsD  statsd.Config        `toml:"statsd"`
	Scrapes []scrape.Config      `toml:"scrape"`
	Rules   []detect.RuleConfig  `toml:"rule"`
	Anomaly detect.AnomalyConfig `toml:"anomaly"`
	Sinks   Sinks                `toml:"sink"`
	Routes  []alert.RouteConfig  `toml:"route"`

	Maintenance []alert.MaintenanceConfig `toml:"maintenance"`

	HTTP    web.HTTPConfig   `toml:"http"`
	Health  web.HealthConfig `toml:"health"`
	History record.Config    `toml:"history"`

	source []byte // the file it was read from, for SaveLastGood
}

// Agent is the table [agent].
type Agent struct {
	Interval     conf.Duration     `toml:"interval"`      // between two ticks; default 1s, 100ms to 60s
	Labels       map[string]string `toml:"labels"`        // on every alert
	StateDir     string            `toml:"state_dir"`     // absolute; "" = the usual place
	DefaultRules *bool             `toml:"default_rules"` // keep the built-in rules; default true
}

const (
	defaultInterval = conf.Duration(time.Second)
	minInterval     = 100 * time.Millisecond
	maxInterval     = 60 * time.Second
)

// Default returns the configuration of an agent without a config file: the
// built-in rules, anomaly detection, no sink.
func Default() *Config {
	c := &Config{}
	c.complete()
	return c
}

// complete fills in the defaults of [agent] and the built-in rules.
func (c *Config) complete() {
	if c.Agent.Interval == 0 {
		c.Agent.Interval = defaultInterval
	}
	if c.Agent.DefaultRules == nil || *c.Agent.DefaultRules {
		c.Rules = mergeRules(detect.DefaultRules(), c.Rules)
	}
}

// mergeRules puts each rule in the place of the built-in one of its name, or
// at the end.
func mergeRules(rules, own []detect.RuleConfig) []detect.RuleConfig {
	place := map[string]int{}
	for i, r := range rules {
		place[r.Name] = i
	}
	for _, r := range own {
		if i, ok := place[r.Name]; ok {
			rules[i] = r
			continue
		}
		rules = append(rules, r)
	}
	return rules
}
