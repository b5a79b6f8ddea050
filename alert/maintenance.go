package alert

import (
	"fmt"
	"path"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// MaintenanceConfig is one [[maintenance]] of the configuration: a window that
// comes again and again, in which the alerts that match are kept back. What
// still fires at its end is told then.
type MaintenanceConfig struct {
	Cron     string        `toml:"cron"`     // when it begins: minute hour day month weekday
	Duration conf.Duration `toml:"duration"` // how long it lasts, 1 m to 7 d
	Zone     string        `toml:"zone"`     // time zone of cron, for example Europe/Berlin; default the host's
	Match    RouteMatch    `toml:"match"`    // which alerts; empty = all
}

// maxWindow is the longest maintenance window.
const maxWindow = 7 * 24 * time.Hour

// Validate returns what is wrong with the window.
func (c MaintenanceConfig) Validate() []conf.Fault {
	var out []conf.Fault
	if _, err := parseCron(c.Cron); err != nil {
		out = append(out, conf.Fault{Path: "cron", Problem: err.Error(), Hint: `for example "0 3 * * sun": Sundays at 3`})
	}
	if d := c.Duration.D(); d < time.Minute || d > maxWindow {
		out = append(out, conf.Fault{Path: "duration", Problem: fmt.Sprintf("duration %s is out of range", c.Duration), Hint: "1m to 7d"})
	}
	if _, err := c.location(); err != nil {
		out = append(out, conf.Fault{Path: "zone", Problem: fmt.Sprintf("%q is no time zone", c.Zone), Hint: `for example "Europe/Berlin" or "UTC"`})
	}
	return append(out, conf.Under("match", c.Match.validate())...)
}

func (c MaintenanceConfig) location() (*time.Location, error) {
	if c.Zone == "" {
		return time.Local, nil
	}
	return time.LoadLocation(c.Zone)
}

// window is a maintenance window ready to be asked.
type window struct {
	id     string
	match  RouteMatch
	cron   cron
	length time.Duration
	zone   *time.Location

	minute time.Time // that until was computed for
	until  time.Time // end of the latest window that began by then
}

// windows makes the windows of configurations; one with a fault is left out.
func windows(configs []MaintenanceConfig) []*window {
	var out []*window
	for i, c := range configs {
		sched, err := parseCron(c.Cron)
		zone, zoneErr := c.location()
		if err != nil || zoneErr != nil || c.Duration <= 0 {
			continue
		}
		out = append(out, &window{id: fmt.Sprintf("maintenance %d (%s)", i+1, c.Cron), match: c.Match, cron: sched, length: min(c.Duration.D(), maxWindow), zone: zone})
	}
	return out
}

// open reports whether the window is open at a time. The past is searched once
// for each minute that is asked about: at most 10 080 cheap steps.
func (w *window) open(now time.Time) bool {
	now = now.Round(0).In(w.zone)
	minute := now.Add(-time.Duration(now.Second())*time.Second - time.Duration(now.Nanosecond()))
	if !minute.Equal(w.minute) {
		w.minute, w.until = minute, time.Time{}
		for t := minute; now.Sub(t) < w.length; t = t.Add(-time.Minute) {
			if w.cron.starts(t) {
				w.until = t.Add(w.length)
				break
			}
		}
	}
	return now.Before(w.until)
}

// validate returns what is wrong with the patterns.
func (m RouteMatch) validate() []conf.Fault {
	var out []conf.Fault
	for i, s := range m.Severity {
		if s.Rank() == 0 {
			out = append(out, conf.Fault{Path: fmt.Sprintf("severity.%d", i), Problem: fmt.Sprintf("%q is no severity", s), Hint: "use info, warning or critical"})
		}
	}
	for i, g := range m.Rule {
		if _, err := path.Match(g, ""); err != nil {
			out = append(out, conf.Fault{Path: fmt.Sprintf("rule.%d", i), Problem: fmt.Sprintf("%q is not a pattern", g), Hint: "use for example cpu-*"})
		}
	}
	for k, g := range m.Labels {
		if _, err := path.Match(g, ""); err != nil {
			out = append(out, conf.Fault{Path: "labels." + k, Problem: fmt.Sprintf("%q is not a pattern", g), Hint: "use for example web-*"})
		}
	}
	return out
}
