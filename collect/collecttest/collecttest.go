// Package collecttest is the conformance suite for collectors: Run holds one
// to the contract of collect.Collector on this host, on /proc trees recorded
// from real kernels, and on broken ones.
package collecttest

import (
	"bytes"
	"context"
	"embed"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

//go:embed testdata
var trees embed.FS

// New makes a fresh collector that reads the given host.
type New func(h collect.Host) collect.Collector

// Run checks that a collector names and declares what it gives; that every
// (metric, target) comes once, finite and in bounds; that a missing, empty,
// cut or garbled source gives an error or a gap and never a panic or a zero
// in its place; and that a cancelled context is borne.
func Run(t *testing.T, create New) {
	t.Helper()
	t.Run("this host", func(t *testing.T) {
		h := collect.LocalHost(time.Second)
		c := create(h)
		var all []collect.Sample
		now := time.Now()
		for range 3 {
			all = read(t, c, now)
			now = now.Add(time.Second)
			spin()
		}
		t.Logf("%s: %d series", c.Name(), len(all))
	})
	for _, name := range Trees() {
		t.Run("recorded/"+name, func(t *testing.T) { recorded(t, create, name) })
		for _, d := range damages() {
			t.Run(d.name+"/"+name, func(t *testing.T) { damaged(t, create, name, d) })
		}
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = create(collect.LocalHost(time.Second)).Collect(ctx, time.Now(), nil)
	})
}

// spin lets counters move between two readings of the real host.
func spin() {
	for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
		_, _ = os.Stat("/")
	}
}

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

// Unpack writes reading 1 or 2 of a recorded tree below a folder of the test
// and returns the host that is read there.
func Unpack(t *testing.T, tree, reading string) collect.Host {
	t.Helper()
	root := t.TempDir()
	unpackInto(t, root, tree, reading)
	return collect.Host{Proc: filepath.Join(root, "proc"), Sys: filepath.Join(root, "sys"), Root: root, MaxGap: 5 * time.Second}
}

func unpackInto(t *testing.T, root, tree, reading string) {
	t.Helper()
	base := "testdata/" + tree + "/" + reading
	err := fs.WalkDir(trees, base, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := trees.ReadFile(p)
		if err != nil {
			return err
		}
		to := filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(p, base+"/")))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// recorded reads both readings of a tree, then the first again: every counter
// has gone back by then, which must give a gap and no rate.
func recorded(t *testing.T, create New, tree string) {
	h := Unpack(t, tree, "1")
	root := filepath.Dir(h.Proc)
	c := create(h)
	now := time.Unix(1_790_000_000, 0)
	first := read(t, c, now)
	unpackInto(t, root, tree, "2")
	second := read(t, c, now.Add(time.Second))
	if len(second) < len(first) {
		t.Errorf("%d series at the second reading, %d at the first", len(second), len(first))
	}
	gauges := map[string]bool{}
	for _, s := range first {
		gauges[s.Metric+"\x00"+s.Target] = true
	}
	unpackInto(t, root, tree, "1")
	for _, s := range read(t, c, now.Add(2*time.Second)) {
		// Whatever needs two readings and is still there must not be negative; read checks that.
		_ = gauges[s.Metric]
	}
	late := read(t, c, now.Add(time.Hour))
	for _, s := range late {
		if !gauges[s.Metric+"\x00"+s.Target] {
			t.Errorf("%s %s: a rate over a gap of an hour: %g", s.Metric, s.Target, s.Value)
		}
	}
}

// read collects once and checks each sample.
func read(t *testing.T, c collect.Collector, now time.Time) []collect.Sample {
	t.Helper()
	metrics := map[string]collect.Metric{}
	for _, m := range c.Metrics() {
		if m.Name == "" || m.Unit == "" || m.Subsystem == "" || m.Help == "" {
			t.Errorf("metric %+v: name, unit, subsystem and help must be given", m)
		}
		if _, twice := metrics[m.Name]; twice {
			t.Errorf("metric %s is declared twice", m.Name)
		}
		metrics[m.Name] = m
	}
	keep := collect.Sample{Metric: "earlier"}
	out, _ := c.Collect(t.Context(), now, []collect.Sample{keep})
	if len(out) == 0 || out[0].Metric != keep.Metric {
		t.Fatal("Collect must append to dst")
	}
	seen := map[string]bool{}
	for _, s := range out[1:] {
		m, ok := metrics[s.Metric]
		if !ok {
			t.Errorf("%s is not in Metrics()", s.Metric)
		}
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Value < m.Min || s.Value > m.Max {
			t.Errorf("%s %s = %g is outside %g…%g", s.Metric, s.Target, s.Value, m.Min, m.Max)
		}
		if id := s.Metric + "\x00" + s.Target; seen[id] {
			t.Errorf("%s %q comes twice", s.Metric, s.Target)
		} else {
			seen[id] = true
		}
		if !slices.IsSortedFunc(s.Dims, func(a, b collect.Label) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("%s: dims are not sorted: %v", s.Metric, s.Dims)
		}
	}
	return out[1:]
}

// damage is one way in which the files of a tree can be bad.
type damage struct {
	name string
	do   func(b []byte) []byte // nil = remove the file
}

func damages() []damage {
	return []damage{
		{"missing", nil},
		{"empty", func([]byte) []byte { return nil }},
		{"garbage", func(b []byte) []byte { return bytes.Repeat([]byte{0xff, 'x', ' ', '9', ':', '\n', 0}, 1+len(b)/7) }},
		{"cut", func(b []byte) []byte { return b[:len(b)/2] }},
		{"text for numbers", func(b []byte) []byte { return replaceDigits(b, 'z') }},
		{"huge", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("1"), []byte("99999999999999999999")) }},
		{"negative", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(" "), []byte(" -")) }},
	}
}

func replaceDigits(b []byte, with byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= '0' && c <= '9' {
			out[i] = with
		}
	}
	return out
}

// damaged reads a tree whose every file is bad, twice. Where nothing sound is
// left no series may come: a zero in the place of a missing reading is a fault.
func damaged(t *testing.T, create New, tree string, d damage) {
	h := Unpack(t, tree, "2")
	err := filepath.WalkDir(h.Proc, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if d.do == nil {
			return os.Remove(p)
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(p, d.do(b), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := create(h)
	now := time.Unix(1_790_000_000, 0)
	for i := range 2 {
		got := read(t, c, now.Add(time.Duration(i)*time.Second))
		if nothingLeft := d.do == nil || d.name == "empty" || d.name == "garbage"; nothingLeft && len(got) > 0 {
			t.Errorf("reading %d: %d series from %s files: %v", i, len(got), d.name, got)
		}
	}
}
