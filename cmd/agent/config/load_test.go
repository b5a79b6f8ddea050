package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "firewatch.toml")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c, faults, err := Load(write(t, text, 0o600))
	if err != nil || len(faults) > 0 {
		t.Fatalf("%v %v", err, faults)
	}
	return c
}

// TestValues checks that each kind of value arrives.
func TestValues(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, strings.ReplaceAll(`
[agent]
interval = "1m"
labels = { a = "1", "b.c" = 'x\y' }
[collect.net]
ignore = []
[[probe]]
name = "db"
type = "http"
target = "http://[::1]/"
expect.status = 0xcc
[[rule]]
name = "own"
metric = "system_load1"
statistic = "rate"
comparison = "<"
threshold = -1_000.5
evaluation_periods = +3
[anomaly]
enable = false
seed = 9223372036854775807
`, "\n", "\r\n"))
	own := c.Rules[len(c.Rules)-1]
	switch {
	case c.Agent.Interval.D() != time.Minute, c.Agent.Labels["a"] != "1", c.Agent.Labels["b.c"] != `x\y`:
		t.Errorf("agent: %+v", c.Agent)
	case c.Collect.Net.Ignore == nil || len(c.Collect.Net.Ignore) != 0:
		t.Errorf("an empty list must not be nil: %#v", c.Collect.Net.Ignore)
	case c.Probes[0].Expect.Status != 204:
		t.Errorf("probe: %+v", c.Probes[0])
	case *own.Threshold != -1000.5, own.EvaluationPeriods != 3, own.Clear != nil:
		t.Errorf("rule: %+v", own)
	case *c.Anomaly.Enable, c.Anomaly.Seed != 1<<63-1:
		t.Errorf("anomaly: %+v", c.Anomaly)
	}
}

// TestRulesReplace: a rule with a built-in one's name takes its place as a
// whole, others are added, and default_rules = false leaves only the file's.
func TestRulesReplace(t *testing.T) {
	t.Parallel()
	const own = `
[[rule]]
name = "disk-full"
metric = "disk_used_percent"
comparison = ">"
threshold = 80
[[rule]]
name = "load-high"
metric = "system_load1"
comparison = ">"
threshold = 20
`
	builtin := detect.DefaultRules()
	rules := mustLoad(t, own).Rules
	if len(rules) != len(builtin)+1 || rules[len(builtin)].Name != "load-high" {
		t.Fatalf("%d rules, want %d and load-high at the end", len(rules), len(builtin)+1)
	}
	for i, r := range builtin {
		if rules[i].Name != r.Name {
			t.Errorf("rule %d is %s, want %s", i, rules[i].Name, r.Name)
		}
		if r.Name == "disk-full" && (*rules[i].Threshold != 80 || rules[i].Clear != nil || rules[i].Severity != "") {
			t.Errorf("disk-full is not replaced as a whole: %+v", rules[i])
		}
	}
	if rules := mustLoad(t, "agent.default_rules = false\n"+own).Rules; len(rules) != 2 {
		t.Errorf("%d rules without the built-in ones, want 2", len(rules))
	}
}

