package alert

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// RouteConfig is one [[route]] of the configuration. Every route that matches
// an alert applies. Without routes, and where none matches, an alert goes to
// every sink: a gap in the routes loses nothing.
type RouteConfig struct {
	Match RouteMatch `toml:"match"`
	// To names sinks that each get the alert.
	To []string `toml:"to"`
	// Failover is an ordered list. With To, each sink of To falls back to it;
	// without, its first sink is the one that gets the alert. A critical moves
	// on 15 s after its first attempt or at an open breaker; what a fallback
	// delivered is satisfied.
	Failover []string `toml:"failover"`
	// Repeat tells the alert again this often while it fires and nobody has
	// acknowledged it. 0 = never; else at least 1 m.
	Repeat conf.Duration `toml:"repeat"`
}

// RouteMatch selects alerts. All that is set must match; empty matches all.
type RouteMatch struct {
	Severity []Severity        `toml:"severity"` // one of these
	Rule     []string          `toml:"rule"`     // globs as in path.Match; one of these
	Labels   map[string]string `toml:"labels"`   // globs; all of these
}

// Validate returns what is wrong with the route by itself; [CheckRoutes] also
// knows the sinks.
func (c RouteConfig) Validate() []conf.Fault {
	out := conf.Under("match", c.Match.validate())
	if len(c.To)+len(c.Failover) == 0 {
		out = append(out, conf.Fault{Path: "to", Problem: "the route names no sink", Hint: "set to or failover"})
	}
	if c.Repeat != 0 && c.Repeat.D() < time.Minute {
		out = append(out, conf.Fault{Path: "repeat", Problem: c.Repeat.String() + " is too often", Hint: "use at least 1m"})
	}
	return out
}

// CheckRoutes returns the faults of all routes, with paths "route.N.…". sinks
// are the names of the configured sinks.
func CheckRoutes(routes []RouteConfig, sinks []string) []conf.Fault {
	var out []conf.Fault
	for i, c := range routes {
		faults := c.Validate()
		for _, l := range []struct {
			key   string
			names []string
		}{{"to", c.To}, {"failover", c.Failover}} {
			for j, n := range l.names {
				if slices.Contains(sinks, n) {
					continue
				}
				f := conf.Fault{Path: l.key + "." + strconv.Itoa(j), Problem: fmt.Sprintf("no sink is named %q", n)}
				if near := conf.Nearest(n, sinks); near != "" {
					f.Hint = fmt.Sprintf("did you mean %q?", near)
				}
				faults = append(faults, f)
			}
		}
		out = append(out, conf.Under("route."+strconv.Itoa(i), faults)...)
	}
	return out
}

func (m RouteMatch) matches(a *Alert) bool {
	if len(m.Severity) > 0 && !slices.Contains(m.Severity, a.Severity) {
		return false
	}
	if len(m.Rule) > 0 && !slices.ContainsFunc(m.Rule, func(g string) bool { return glob(g, a.Rule) }) {
		return false
	}
	for k, g := range m.Labels {
		v, ok := a.Labels[k]
		if !ok || !glob(g, v) {
			return false
		}
	}
	return true
}

func glob(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}

// LabelSink names the label that sends an alert to one sink alone, whatever the
// routes say: what `firewatch test-alert --sink NAME` sets.
const LabelSink = "firewatch_sink"

// routed returns the chains for an alert and the shortest repeat interval (0 =
// none) of the routes that match it.
func routed(a *Alert, routes []RouteConfig, sinks []string) ([][]string, conf.Duration) {
	if only := a.Labels[LabelSink]; slices.Contains(sinks, only) {
		return [][]string{{only}}, 0
	}
	var chains [][]string
	var repeat conf.Duration
	not := a.Labels[LabelNotSink]
	add := func(chain []string) {
		chain = slices.DeleteFunc(chain, func(n string) bool { return n == not })
		if len(chain) > 0 && !slices.ContainsFunc(chains, func(c []string) bool { return slices.Equal(c, chain) }) {
			chains = append(chains, chain)
		}
	}
	for _, c := range routes {
		if !c.Match.matches(a) {
			continue
		}
		if c.Repeat > 0 && (repeat == 0 || c.Repeat < repeat) {
			repeat = c.Repeat
		}
		if len(c.To) == 0 {
			add(distinct(c.Failover))
		}
		for _, s := range c.To {
			add(distinct(append([]string{s}, c.Failover...)))
		}
	}
	if len(chains) == 0 {
		for _, s := range sinks {
			add([]string{s})
		}
	}
	return chains, repeat
}

func distinct(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
