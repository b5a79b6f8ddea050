package detect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// AnomalyConfig is [anomaly].
type AnomalyConfig struct {
	Enable *bool         `toml:"enable"` // default true
	Budget string        `toml:"budget"` // false alarms to put up with, such as "1 per week" (default)
	Series []string      `toml:"series"` // 2 to 4 metrics judged together; default: see DefaultGroups
	Row    conf.Duration `toml:"row"`    // each row is the mean over this; default 10s
	Learn  conf.Duration `toml:"learn"`  // silent for so long; default 1h
	Seed   uint64        `toml:"seed"`
}

// maxGroup is the most series of one group: with the relation of each pair they
// make 10 features, within what attribution can tell apart (12).
const maxGroup = 4

// Validate reports what is wrong.
func (c AnomalyConfig) Validate(metrics []collect.Metric) []conf.Fault {
	var faults []conf.Fault
	if n := len(c.Series); n == 1 || n > maxGroup {
		faults = append(faults, conf.Fault{Path: "series", Problem: fmt.Sprintf("%d series", n), Hint: "give 2 to 4, or leave it out for the default groups"})
	}
	for i, name := range c.Series {
		for _, f := range (RuleConfig{Metric: name}).Validate(metrics) {
			if f.Path == "metric" {
				f.Path = fmt.Sprintf("series.%d", i)
				faults = append(faults, f)
			}
		}
	}
	if _, err := parseBudget(c.Budget); c.Budget != "" && err != nil {
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
		c.Row = conf.Duration(10 * time.Second)
	}
	if c.Learn == 0 {
		c.Learn = conf.Duration(time.Hour)
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

// parseBudget reads "N per hour|day|week|month" as events per second.
func parseBudget(s string) (float64, error) {
	f := strings.Fields(s)
	day := 24 * time.Hour
	spans := map[string]time.Duration{"hour": time.Hour, "day": day, "week": 7 * day, "month": 30 * day}
	if len(f) == 3 && f[1] == "per" && spans[f[2]] > 0 {
		if n, err := strconv.ParseFloat(f[0], 64); err == nil && n > 0 && n <= 1000 {
			return n / spans[f[2]].Seconds(), nil
		}
	}
	return 0, fmt.Errorf("budget %q is not a number per hour, day, week or month", s)
}

// NewAnomaly makes the rules of a configuration, one for each group.
func NewAnomaly(c AnomalyConfig) ([]Rule, error) {
	if c.Enable != nil && !*c.Enable {
		return nil, nil
	}
	c = c.withDefaults()
	groups := DefaultGroups()
	if len(c.Series) > 0 {
		groups = map[string][]string{"series": c.Series}
	}
	budget, err := parseBudget(c.Budget)
	if err != nil {
		return nil, fmt.Errorf("make anomaly rules: %w", err)
	}
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []Rule
	for i, name := range names {
		r, err := newGroup("anomaly-"+name, groups[name], c, c.Seed+uint64(i), budget/float64(len(groups)))
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
