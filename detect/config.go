package detect

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// RuleConfig is one [[rule]]: a threshold in the language of CloudWatch alarms.
// Statistic over Period is a datapoint; the rule fires when DatapointsToAlarm
// of the last EvaluationPeriods datapoints are beyond Threshold.
type RuleConfig struct {
	Name              string         `toml:"name"`
	Metric            string         `toml:"metric"`
	Target            string         `toml:"target"`     // glob with *; "" = the host's own series, else all
	Statistic         string         `toml:"statistic"`  // avg (default), min, max, sum, last, p1…p99, rate (per second), times (the newest 10 s over the rest), time_to_full (seconds)
	Period            conf.Duration  `toml:"period"`     // default 60s
	Comparison        string         `toml:"comparison"` // >, >=, <, <=
	Threshold         *float64       `toml:"threshold"`
	Clear             *float64       `toml:"clear"` // resolved only beyond this; default the threshold
	EvaluationPeriods int            `toml:"evaluation_periods"`
	DatapointsToAlarm int            `toml:"datapoints_to_alarm"`
	For               conf.Duration  `toml:"for"`      // sugar: evaluation_periods = for / period
	Missing           string         `toml:"missing"`  // missing (default), ignore, breaching, notBreaching
	Severity          alert.Severity `toml:"severity"` // warning (default), info, critical
	Summary           string         `toml:"summary"`
	Mirror            bool           `toml:"mirror"` // may be mirrored as a CloudWatch alarm
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// maxWatched is the longest time that a rule may look back.
const maxWatched = 6 * time.Hour

// withDefaults fills in what is not set.
func (c RuleConfig) withDefaults() RuleConfig {
	if c.Statistic == "" {
		c.Statistic = "avg"
	}
	if c.Period == 0 {
		c.Period = conf.Duration(time.Minute)
	}
	if c.EvaluationPeriods == 0 {
		c.EvaluationPeriods = 1
		if c.For > 0 {
			c.EvaluationPeriods = int((c.For + c.Period - 1) / c.Period)
		}
	}
	if c.DatapointsToAlarm == 0 {
		c.DatapointsToAlarm = c.EvaluationPeriods
	}
	if c.Missing == "" {
		c.Missing = "missing"
	}
	if c.Severity == "" {
		c.Severity = alert.Warning
	}
	return c
}

// Validate reports what is wrong with one rule. metrics are all that can be
// measured; nil leaves the metric's name unchecked.
func (c RuleConfig) Validate(metrics []collect.Metric) []conf.Fault {
	var faults []conf.Fault
	add := func(path, problem, hint string) {
		faults = append(faults, conf.Fault{Path: path, Problem: problem, Hint: hint})
	}
	if !nameForm.MatchString(c.Name) {
		add("name", fmt.Sprintf("rule name %q is not of the form [a-z0-9-], 1 to 64 letters", c.Name), `write for example "disk-full"`)
	}
	c.validateMetric(metrics, add)
	oneOf := func(path, value string, allowed ...string) {
		if value != "" && !slices.Contains(allowed, value) {
			hint := "one of " + strings.Join(allowed, ", ")
			if near := conf.Nearest(value, allowed); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			add(path, fmt.Sprintf("%s %q is not known", path, value), hint)
		}
	}
	oneOf("missing", c.Missing, "missing", "ignore", "breaching", "notBreaching")
	oneOf("severity", string(c.Severity), "info", "warning", "critical")
	if c.Statistic != "" && statisticByName(c.Statistic) == nil {
		oneOf("statistic", c.Statistic, append(slices.Clone(statistics), "p1 … p99")...)
	}
	c.validateTimes(add)
	c.validateLevels(add)
	c.validateBounds(metrics, add)
	if c.Mirror {
		c.validateMirror(add)
	}
	return faults
}

// validateBounds finds a threshold that no reading can be beyond.
func (c RuleConfig) validateBounds(metrics []collect.Metric, add func(path, problem, hint string)) {
	i := slices.IndexFunc(metrics, func(m collect.Metric) bool { return m.Name == c.Metric })
	if i < 0 || c.Threshold == nil || slices.Contains(changing, c.Statistic) {
		return
	}
	m, t := metrics[i], *c.Threshold
	var never bool
	switch c.Comparison {
	case ">":
		never = t >= m.Max
	case ">=":
		never = t > m.Max
	case "<":
		never = t <= m.Min
	case "<=":
		never = t < m.Min
	}
	if never {
		add("threshold", fmt.Sprintf("%s is never %s %s", c.Metric, c.Comparison, num(t)), fmt.Sprintf("its values lie between %s and %s", bound(m.Min), bound(m.Max)))
	}
}

func bound(v float64) string {
	if math.IsNaN(v) {
		return "any number"
	}
	return num(v)
}

// validateMirror finds what a CloudWatch alarm cannot express
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html).
func (c RuleConfig) validateMirror(add func(path, problem, hint string)) {
	d := c.withDefaults()
	if slices.Contains([]string{"rate", "times", "time_to_full", "last"}, d.Statistic) || c.Clear != nil {
		add("mirror", "CloudWatch alarms have no rate, times, time_to_full, last or clear", "leave mirror out, or write the rule without it")
	}
	if p := d.Period.D(); p != 10*time.Second && p != 20*time.Second && p != 30*time.Second && p%time.Minute != 0 {
		add("mirror", fmt.Sprintf("CloudWatch alarms have no period of %s", c.Period), "10s, 20s, 30s or whole minutes")
	}
}