// TestBuiltinIsGood: the built-in rules pass what a file's rules must pass.
func TestBuiltinIsGood(t *testing.T) {
	t.Parallel()
	if faults := Default().validate(true); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestInlineSecret: only others' reading is refused, and only of secrets that
// stand in the file.
func TestInlineSecret(t *testing.T) {
	t.Setenv("FW_TEST_TOKEN", "xoxb-1")
	const inline, reference = "[[sink.slack]]\nname = \"a\"\nchannel = \"#a\"\ntoken = \"xoxb-1\"\n", "[[sink.slack]]\nname = \"a\"\nchannel = \"#a\"\ntoken = \"${env:FW_TEST_TOKEN}\"\n"
	for _, c := range []struct {
		text string
		mode os.FileMode
		want int
	}{{inline, 0o644, 1}, {inline, 0o604, 1}, {inline, 0o640, 0}, {inline, 0o600, 0}, {reference, 0o644, 0}} {
		_, faults, err := Load(write(t, c.text, c.mode))
		if err != nil || len(faults) != c.want {
			t.Errorf("mode %04o: %v, %v; want %d faults", c.mode, err, faults, c.want)
		}
	}
}

// TestUnreadable: what is no file of ours is refused at once, without waiting.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, big := filepath.Join(dir, "pipe"), filepath.Join(dir, "big")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 100<<20); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "none"): "no such file", dir: "not a regular file", pipe: "not a regular file", "/dev/zero": "not a regular file", big: "at most 1048576"} {
		c, _, err := Load(path)
		if c != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestHostile: size, depth and number are bounded, in time and in what is
// reported.
func TestHostile(t *testing.T) {
	t.Parallel()
	var keys, faulty strings.Builder
	for i := 0; keys.Len() < 1<<20-100; i++ {
		fmt.Fprintf(&keys, "k%d=1\n", i)
	}
	for range 5000 {
		faulty.WriteString("[[rule]]\n")
	}
	half := strings.Repeat("[", 1<<19)
	for name, text := range map[string]string{
		"2 MB":             strings.Repeat("a = 1\n", 2<<20/6),
		"keys":             keys.String(),
		"array of values":  "a = [" + strings.Repeat("1,", 1<<19-10) + "]",
		"deep arrays":      "a = " + half,
		"deep tables":      "a = " + strings.Repeat("{a=", 1<<18),
		"dotted key":       "a" + strings.Repeat(".a", 1<<19-10) + " = 1",
		"dotted header":    "[a" + strings.Repeat(".a", 1<<19-10) + "]",
		"faulty rules":     faulty.String(),
		"errors":           strings.Repeat("[a]\n=\n", 1<<17),
		"one line":         "agent = \"" + strings.Repeat("x", 1<<20-100) + "\"",
		"open quotes":      strings.Repeat("a = \"\"\"\n[a]\n", 1<<16),
		"brackets in text": "a = '''\n" + strings.Repeat("[a]\n", 1<<18-10),
	} {
		began := time.Now()
		c, faults := Parse([]byte(text), "hostile.toml")
		if took := time.Since(began); took > time.Minute { // a bound that no machine is too slow for, and that what grows as a square misses
			t.Errorf("%s: took %s", name, took)
		}
		if c == nil || len(faults) == 0 || len(faults) > maxFaults {
			t.Errorf("%s: %d faults", name, len(faults))
		}
		var b bytes.Buffer
		if err := Render(&b, "hostile.toml", faults); err != nil || b.Len() > 300<<10 {
			t.Errorf("%s: %d bytes of faults, %v", name, b.Len(), err)
		}
	}
}

// TestPartial: what could be read is there, whatever else is wrong.
func TestPartial(t *testing.T) {
	t.Parallel()
	c, faults := Parse([]byte("[agent]\nstate_dir = \"/data\"\ninterval = 5\n[[rule]\n[[probe]]\nname = \"db\"\n"), "x")
	if len(faults) != 3 || c.Agent.StateDir != "/data" || c.Agent.Interval != defaultInterval || len(c.Probes) != 1 || len(c.Rules) == 0 {
		t.Errorf("%d faults, %+v, %d probes", len(faults), c.Agent, len(c.Probes))
	}
}

// TestPlace: a fault's path leads to its line, through keys with dots too.
func TestPlace(t *testing.T) {
	t.Parallel()
	r := parse([]byte("[agent.labels]\n\"a.b\" = \"x\"\n[[rule]]\n[[rule]]\nname = \"x\"\n"), "x")
	for path, line := range map[string]int{"agent.labels.a.b": 2, "rule.0.name": 3, "rule.1.name": 5, "rule.1.clear": 4, "rule.7.name": 3, "http.listen": 1, "": 1} {
		r.faults.list = nil
		r.place(conf.Fault{Path: path, Problem: "p"})
		if got := r.faults.list[0].Line; got != line {
			t.Errorf("%q: line %d, want %d", path, got, line)
		}
	}
}
