package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// TestWithRules changes values in their place, adds keys below the name, and
// puts a built-in rule at the end; comments, order and spelling stay.
func TestWithRules(t *testing.T) {
	t.Parallel()
	source := `# ours
[agent]
interval = "1s"

[[rule]]  # first
name = "busy"       # keep
metric = "cpu_usage_active"
threshold = 8_0.0   # too low?
comparison = ">"

[[rule]]
threshold = 1
name = "load"
metric = "system_load1"
comparison = ">"
for = "2m"`
	c, faults := Parse([]byte(source), "f")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	byName := map[string]detect.RuleConfig{}
	for _, r := range c.Rules {
		byName[r.Name] = r
	}
	level := 92.5
	busy, load, full := byName["busy"], byName["load"], byName["disk-full"]
	busy.Threshold, busy.EvaluationPeriods = &level, 3
	load.For = conf.Duration(600e9)
	more := 97.0
	full.Threshold = &more
	got, err := WithRules([]byte(source), []detect.RuleConfig{busy, full, load})
	if err != nil {
		t.Fatal(err)
	}
	const want = `# ours
[agent]
interval = "1s"

[[rule]]  # first
name = "busy"       # keep
evaluation_periods = 3
metric = "cpu_usage_active"
threshold = 92.5   # too low?
comparison = ">"

[[rule]]
threshold = 1
name = "load"
metric = "system_load1"
comparison = ">"
for = "10m"

[[rule]]
name = "disk-full"
`
	if len(got) < len(want) {
		t.Fatalf("%s", got)
	}
	if diff := cmp.Diff(want, string(got[:len(want)])); diff != "" {
		t.Error(diff)
	}
}

// TestWithRulesRefuses what it cannot change in place, and a file with faults.
func TestWithRulesRefuses(t *testing.T) {
	t.Parallel()
	level := 9.0
	rule := detect.RuleConfig{Name: "busy", Metric: "cpu_usage_active", Comparison: ">", Threshold: &level, EvaluationPeriods: 4}
	for _, source := range []string{
		"rule = [ { name = \"busy\", metric = \"cpu_usage_active\", comparison = \">\", threshold = 3 } ]\n",
		"[[rule]]\nname = \"busy\"\nmetrik = \"cpu_usage_active\"\n",
	} {
		if out, err := WithRules([]byte(source), []detect.RuleConfig{rule}); err == nil {
			t.Errorf("changed to\n%s", out)
		}
	}
	if out, err := WithRules(nil, []detect.RuleConfig{rule}); err != nil || string(out[:8]) != "[[rule]]" {
		t.Errorf("from nothing: %v\n%s", err, out)
	}
}