func (c RuleConfig) validateMetric(metrics []collect.Metric, add func(path, problem, hint string)) {
	if c.Metric == "" {
		add("metric", "a rule needs a metric", `write for example metric = "cpu_usage_active"`)
		return
	}
	if metrics == nil || slices.ContainsFunc(metrics, func(m collect.Metric) bool { return m.Name == c.Metric }) {
		return
	}
	names := make([]string, len(metrics))
	for i, m := range metrics {
		names[i] = m.Name
	}
	hint := "docs/metrics.md lists them all"
	if near := conf.Nearest(c.Metric, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	add("metric", fmt.Sprintf("unknown metric %q", c.Metric), hint)
}

func (c RuleConfig) validateTimes(add func(path, problem, hint string)) {
	d := c.withDefaults()
	switch {
	case c.Period.D() < 0 || c.Period != 0 && c.Period.D() < time.Second || c.Period.D()%time.Second != 0:
		add("period", fmt.Sprintf("period %s is not a whole number of seconds", c.Period), "write 1s or more")
		return
	case c.EvaluationPeriods < 0:
		add("evaluation_periods", "evaluation_periods must be 1 or more", "")
		return
	case c.For < 0:
		add("for", fmt.Sprintf("for %s is negative", c.For), `write for example "5m"`)
		return
	case d.EvaluationPeriods > int(maxWatched/time.Second): // and their product may be beyond int64
		add("evaluation_periods", fmt.Sprintf("the rule looks back too long, at most %s", conf.Duration(maxWatched)), "shorten period or evaluation_periods")
		return
	case c.DatapointsToAlarm < 0 || d.DatapointsToAlarm > d.EvaluationPeriods:
		add("datapoints_to_alarm", fmt.Sprintf("datapoints_to_alarm is %d, of %d evaluation_periods", c.DatapointsToAlarm, d.EvaluationPeriods), "it cannot be more than evaluation_periods")
	case d.Period.D()*time.Duration(d.EvaluationPeriods) > maxWatched:
		add("period", fmt.Sprintf("the rule looks back %s, at most %s", conf.Duration(d.Period.D()*time.Duration(d.EvaluationPeriods)), conf.Duration(maxWatched)), "shorten period or evaluation_periods")
	}
	if c.For != 0 && c.EvaluationPeriods != 0 {
		add("for", "for and evaluation_periods say the same", "give one of them")
	}
}

func (c RuleConfig) validateLevels(add func(path, problem, hint string)) {
	greater := c.Comparison == ">" || c.Comparison == ">="
	if !greater && c.Comparison != "<" && c.Comparison != "<=" {
		add("comparison", fmt.Sprintf("comparison %q is not known", c.Comparison), `one of ">", ">=", "<", "<="`)
		return
	}
	switch {
	case c.Threshold == nil:
		add("threshold", "a rule needs a threshold", "write for example threshold = 90")
	case math.IsNaN(*c.Threshold) || math.IsInf(*c.Threshold, 0):
		add("threshold", "threshold must be a number", "")
	case c.Clear != nil && greater && *c.Clear > *c.Threshold:
		add("clear", fmt.Sprintf("clear %s is above the threshold %s", num(*c.Clear), num(*c.Threshold)), "with > it must be at or below the threshold, or the alert never resolves")
	case c.Clear != nil && !greater && *c.Clear < *c.Threshold:
		add("clear", fmt.Sprintf("clear %s is below the threshold %s", num(*c.Clear), num(*c.Threshold)), "with < it must be at or above the threshold, or the alert never resolves")
	}
}

func num(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// ValidateRules checks a list of rules, their names included. Paths begin with
// the rule's index.
func ValidateRules(rules []RuleConfig, metrics []collect.Metric) []conf.Fault {
	var faults []conf.Fault
	seen := map[string]int{}
	for i, c := range rules {
		faults = append(faults, conf.Under(strconv.Itoa(i), c.Validate(metrics))...)
		if first, twice := seen[c.Name]; twice && c.Name != "" {
			faults = append(faults, conf.Fault{Path: strconv.Itoa(i) + ".name", Problem: fmt.Sprintf("rule %q is there twice", c.Name), Hint: fmt.Sprintf("the other is rule number %d", first+1)})
		}
		seen[c.Name] = i
	}
	return faults
}
