package config

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
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
}

// TestHugeFiles: one of 100 MB and one of a million keys are refused for their
// size, and not read for it.
func TestHugeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.toml")
	for name, write := range map[string]func(f *os.File) error{
		"100 MB": func(f *os.File) error { return f.Truncate(100 << 20) },
		"a million keys": func(f *os.File) error {
			w := bufio.NewWriter(f)
			for i := range 1_000_000 {
				fmt.Fprintf(w, "key%d = %d\n", i, i)
			}
			return w.Flush()
		},
	} {
		f, err := os.Create(path)
		if err == nil {
			err = write(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err = Load(path)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "at most 1048576") {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, took)
		}
	}
}
