package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	docFile  = "../../../docs/configuration.md"
	packaged = "../../../packaging/firewatch.toml"
	docBegin = "<!-- reference: written by `go test ./cmd/agent/config -update`; edit cmd/agent/config/keys.go -->\n"
)

const packagedHead = `# firewatch: the configuration of the agent, with every key there is.
#
# Every setting is commented out and shows its default, or an example where the
# text says so. The agent needs none of them: without a change it watches this
# host by the built-in rules. After a change:
#
#   firewatch check --config /etc/firewatch/firewatch.toml
#   systemctl reload firewatch
#
# Keep secrets elsewhere: in a *_file, in "${env:NAME}" or, by systemd's
# LoadCredential=, in "${credential:NAME}". docs/configuration.md says more.

`

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		writeFile(t, path, want)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), want); diff != "" {
		t.Errorf("%s is not what the code says; go test ./cmd/agent/config -update (-file +code):\n%s", path, diff)
	}
}

// TestPackagedConfig: the file that packages install is the reference, and is
// the built-in configuration, as it is and with the built-in rules uncommented.
func TestPackagedConfig(t *testing.T) {
	var b bytes.Buffer
	if err := PrintReference(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, packaged, packagedHead+b.String())
	text := packagedHead + b.String()
	at := strings.Index(text, "# The built-in ones:")
	end := strings.Index(text, "\n[anomaly]")
	for _, s := range []string{text, text[:at] + uncomment(text[at:end]) + text[end:]} {
		c, faults := Parse([]byte(s), packaged)
		if diff := same(Default(), c); diff != "" || len(faults) > 0 {
			t.Errorf("%v %s", faults, diff)
		}
	}
}

// TestDocs: the reference in docs/configuration.md is that of the code, and
// the examples in the page are good.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(b), docBegin)
	if !ok {
		t.Fatalf("%s has no line %q", docFile, docBegin)
	}
	golden(t, docFile, head+docBegin+reference())

	t.Setenv("SLACK_TOKEN", "xoxb-1")
	blocks := strings.Split(head, "```toml\n")[1:]
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if _, faults := Parse([]byte(text), docFile); len(faults) > 0 {
			t.Errorf("the example\n%s\nhas faults: %v", text, faults)
		}
	}
	if len(blocks) < 4 {
		t.Errorf("%d examples", len(blocks))
	}
}

// reference is the list of all keys, table by table.
func reference() string {
	var b strings.Builder
	for _, t := range Reference() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| key | type | default | meaning |\n|---|---|---|---|\n", t.Head, t.Text)
		for _, k := range t.Keys {
			def, text := "", k.Text
			if k.Default != "" {
				def = "`" + k.Default + "`"
			} else if before, example, ok := strings.Cut(text, " Example: "); ok {
				text = before + " Example: `" + example + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Type, def, strings.ReplaceAll(text, "|", `\|`))
		}
	}
	return b.String()
}
