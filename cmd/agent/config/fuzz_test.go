package config

import (
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: no input panics, every fault has a place in the file and can be
// shown, what go-toml refuses is refused, and what has no fault prints as a
// file that means the same.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"syntax", "keys", "rules", "names", "sinks", "good"} {
		a, err := txtar.ParseFile("../testdata/script/config_" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".toml") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, faults := Parse(data, "x.toml")
		lines := strings.Count(string(data), "\n") + 1
		for _, d := range faults {
			if d.Line < 1 || d.Line > lines || d.Column < 1 || d.Problem == "" || !utf8.ValidString(d.String()) || strings.Count(d.String(), "\n") > 2 {
				t.Errorf("bad diagnostic %+v", d)
			}
		}
		if err := Render(io.Discard, "x.toml", faults); err != nil {
			t.Error(err)
		}
		var whole any
		if err := toml.Unmarshal(data, &whole); err != nil && len(faults) == 0 {
			t.Errorf("go-toml refuses it: %v", err)
		}
		if len(faults) > 0 || c.hasSecret() {
			return
		}
		again, faults := Parse([]byte(printed(t, c)), "printed.toml")
		if diff := same(c, again); diff != "" || len(faults) > 0 {
			t.Errorf("printed and read again: %v %s", faults, diff)
		}
	})
}

// hasSecret: secrets print as ***, which is another secret.
func (c *Config) hasSecret() bool { return strings.Contains(printedText(c), `"***"`) }

func printedText(c *Config) string {
	var b strings.Builder
	_ = Print(&b, c)
	return b.String()
}
