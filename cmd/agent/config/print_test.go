package config

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func printed(t testing.TB, c *Config) string {
	t.Helper()
	var b bytes.Buffer
	if err := Print(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPrintRoundTrip: what is printed reads back as the same configuration.
func TestPrintRoundTrip(t *testing.T) {
	t.Setenv("FW_TEST_TOKEN", "***")
	a, err := txtar.ParseFile("../testdata/script/config_good.txtar")
	if err != nil {
		t.Fatal(err)
	}
	configs := map[string]*Config{"default": Default()}
	for _, f := range a.Files {
		configs[f.Name], _ = Parse(f.Data, f.Name)
	}
	for name, c := range configs {
		if name == "webhook.toml" || name == "slack-webhook.toml" {
			continue // their secret is an URL, which *** is not
		}
		text := printed(t, c)
		again, faults := Parse([]byte(text), name)
		if len(faults) > 0 {
			t.Errorf("%s: printed with faults: %v", name, faults)
		} else if diff := same(c, again); diff != "" {
			t.Errorf("%s (-config +printed and read again): %s", name, diff)
		}
	}
}

// TestPrintAnyText: names, labels and summaries of any text survive.
func TestPrintAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"`, `\`, "'''", "\n[x]\n", "\x00\x1b\x7f", "a # b", "ü", "\u2028"}))
		c := Default()
		c.Agent.Labels = rapid.MapOfN(text, text, 1, 3).Draw(rt, "labels")
		level := rapid.Float64().Draw(rt, "threshold")
		c.Rules = append(c.Rules, detect.RuleConfig{Name: "x", Threshold: &level, Summary: text.Draw(rt, "summary"), Period: conf.Duration(rapid.Int64Range(0, 1e15).Draw(rt, "period"))})
		c.Collect.Disable = rapid.SliceOfN(text, 1, 3).Draw(rt, "disable")
		again, faults := Parse([]byte(printed(t, c)), "x")
		for _, f := range faults { // values may be nonsense, but TOML they are
			if strings.Contains(f.Problem, "must be") && f.Problem != "threshold must be a number" || strings.Contains(f.Problem, "not a value") {
				rt.Fatalf("%s\n%s", f, printed(t, c))
			}
		}
		if diff := same(c, again); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestPrintHidesSecrets(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Sinks.Slack = []slack.Config{{Name: "a", Token: conf.NewSecret("canary"), Webhook: conf.NewSecret("canary")}}
	if s := printed(t, c); strings.Contains(s, "canary") || strings.Count(s, `"***"`) != 2 {
		t.Errorf("a secret is printed, or none:\n%s", s)
	}
}

// paths lists every key of a struct and of what is below it.
func paths(typ reflect.Type, path string) []string {
	var out []string
	for f := range fields(typ) {
		t, at := typ.Field(f.index).Type, join(path, f.name)
		if isTables(t) {
			out = append(out, paths(element(t), at)...)
			continue
		}
		out = append(out, at)
	}
	return out
}

// TestEveryKeyIsDocumented: the texts are those of the keys there are, each
// value shown is one the key takes, and each field has a key.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	want := paths(reflect.TypeFor[Config](), "")
	var have []string
	for _, k := range keys() {
		have = append(have, k.path)
		if len(k.text) < 10 || !strings.HasSuffix(k.text, ".") {
			t.Errorf("%s: the text is no sentence: %q", k.path, k.text)
		}
	}
	for _, p := range want {
		if !slices.Contains(have, p) {
			t.Errorf("%s has no text in keys.go", p)
		}
	}
	for i, p := range have {
		if !slices.Contains(want, p) || slices.Contains(have[:i], p) {
			t.Errorf("%s is in keys.go, and not or twice in the structs", p)
		}
	}
	if len(want) < 50 {
		t.Errorf("%d keys: the walk is broken", len(want))
	}
}

// TestEveryExampleFits: uncommented, the reference has no fault of syntax, of
// name or of type.
func TestEveryExampleFits(t *testing.T) {
	t.Setenv("SLACK_TOKEN", "xoxb-1")
	t.Setenv("PAGER_TOKEN", "x")
	t.Setenv("PAGER_SECRET", "x")
	t.Setenv("AM_PASSWORD", "x")
	t.Setenv("PAGERDUTY_KEY", "x")
	t.Setenv("PG_PASSWORD", "x")
	t.Setenv("FIREWATCH_TOKEN", "x")
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	writeFile(t, dir+"/slack-webhook", "https://hooks.slack.com/services/x")
	var b bytes.Buffer
	if err := PrintReference(&b); err != nil {
		t.Fatal(err)
	}
	text := uncomment(b.String())
	_, faults := Parse([]byte(text), "reference")
	// Alternatives exclude each other; all else must be good.
	allowed := []string{"token and webhook are both set", "for and evaluation_periods say the same"}
	for _, f := range faults {
		if !slices.Contains(allowed, f.Problem) && !strings.HasPrefix(f.Problem, "a probe of type http has no ") {
			t.Error(f)
		}
	}
	if len(faults) < len(allowed) {
		t.Errorf("%d faults, want %d: the examples are not being read", len(faults), len(allowed))
	}
}

// uncomment turns "#key = …" into "key = …" and leaves "# text".
func uncomment(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if len(l) > 1 && l[0] == '#' && l[1] != ' ' {
			lines[i] = l[1:]
		}
	}
	return strings.Join(lines, "\n")
}
