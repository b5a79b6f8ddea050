package detect

import (
	"math"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// TestFaults holds the exact words of every fault a rule can have.
func TestFaults(t *testing.T) {
	t.Parallel()
	metrics := []collect.Metric{
		{Name: "cpu_usage_active", Unit: "Percent", Min: 0, Max: 100},
		{Name: "net_bytes_recv", Unit: "Bytes/Second", Min: 0, Max: math.NaN()},
	}
	for _, c := range []struct {
		name, want string
		with       func(*RuleConfig)
	}{
		{"a good rule", "", func(*RuleConfig) {}},
		{"no name", `name: rule name "" is not of the form [a-z0-9-], 1 to 64 letters; write for example "disk-full"`, func(r *RuleConfig) { r.Name = "" }},
		{"bad name", `name: rule name "CPU hot" is not of the form [a-z0-9-], 1 to 64 letters; write for example "disk-full"`, func(r *RuleConfig) { r.Name = "CPU hot" }},
		{"no metric", `metric: a rule needs a metric; write for example metric = "cpu_usage_active"`, func(r *RuleConfig) { r.Metric = "" }},
		{"mistyped metric", `metric: unknown metric "cpu_usage_activ"; did you mean "cpu_usage_active"?`, func(r *RuleConfig) { r.Metric = "cpu_usage_activ" }},
		{"mistyped statistic", `statistic: statistic "maxx" is not known; did you mean "max"?`, func(r *RuleConfig) { r.Statistic = "maxx" }},
		{"quantile out of range", `statistic: statistic "p100" is not known; one of avg, min, max, sum, last, rate, times, time_to_full, p1 … p99`, func(r *RuleConfig) { r.Statistic = "p100" }},
		{"bad comparison", `comparison: comparison "=>" is not known; one of ">", ">=", "<", "<="`, func(r *RuleConfig) { r.Comparison = "=>" }},
		{"no threshold", `threshold: a rule needs a threshold; write for example threshold = 90`, func(r *RuleConfig) { r.Threshold = nil }},
		{"threshold is no number", `threshold: threshold must be a number`, func(r *RuleConfig) { r.Threshold = level(math.NaN()) }},
		{"threshold out of bounds", `threshold: cpu_usage_active is never > 100; its values lie between 0 and 100`, func(r *RuleConfig) { r.Threshold = level(100) }},
		{"threshold below bounds", `threshold: net_bytes_recv is never < 0; its values lie between 0 and any number`, func(r *RuleConfig) { r.Metric, r.Comparison, r.Threshold = "net_bytes_recv", "<", level(0) }},
		{"the bound itself is reached", "", func(r *RuleConfig) { r.Comparison, r.Threshold = ">=", level(100) }},
		{"a sum has other bounds", "", func(r *RuleConfig) { r.Statistic, r.Threshold = "sum", level(400) }},
		{"clear on the wrong side", `clear: clear 95 is above the threshold 90; with > it must be at or below the threshold, or the alert never resolves`, func(r *RuleConfig) { r.Clear = level(95) }},
		{"clear on the other wrong side", `clear: clear 5 is below the threshold 10; with < it must be at or above the threshold, or the alert never resolves`, func(r *RuleConfig) { r.Comparison, r.Threshold, r.Clear = "<", level(10), level(5) }},
		{"M over N", `datapoints_to_alarm: datapoints_to_alarm is 4, of 3 evaluation_periods; it cannot be more than evaluation_periods`, func(r *RuleConfig) { r.EvaluationPeriods, r.DatapointsToAlarm = 3, 4 }},
		{"broken period", `period: period 1.5s is not a whole number of seconds; write 1s or more`, func(r *RuleConfig) { r.Period = conf.Duration(1.5e9) }},
		{"too long", `period: the rule looks back 7h, at most 6h; shorten period or evaluation_periods`, func(r *RuleConfig) { r.Period, r.EvaluationPeriods = seconds(3600), 7 }},
		{"absurdly many periods", `evaluation_periods: the rule looks back too long, at most 6h; shorten period or evaluation_periods`, func(r *RuleConfig) { r.EvaluationPeriods = math.MaxInt64 / 2 }},
		{"for and periods", `for: for and evaluation_periods say the same; give one of them`, func(r *RuleConfig) { r.For, r.EvaluationPeriods = seconds(60), 1 }},
		{"negative for", `for: for -1m is negative; write for example "5m"`, func(r *RuleConfig) { r.For = seconds(-60) }},
		{"no periods", `evaluation_periods: evaluation_periods must be 1 or more`, func(r *RuleConfig) { r.EvaluationPeriods = -1 }},
		{"mistyped missing", `missing: missing "notbreaching" is not known; did you mean "notBreaching"?`, func(r *RuleConfig) { r.Missing = "notbreaching" }},
		{"bad severity", `severity: severity "page" is not known; one of info, warning, critical`, func(r *RuleConfig) { r.Severity = "page" }},
		{"mirror of what CloudWatch lacks", `mirror: CloudWatch alarms have no rate, times, time_to_full, last or clear; leave mirror out, or write the rule without it`, func(r *RuleConfig) { r.Mirror, r.Clear = true, level(50) }},
		{"mirror of an odd period", `mirror: CloudWatch alarms have no period of 15s; 10s, 20s, 30s or whole minutes`, func(r *RuleConfig) { r.Mirror, r.Period = true, seconds(15) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := RuleConfig{Name: "r", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(90)}
			c.with(&r)
			var got []string
			for _, f := range r.Validate(metrics) {
				got = append(got, f.String())
			}
			if s := strings.Join(got, " | "); s != c.want {
				t.Errorf("\n got  %s\n want %s", s, c.want)
			}
		})
	}
	twice := ValidateRules([]RuleConfig{{Name: "a", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(1)}, {Name: "a", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(1)}}, metrics)
	if len(twice) != 1 || twice[0].String() != `1.name: rule "a" is there twice; the other is rule number 1` {
		t.Error(twice)
	}
}
