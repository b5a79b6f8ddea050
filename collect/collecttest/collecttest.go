// Package collecttest is the conformance suite for collectors: Run holds one
// to the contract of collect.Collector on this host, on /proc trees recorded
// from real kernels, and on broken ones.
package collecttest

import (
	"context"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// New makes a fresh collector that reads the given host.
type New func(h collect.Host) collect.Collector

// Run holds each of the collectors to the contract. It checks that a collector
// names and declares what it gives; that every (metric, target) comes once,
// finite and in bounds; that counters which went back and gaps give no rate;
// that a missing, empty, cut or garbled source gives an error or a gap and
// never a panic; that no file and no line which is taken away leaves a zero in
// its place; and that a cancelled context is borne.
func Run(t *testing.T, collectors ...New) {
	t.Helper()
	recordings := map[string]*tree{}
	for _, name := range Trees() {
		recordings[name] = unpack(t, name)
	}
	for _, create := range collectors {
		t.Run(create(collect.Host{}).Name(), func(t *testing.T) {
			t.Run("this host", func(t *testing.T) { thisHost(t, create) })
			for name, tr := range recordings {
				t.Run("recorded/"+name, func(t *testing.T) { recorded(t, create, tr) })
				for _, d := range damages() {
					t.Run(d.name+"/"+name, func(t *testing.T) { damaged(t, create, tr, d) })
				}
				t.Run("in part/"+name, func(t *testing.T) { inPart(t, create, tr) })
			}
			t.Run("cancelled", func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, _ = create(collect.LocalHost(time.Second)).Collect(ctx, time.Now(), nil)
			})
		})
	}
}

// thisHost reads this host three times.
func thisHost(t *testing.T, create New) {
	c := create(collect.LocalHost(time.Second))
	now := time.Now()
	var last []collect.Sample
	for range 3 {
		last = read(t, c, now)
		now = now.Add(time.Second)
		spin()
	}
	t.Logf("%s: %d series", c.Name(), len(last))
}

// spin lets counters move between two readings of the real host.
func spin() {
	for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
		_, _ = os.Stat("/")
	}
}

// recorded reads both readings of a tree, then the first again: every counter
// has gone back by then, which must give a gap and no rate.
func recorded(t *testing.T, create New, tr *tree) {
	c := create(tr.show(t, "1"))
	first := read(t, c, begin)
	tr.show(t, "2")
	second := read(t, c, begin.Add(time.Second))
	if len(second) < len(first) {
		t.Errorf("%d series at the second reading, %d at the first", len(second), len(first))
	}
	gauges := values(first) // what one reading is enough for
	tr.show(t, "1")
	for _, s := range read(t, c, begin.Add(2*time.Second)) {
		if _, gauge := gauges[key(s)]; !gauge && s.Value != 0 {
			t.Errorf("%s %s: a rate from a counter that went back: %g", s.Metric, s.Target, s.Value)
		}
	}
	tr.show(t, "2")
	for _, s := range read(t, c, begin.Add(time.Hour)) {
		if _, gauge := gauges[key(s)]; !gauge {
			t.Errorf("%s %s: a rate over a gap of an hour: %g", s.Metric, s.Target, s.Value)
		}
	}
}

// begin is the time of the first reading of a tree; any will do.
var begin = time.Unix(1_790_000_000, 0)

func key(s collect.Sample) string { return s.Metric + " " + s.Target }

func values(samples []collect.Sample) map[string]float64 {
	out := map[string]float64{}
	for _, s := range samples {
		out[key(s)] = s.Value
	}
	return out
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
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || collect.Round(s.Value) < m.Min || collect.Round(s.Value) > m.Max {
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
