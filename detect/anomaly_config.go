package detect

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// AnomalyConfig is [anomaly].
type AnomalyConfig struct {
	Enable *bool         `toml:"enable"` // default true
	Budget string        `toml:"budget"` // false alarms to put up with, such as "1 per week" (default)
	Series []string      `toml:"series"` // metrics that are watched, at most 60; default: those that explain trouble
	Row    conf.Duration `toml:"row"`    // each row is the mean over this; default 5s
	Learn  conf.Duration `toml:"learn"`  // silent for so long; default 1h
	Seed   uint64        `toml:"seed"`
}

// maxGroup is the most series of one group: with the relation of each pair they
// make 10 features, within what attribution can tell apart (12).
const maxGroup = 4

// Validate reports what is wrong.
func (c AnomalyConfig) Validate(metrics []collect.Metric) []conf.Fault {
	var faults []conf.Fault
	if n := len(c.Series); n > mostWatched {
		faults = append(faults, conf.Fault{Path: "series", Problem: fmt.Sprintf("%d series", n), Hint: fmt.Sprintf("give at most %d, or leave it out for those that explain trouble", mostWatched)})
	}
	for i, name := range c.Series {
		for _, f := range (RuleConfig{Metric: name}).Validate(metrics) {
			if f.Path == "metric" {
				f.Path = fmt.Sprintf("series.%d", i)
				faults = append(faults, f)
			}
		}
	}
	if _, err := ParseBudget(c.Budget); c.Budget != "" && err != nil {
		faults = append(faults, conf.Fault{Path: "budget", Problem: err.Error(), Hint: `write for example "1 per week"`})
	}
	d := c.withDefaults()
	if d.Row.D() < time.Second || d.Row.D() > 10*time.Minute {
		faults = append(faults, conf.Fault{Path: "row", Problem: fmt.Sprintf("row %s is out of range", c.Row), Hint: "1s to 10m"})
	} else if d.Learn.D() < 100*d.Row.D() {
		faults = append(faults, conf.Fault{Path: "learn", Problem: fmt.Sprintf("learn %s is less than 100 rows of %s", c.Learn, d.Row), Hint: "a forest needs rows to learn from"})
	}
	return faults
}

func (c AnomalyConfig) withDefaults() AnomalyConfig {
	if c.Budget == "" {
		c.Budget = "1 per week"
	}
	if c.Row == 0 {
		c.Row = conf.Duration(5 * time.Second)
	}
	if c.Learn == 0 {
		c.Learn = conf.Duration(time.Hour)
	}
	if len(c.Series) == 0 {
		c.Series = telling
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	return c
}

// DefaultGroups are the series judged together where the configuration names
// none: what moves together on a healthy host.
func DefaultGroups() map[string][]string {
	return map[string][]string{
		"cpu":     {"cpu_usage_active", "cpu_usage_system", "context_switches", "cpu_runqueue_wait"},
		"disk":    {"diskio_write_bytes", "diskio_writes", "diskio_read_bytes", "diskio_reads"},
		"network": {"net_bytes_recv", "net_packets_recv", "net_bytes_sent", "net_packets_sent"},
	}
}

// NewAnomaly makes the rule of a configuration; none where it is off.
func NewAnomaly(c AnomalyConfig) ([]Rule, error) {
	if c.Enable != nil && !*c.Enable {
		return nil, nil
	}
	a, err := newAnomaly(c.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("make anomaly rule: %w", err)
	}
	return []Rule{a}, nil
}

func newAnomaly(c AnomalyConfig) (*Anomaly, error) {
	rate, err := ParseBudget(c.Budget)
	if err != nil {
		return nil, err
	}
	a := &Anomaly{cfg: c, learn: int(c.Learn / c.Row)}
	for k := range a.past {
		if a.past[k], err = newExtremes(c.Row.D(), priors[k]); err != nil {
			return nil, err
		}
	}
	if a.budget, err = NewBudget(rate, c.Row.D()); err != nil {
		return nil, err
	}
	groups := c.groups()
	for i, name := range slices.Sorted(maps.Keys(groups)) {
		g, err := newGroup(name, groups[name], ScorerOptions{Step: c.Row.D(), Seed: c.Seed + uint64(i)})
		if err != nil {
			return nil, err
		}
		a.groups = append(a.groups, g)
	}
	return a, nil
}

// learnsAs is whether what a rule of another configuration learnt serves this one:
// series may come and go, all else is the same.
func (c AnomalyConfig) learnsAs(o AnomalyConfig) bool {
	if !reflect.DeepEqual(c.groups(), o.groups()) {
		return false
	}
	c.Series, o.Series = nil, nil
	return reflect.DeepEqual(c, o)
}

// groups are the metrics judged together: the default ones of which all are
// watched; where few are, they all.
func (c AnomalyConfig) groups() map[string][]string {
	if n := len(c.Series); n > 1 && n <= maxGroup {
		return map[string][]string{"series": c.Series}
	}
	groups := DefaultGroups()
	maps.DeleteFunc(groups, func(_ string, metrics []string) bool {
		return slices.ContainsFunc(metrics, func(m string) bool { return !slices.Contains(c.Series, m) })
	})
	return groups
}
