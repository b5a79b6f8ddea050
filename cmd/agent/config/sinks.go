package config

import (
	"slices"
	"strconv"

	"github.com/firewatch-agent/firewatch/alert/alertmanager"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/alert/pagerduty"
	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/alert/sns"
	"github.com/firewatch-agent/firewatch/alert/webhook"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Sinks is the table [sink]: a list for each kind. Names are unique over all
// kinds.
type Sinks struct {
	Slack      []slack.Config      `toml:"slack"`
	SNS        []sns.Config        `toml:"sns"`
	CloudWatch []cloudwatch.Config `toml:"cloudwatch"`
	Webhook    []webhook.Config    `toml:"webhook"`

	Alertmanager []alertmanager.Config `toml:"alertmanager"`
	PagerDuty    []pagerduty.Config    `toml:"pagerduty"`
}

// sink is what this package needs of each kind of sink's Config.
type sink interface{ Validate() []conf.Fault }

// sinkEntry is one configured sink: its place in the file, its name, its Config,
// and what is wrong with it by itself.
type sinkEntry struct {
	path   string
	name   string
	config any
	faults []conf.Fault // with whole paths
}

// entries lists the sinks in the order of the kinds, then of the file.
func (s Sinks) entries() []sinkEntry {
	return slices.Concat(
		kind("slack", s.Slack, func(c slack.Config) string { return c.Name }),
		kind("sns", s.SNS, func(c sns.Config) string { return c.Name }),
		kind("cloudwatch", s.CloudWatch, func(c cloudwatch.Config) string { return c.Name }),
		kind("webhook", s.Webhook, func(c webhook.Config) string { return c.Name }),
		kind("alertmanager", s.Alertmanager, func(c alertmanager.Config) string { return c.Name }),
		kind("pagerduty", s.PagerDuty, func(c pagerduty.Config) string { return c.Name }),
	)
}

// whole returns the sinks that have no fault and whose secrets can be read, and
// of two with one name the first.
func (s Sinks) whole() Sinks {
	good := map[string]bool{}
	seen := map[string]bool{}
	for _, e := range s.entries() {
		good[e.path] = len(e.faults) == 0 && len(secretFiles(e.path, e.config)) == 0 && !seen[e.name]
		seen[e.name] = true
	}
	return Sinks{
		Slack:      keep("slack", s.Slack, good),
		SNS:        keep("sns", s.SNS, good),
		CloudWatch: keep("cloudwatch", s.CloudWatch, good),
		Webhook:    keep("webhook", s.Webhook, good),

		Alertmanager: keep("alertmanager", s.Alertmanager, good),
		PagerDuty:    keep("pagerduty", s.PagerDuty, good),
	}
}

// kind makes the entries of one kind of sink.
func kind[C sink](name string, list []C, nameOf func(C) string) []sinkEntry {
	var out []sinkEntry
	for i, c := range list {
		path := "sink." + name + "." + strconv.Itoa(i)
		out = append(out, sinkEntry{path, nameOf(c), c, conf.Under(path, c.Validate())})
	}
	return out
}

// keep returns the items of a kind whose path is good.
func keep[C sink](name string, list []C, good map[string]bool) []C {
	var out []C
	for i, c := range list {
		if good["sink."+name+"."+strconv.Itoa(i)] {
			out = append(out, c)
		}
	}
	return out
}
