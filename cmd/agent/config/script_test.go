package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is there now as what is wanted")

// scripts are the tables of wrong and good configs. They are testscripts of
// `firewatch check`; here the same files are judged without the command line.
const scripts = "../testdata/script/config_*.txtar"

// TestScripts parses each NAME.toml and compares what a person would see with
// NAME.want; a file without one must be good.
func TestScripts(t *testing.T) {
	t.Setenv("FW_TEST_HOOK", "https://hooks.slack.com/services/T0/B0/canary")
	t.Setenv("FW_TEST_TOKEN", "xoxb-1-canary")
	t.Setenv("FW_TEST_URL", "http://alerts.example.com/canary")
	paths, err := filepath.Glob(scripts)
	if err != nil {
		t.Fatal(err)
	}
	wrong, good := 0, 0
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]*txtar.File{}
		for i := range a.Files {
			want[a.Files[i].Name] = &a.Files[i]
		}
		for name, f := range want {
			stem, ok := strings.CutSuffix(name, ".toml")
			if !ok {
				continue
			}
			got := shown(t, name, f.Data)
			w := want[stem+".want"]
			switch {
			case w == nil && got == "":
				good++
			case w == nil:
				t.Errorf("%s: %s should be good:\n%s", path, name, got)
			case *update:
				w.Data = []byte(got)
			default:
				wrong++
				if diff := cmp.Diff(string(w.Data), got); diff != "" || got == "" {
					t.Errorf("%s: %s (-want +got):\n%s", path, name, diff)
				}
			}
			if strings.Contains(got, "canary") || strings.Contains(got, "hunter2") {
				t.Errorf("%s: %s: a secret is shown:\n%s", path, name, got)
			}
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !*update && (wrong < 25 || good < 5) {
		t.Errorf("%d wrong and %d good configs: the tables are not being read", wrong, good)
	}
}

// shown is what `check` prints for a file with mode 0644.
func shown(t *testing.T, name string, data []byte) string {
	t.Helper()
	r := parse(data, name)
	r.checkMode(0o644)
	var b bytes.Buffer
	if err := Render(&b, name, r.faults.sorted()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
