package manual

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

var sample = []Command{
	{Name: "run", Args: "[--config F]", Does: "watch this host", Flags: []Flag{{"config", "file", `config file, "it's" [here]`}, {"live", "", "try all"}}},
	{Name: "outbox", Args: "list|check", Does: "list or check: both"},
	{Name: "send", Args: "--severity S|T", Does: "send an alert"},
}

func page(t *testing.T, list []Command) string {
	t.Helper()
	var b bytes.Buffer
	if err := Commands(&b, "1.2.3", list); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCommandsPage: every command, flag and value is in the page, and what
// man(7) would take for a macro or an escape is not.
func TestCommandsPage(t *testing.T) {
	t.Parallel()
	got := page(t, sample)
	for _, want := range []string{".TH FIREWATCH 1 \"\" \"firewatch 1.2.3\"", ".SS firewatch run [\\-\\-config F]", ".B \\-\\-config \\fIfile\\fR", `it\(aqs`, ".B \\-\\-live\n", ".B 75"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	hostile := page(t, []Command{{Name: "x", Does: ".so /etc/passwd\n.so \\n(.z"}})
	if strings.Contains(hostile, "\n.so") || strings.Contains(hostile, `\n(`) {
		t.Errorf("a text becomes a request:\n%s", hostile)
	}
}

func TestConfigPage(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Config(&b, "1", []Table{{"[[probe]]", "A service.", []Key{{"target", "text", `"a \ b"`, "Where."}, {"off", "boolean", "", "Not."}}}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".SS [[probe]]\nA service.", `.BR target " (text, default \(dqa \e b\(dq)"`, `.BR off " (boolean)"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, b.String())
		}
	}
}

// TestBashCompletes asks bash itself, where it is here.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Completion(&b, "bash", sample); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not here")
	}
	for line, want := range map[string]string{
		"firewatch ":                 "run outbox send",
		"firewatch o":                "outbox",
		"firewatch outbox ":          "list check",
		"firewatch run --l":          "--live",
		"firewatch run --config /et": "/etc",
		"firewatch send li":          "",
	} {
		words := strings.Split(line, " ")
		script := b.String() + "\nCOMP_WORDS=("
		for _, w := range words {
			script += "'" + w + "' "
		}
		script += ")\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_firewatch\necho \"${COMPREPLY[*]}\""
		out, err := exec.CommandContext(t.Context(), "bash", "-c", script).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q completes to %q, want %q (%v)", line, got, want, err)
		}
	}
}

func TestZshAndFish(t *testing.T) {
	t.Parallel()
	for shell, wants := range map[string][]string{
		"zsh":  {`'outbox:list or check\: both'`, `'--config[config file, "it'\''s" \[here\]]:file:_files'`, "'2:what:(list check)'"},
		"fish": {"-a outbox -d 'list or check: both'", "-l config -rF", "-a list", "-l live -d 'try all'"},
	} {
		var b bytes.Buffer
		if err := Completion(&b, shell, sample); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q:\n%s", shell, want, b.String())
			}
		}
	}
	if err := Completion(&bytes.Buffer{}, "csh", sample); err == nil {
		t.Error("csh is completed")
	}
}
