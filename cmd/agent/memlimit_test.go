package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCgroupMemory: the least limit on the way up counts, in either version;
// none is none.
func TestCgroupMemory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put := func(name, text string) string {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	put("v2/memory.max", "max\n")
	put("v2/a/memory.max", "67108864\n")
	put("v2/a/b/memory.max", "134217728\n")
	put("v2/c/memory.max", "max\n")
	put("v1/memory/x/memory.limit_in_bytes", "50000000\n")
	put("v1/memory/memory.limit_in_bytes", "9223372036854771712\n")
	for _, c := range []struct {
		self, root string
		want       int64
	}{
		{"0::/a/b\n", "v2", 67108864},
		{"0::/c\n", "v2", 0},
		{"0::/../..\n", "v2", 0},
		{"9:name=systemd:/a/b\n4:memory:/x\n0::/\n", "v1", 50000000},
		{"4:memory:/\n", "v1", 0},
		{"garbage\n\n", "v2", 0},
	} {
		if got := cgroupMemory(put("self", c.self), filepath.Join(root, c.root)); got != c.want {
			t.Errorf("%q: %d, want %d", c.self, got, c.want)
		}
	}
	if got := cgroupMemory(filepath.Join(root, "absent"), root); got != 0 {
		t.Errorf("absent: %d", got)
	}
}
