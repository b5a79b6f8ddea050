package collecttest

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// damage is one way in which the files of a tree can be bad.
type damage struct {
	name    string
	nothing bool                  // nothing sound is left
	do      func(b []byte) []byte // nil = remove the file
}

func damages() []damage {
	return []damage{
		{"missing", true, nil},
		{"empty", true, func([]byte) []byte { return nil }},
		{"garbage", true, func(b []byte) []byte { return bytes.Repeat([]byte{0xff, 'x', ' ', '9', ':', '\n', 0}, 1+len(b)/7) }},
		{"cut", false, func(b []byte) []byte { return b[:len(b)/2] }},
		{"text for numbers", false, replaceDigits},
		{"huge", false, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("1"), []byte("99999999999999999999")) }},
		{"negative", false, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(" "), []byte(" -")) }},
	}
}

func replaceDigits(b []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'z'
		}
		return r
	}, b)
}

// damaged reads a tree whose every file is bad, twice. Where nothing sound is
// left no series may come.
func damaged(t *testing.T, create New, tr *tree, d damage) {
	for _, f := range tr.files {
		bad := filepath.Join(tr.root, "bad", f)
		if d.do == nil {
			if err := os.Remove(bad); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(filepath.Join(tr.root, "2", f))
		if err != nil {
			t.Fatal(err)
		}
		write(t, bad, d.do(b))
	}
	c := create(tr.show(t, "bad"))
	for i := range 2 {
		got := read(t, c, begin.Add(time.Duration(i)*time.Second))
		if d.nothing && len(got) > 0 {
			t.Errorf("reading %d: %d series from %s files: %v", i, len(got), d.name, got)
		}
	}
}

// ofOneProcess matches the files of a process: one that ends is no damage.
var ofOneProcess = regexp.MustCompile(`^proc/[0-9]+/stat$`)

// inPart takes away one file after the other, and of those that matter one
// line after the other. What is then missing must be missing: a zero that the
// whole tree does not give stands for a reading that is not there.
func inPart(t *testing.T, create New, tr *tree) {
	both := func() map[string]float64 {
		c := create(tr.show(t, "1"))
		_ = read(t, c, begin)
		tr.show(t, "2")
		return values(read(t, c, begin.Add(time.Second)))
	}
	whole := both()
	without := func(what string) bool {
		got := both()
		for id, v := range got {
			if want, ok := whole[id]; v == 0 && (!ok || want != 0) {
				t.Errorf("without %s: %s is 0, with it %g", what, id, want)
			}
		}
		return !maps.Equal(got, whole)
	}
	for _, f := range tr.files {
		if ofOneProcess.MatchString(f) {
			continue
		}
		var sources []source
		for _, reading := range []string{"1", "2"} {
			if path := filepath.Join(tr.root, reading, f); exists(path) {
				sources = append(sources, source{path, lines(t, path)})
			}
		}
		for _, s := range sources {
			rename(t, s.path, s.path+".away")
		}
		matters := without(f)
		for _, s := range sources {
			rename(t, s.path+".away", s.path)
		}
		longest := sources[len(sources)-1].lines // of reading 2, which has every file of the list
		for n := 0; matters && n < len(longest); n++ {
			for _, s := range sources {
				write(t, s.path, s.without(n))
			}
			without(f + " line " + string(bytes.TrimSpace(longest[n])))
		}
		for _, s := range sources {
			write(t, s.path, s.without(-1))
		}
	}
}

// source is one file of a reading.
type source struct {
	path  string
	lines [][]byte
}

// without gives the file without line n.
func (s source) without(n int) []byte {
	var out []byte
	for i, l := range s.lines {
		if i != n {
			out = append(out, l...)
		}
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func lines(t *testing.T, path string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(bytes.Lines(b))
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// write replaces a file's content. It does not cut the file to nothing first:
// ext4 would send such a file to the disk when it is closed (auto_da_alloc).
func write(t *testing.T, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Truncate(int64(len(b))), f.Close()); err != nil {
		t.Fatal(err)
	}
}
