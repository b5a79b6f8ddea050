package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHostileFiles: what is too large, too deep or too much is refused soon,
// with a bounded list of faults.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	var keys strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, "k%d = 1\n", i)
	}
	for name, data := range map[string][]byte{
		"100 MB":           bytes.Repeat([]byte("# comment\n"), 10<<20),
		"deep arrays":      []byte("x = " + strings.Repeat("[", 100_000)),
		"deep tables":      []byte("x = " + strings.Repeat("{a=", 100_000)),
		"a long path":      []byte("[" + strings.Repeat("a.", 100_000) + "a]"),
		"very many keys":   []byte(keys.String()),
		"very many tables": []byte(strings.Repeat("[[rule]]\n", 60_000)),
		"no end":           []byte(`x = """` + strings.Repeat("a", 900_000)),
		"binary":           bytes.Repeat([]byte{0, 0xff, '='}, 100_000),
	} {
		began := time.Now()
		c, faults := Parse(data, name)
		if c == nil || len(faults) == 0 || len(faults) > 101 {
			t.Errorf("%s: %d faults", name, len(faults))
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: %s", name, took)
		} else {
			t.Logf("%s: %d faults in %s", name, len(faults), took.Round(time.Millisecond))
		}
	}
	path := filepath.Join(t.TempDir(), "sparse.toml")
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(100 << 20)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if _, _, err := Load(path); err == nil {
		t.Error("a file of 100 MB was read")
	}
}
