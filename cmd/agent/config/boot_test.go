package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// same compares configurations, secrets by value.
func same(a, b *Config) string {
	// An empty map of labels and none mean the same; an empty list and none do not ([] turns defaults off).
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(Config{}), cmp.Comparer(maps.Equal[map[string]string, map[string]string]), cmp.Comparer(func(x, y conf.Secret) bool { return x.Reveal() == y.Reveal() }))
}

func stateRoot(t *testing.T) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

const worked = `
[agent]
interval = "3s"
[[sink.webhook]]
name = "old"
url = "https://old.example"
`

// broken has a mistyped key, a syntax error, and sinks in all conditions.
const broken = `
[agent]
intervall = "1s"
[[sink.webhook]]
name = "good"
url = "https://good.example"
[[sink.webhook]]
name = "bad name"
url = "https://bad.example"
[[rule]]
name = "x
[[sink.slack]]
name = "nothing"
[[sink.sns]]
name = "sns"
topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
[[sink.webhook]]
name = "good"
url = "https://twin.example"
[[route]]
to = ["bad name"]
`

// TestBootLastGood: a faulty file is answered by the last one that worked.
func TestBootLastGood(t *testing.T) {
	t.Parallel()
	root, path := stateRoot(t), write(t, worked, 0o600)
	c, warnings, source := Boot(path, root)
	if source != FromFile || len(warnings) > 0 {
		t.Fatalf("%s %v", source, warnings)
	}
	if err := c.SaveLastGood(root); err != nil {
		t.Fatal(err)
	}
	if st, err := root.Stat(lastGood); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("last good config: %v, %v", st.Mode(), err)
	}
	for _, text := range []string{broken, "", worked} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again, warnings, source := Boot(path, root)
		switch text {
		case broken:
			if diff := same(c, again); diff != "" || source != FromLastGood {
				t.Errorf("from %s: %s", source, diff)
			}
			if len(warnings) < 3 || warnings[0].Line != 3 || !strings.Contains(warnings[0].Headline(), `did you mean "interval"?`) {
				t.Errorf("warnings: %v", warnings)
			}
		default:
			if source != FromFile || len(warnings) > 0 {
				t.Errorf("from %s: %v", source, warnings)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, warnings, source := Boot(path, root); source != FromLastGood || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "no such file") {
		t.Errorf("without the file: from %s: %v", source, warnings)
	}
}

// TestBootSalvage: without a last good file, or with one that fails as well,
// the built-in rules watch and each whole sink delivers.
func TestBootSalvage(t *testing.T) {
	t.Parallel()
	root, path := stateRoot(t), write(t, broken, 0o600)
	for _, old := range []string{"", "[[sink.slack]]\nname = \"a\"\nchannel = \"#a\"\ntoken = \"${env:FW_TEST_UNSET}\"\n"} {
		if old != "" {
			if err := root.WriteFile(lastGood, []byte(old), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, warnings, source := Boot(path, root)
		if source != FromSalvage {
			t.Errorf("from %s", source)
		}
		if got := strings.Join(c.SinkNames(), " "); got != "sns good" {
			t.Errorf("sinks %q, want sns and good", got)
		}
		if c.Sinks.Webhook[0].URL.Reveal() != "https://good.example" {
			t.Errorf("kept the second of two sinks named good")
		}
		bare := *c
		bare.Sinks = Sinks{}
		if diff := same(Default(), &bare); diff != "" {
			t.Errorf("not the built-in configuration: %s", diff)
		}
		named := strings.Contains(warnings[len(warnings)-1].Headline(), lastGood)
		if named != (old != "") {
			t.Errorf("warnings: %v", warnings)
		}
		if err := c.SaveLastGood(root); err != nil {
			t.Fatal(err)
		}
		if b, _ := root.ReadFile(lastGood); string(b) != old {
			t.Errorf("a salvaged configuration was saved as the last good one: %q", b)
		}
	}
}

// TestBootUnreadableByOthers: a file whose only fault is that others can read
// its secret still delivers, with a warning.
func TestBootUnreadableByOthers(t *testing.T) {
	t.Parallel()
	c, warnings, source := Boot(write(t, "[[sink.slack]]\nname = \"a\"\nchannel = \"#a\"\ntoken = \"xoxb-1\"\n", 0o644), stateRoot(t))
	if source != FromSalvage || len(warnings) != 1 || len(c.SinkNames()) != 1 {
		t.Errorf("from %s: %v, sinks %v", source, warnings, c.SinkNames())
	}
}

// TestBootMissingSecret: a sink whose secret is not there costs neither the start
// nor the other sinks; the fault has its line, and is gone once the file is there.
func TestBootMissingSecret(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "token")
	text := "[[sink.webhook]]\nname = \"good\"\nurl = \"https://good.example\"\n[[sink.slack]]\nname = \"ops\"\nchannel = \"#ops\"\ntoken_file = \"" + secret + "\"\n"
	root, path := stateRoot(t), write(t, text, 0o600)
	if err := root.WriteFile(lastGood, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, source := Boot(path, root)
	if source != FromSalvage || strings.Join(c.SinkNames(), " ") != "good" {
		t.Errorf("from %s, sinks %v", source, c.SinkNames())
	}
	_, faults, err := Load(path)
	if err != nil || len(faults) != 1 || faults[0].Line != 7 || !strings.Contains(faults[0].String(), "no such file") {
		t.Errorf("%v %v", err, faults)
	}
	if len(warnings) == 0 || warnings[0].Line != 7 {
		t.Errorf("warnings: %v", warnings)
	}
	if err := os.WriteFile(secret, []byte("xoxb-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, warnings, source := Boot(path, root); source != FromFile || len(warnings) > 0 {
		t.Errorf("from %s: %v", source, warnings)
	}
}

// TestStateDir: a faulty file still says where the state is.
func TestStateDir(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{broken + "[agent.labels]\n": "", "agent.state_dir = \"/data/fw\"\n" + broken: "/data/fw", "agent.state_dir = \"data\"": "", "": ""} {
		if got := StateDir(write(t, text, 0o600)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := StateDir("/nowhere/firewatch.toml") + StateDir(""); got != "" {
		t.Errorf("%q without a file", got)
	}
}

func TestBootWithoutFile(t *testing.T) {
	t.Parallel()
	c, warnings, source := Boot("", stateRoot(t))
	if diff := same(Default(), c); diff != "" || source != FromBuiltin || len(warnings) > 0 {
		t.Errorf("from %s: %v %s", source, warnings, diff)
	}
}

// TestSaveLastGoodWhole: the copy is written whole or not at all, and not
// again when nothing changed.
func TestSaveLastGoodWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	c := mustLoad(t, worked)
	if err := c.SaveLastGood(root); err != nil {
		t.Fatal(err)
	}
	before, _ := root.Stat(lastGood)
	if err := c.SaveLastGood(root); err != nil {
		t.Fatal(err)
	}
	after, _ := root.Stat(lastGood)
	if !os.SameFile(before, after) {
		t.Error("written again without a change")
	}
	// A directory in the way of the temporary file: nothing is lost.
	if err := os.Mkdir(filepath.Join(dir, lastGood+".tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := mustLoad(t, "").SaveLastGood(root); err == nil {
		t.Error("no error")
	}
	if b, _ := root.ReadFile(lastGood); string(b) != worked {
		t.Errorf("the old copy is damaged: %q", b)
	}
}
