package rehearse

import (
	"math"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/detect"
)

// TestDefaultRules: the documented example of each built-in rule holds.
func TestDefaultRules(t *testing.T) {
	t.Parallel()
	tests, err := LoadTests("../../../docs/default-rules.test.toml")
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, x := range tests {
		if wrong := x.Run(config.Default().Rules, config.Metrics()); len(wrong) > 0 {
			t.Errorf("%s:\n  %s", x.Name, strings.Join(wrong, "\n  "))
		}
		for _, i := range x.Incidents {
			covered[i.Rule] = true
		}
	}
	for _, r := range detect.DefaultRules() {
		if !covered[r.Name] {
			t.Errorf("rule %s has no example in docs/default-rules.test.toml", r.Name)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for text, want := range map[string][]float64{
		"": nil, "80": {80}, "1 _ -2.5e1": {1, nan, -25}, "1x4": {1, 1, 1, 1, 1}, "-2+4x3": {-2, 2, 6, 10}, "1-2x2": {1, -1, -3}, "_x3 5": {nan, nan, nan, 5}, "_x0": {nan},
	} {
		got, err := values(text)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %v %v", text, got, err)
			continue
		}
		for i := range got {
			if got[i] != want[i] && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
	for _, text := range []string{"x", "1x", "1+2", "_+1x3", "1x99999999", "1..2", "1x600000 1x600000", "80,81", "1e999"} {
		if got, err := values(text); err == nil {
			t.Errorf("%q gives %d values", text, len(got))
		}
	}
}

// TestRuleTestFails for each way to be wrong, and says what came.
func TestRuleTestFails(t *testing.T) {
	t.Parallel()
	rules := []detect.RuleConfig{{Name: "busy", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(90), Period: seconds(10), Severity: alert.Critical}}
	right := TestIncident{Rule: "busy", Severity: alert.Critical, Fires: seconds(24), Resolves: seconds(36)}
	base := Test{Interval: seconds(1), Series: []TestSeries{{Metric: "cpu_usage_active", Values: "1x14 95x9 99x5 1x30"}}, Incidents: []TestIncident{right}}
	if wrong := base.Run(rules, config.Metrics()); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for want, change := range map[string]func(*Test){
		`other: { rule = "busy", target = "", severity = "critical", fires = "24s", resolves = "36s" }; expected`: func(x *Test) { x.Incidents[0].Fires = seconds(25) },
		`severity = "critical", fires = "24s"`:            func(x *Test) { x.Incidents[0].Severity = alert.Warning },
		"unexpected: { rule":                              func(x *Test) { x.Incidents = nil },
		`missing: { rule = "busy", target = "/"`:          func(x *Test) { x.Incidents[0].Target = "/" },
		`there is no metric "cpu"`:                        func(x *Test) { x.Series[0].Metric = "cpu" },
		`there is no rule "none"`:                         func(x *Test) { x.Rules = []string{"none"} },
		`missing: { rule = "busy", target = "", severity`: func(x *Test) { x.Series[0].Values = "1x60" },
	} {
		x := base
		x.Series, x.Incidents = []TestSeries{base.Series[0]}, []TestIncident{right}
		change(&x)
		if wrong := strings.Join(x.Run(rules, config.Metrics()), "\n"); !strings.Contains(wrong, want) {
			t.Errorf("%q\nwant %q", wrong, want)
		}
	}
}

// TestParseTestsFaults: every fault has its place.
func TestParseTestsFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "holds no [[test]]",
		"[[test]]\nnam = \"x\"":        "nam",
		"[[test]\n":                    "expected",
		"[[test]]\ninterval = \"1\"":   "duration",
		"[[test]]\ninterval = \"1ms\"": "below 100ms",
		"[[test]]\nname=\"a\"\nseries=[{metric=\"m\",values=\"1 x\"}]\n[[test]]\nseries=[{metric=\"n\",values=\"y\"}]": `"test 2": series n: "y"`,
	} {
		if _, err := ParseTests([]byte(text), "f.test.toml"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "f.test.toml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzTests: any file is read or refused.
func FuzzTests(f *testing.F) {
	f.Add([]byte("[[test]]\nseries=[{metric=\"cpu_usage_active\",values=\"1x3 99+1x20 _x3\"}]\nincident=[{rule=\"busy\",fires=\"3s\"}]\n"))
	rules := []detect.RuleConfig{{Name: "busy", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(90), Period: seconds(10)}}
	f.Fuzz(func(t *testing.T, b []byte) {
		tests, err := ParseTests(b, "f")
		if err != nil {
			return
		}
		for _, x := range tests {
			total := 0
			for _, s := range x.Series {
				v, _ := values(s.Values)
				total += len(v)
			}
			if total < 10_000 {
				x.Run(rules, config.Metrics())
			}
		}
	})
}
