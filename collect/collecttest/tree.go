package collecttest

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

//go:embed testdata
var trees embed.FS

// Trees lists the recorded trees: testdata/NAME/{1,2} are two readings of the
// same host, one second apart.
func Trees() []string {
	entries, err := fs.ReadDir(trees, "testdata")
	if err != nil {
		panic(err) // embedded: cannot fail
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// tree is a recorded tree on disk: the folders 1 and 2 of root are its
// readings, bad is for a damaged one, and the link now leads to one of them.
type tree struct {
	root  string
	files []string // of reading 2, below its folder, as proc/stat
}

// unpack writes a recorded tree below a folder of the test.
func unpack(t *testing.T, name string) *tree {
	t.Helper()
	tr := &tree{root: t.TempDir()}
	base := "testdata/" + name
	err := fs.WalkDir(trees, base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := trees.ReadFile(p)
		if err != nil {
			return err
		}
		rest := strings.TrimPrefix(p, base+"/")
		if file, ok := strings.CutPrefix(rest, "2/"); ok {
			tr.files = append(tr.files, file)
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tr.root, "bad", file)), 0o755); err != nil {
				return err
			}
		}
		to := filepath.Join(tr.root, filepath.FromSlash(rest))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// show makes reading the one that is seen at the host it returns.
func (tr *tree) show(t *testing.T, reading string) collect.Host {
	t.Helper()
	now, next := filepath.Join(tr.root, "now"), filepath.Join(tr.root, "next")
	if err := os.Symlink(reading, next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, now); err != nil {
		t.Fatal(err)
	}
	return collect.Host{Proc: filepath.Join(now, "proc"), Sys: filepath.Join(now, "sys"), Root: now, MaxGap: 5 * time.Second}
}
