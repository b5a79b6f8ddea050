package detect

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
)

// busyHost is n frames of about 150 series with the default rules' metrics:
// host-wide ones once, the others for a few disks, file systems and interfaces.
func busyHost(n int) []collect.Frame {
	rng := rand.New(rand.NewPCG(1, 2))
	var series []collect.Sample
	add := func(metric string, targets ...string) {
		for _, t := range targets {
			series = append(series, collect.Sample{Metric: metric, Target: t})
		}
	}
	seen := map[string]bool{}
	var metrics []string
	for _, r := range DefaultRules() {
		metrics = append(metrics, r.Metric)
	}
	for _, name := range slices.Sorted(maps.Keys(DefaultGroups())) {
		metrics = append(metrics, DefaultGroups()[name]...)
	}
	metrics = append(metrics, telling...)
	for _, m := range metrics {
		switch {
		case seen[m]:
		case strings.HasPrefix(m, "disk_"):
			add(m, "/", "/var", "/home", "/data", "/boot", "/tmp")
		case strings.HasPrefix(m, "diskio_"):
			add(m, "vda", "vdb", "vdc", "vdd")
		case strings.HasPrefix(m, "net_"):
			add(m, "eth0", "eth1")
		case strings.HasPrefix(m, "probe_"):
			add(m, "shop", "db")
		default:
			add(m, "")
		}
		seen[m] = true
	}
	for i := 0; len(series) < 150; i++ {
		add(fmt.Sprintf("other_%d", i), "")
	}
	frames := make([]collect.Frame, n)
	now := time.Unix(1_790_000_000, 0)
	for i := range frames {
		f := collect.Frame{Time: now.Add(time.Duration(i) * time.Second), Elapsed: time.Second, Samples: append([]collect.Sample(nil), series...)}
		for k := range f.Samples {
			s := &f.Samples[k]
			switch s.Metric {
			case "probe_success", "resolver_success":
				s.Value = 1
			case "mem_oom_kills":
				s.Value = 0
			case "mem_available_percent":
				s.Value = 50 + 10*rng.Float64()
			default:
				s.Value = collect.Round(10 + 5*rng.Float64())
			}
		}
		frames[i] = f
	}
	return frames
}

// BenchmarkObserve is a tick of a host with 150 series: default rules, and with
// the anomaly rule past its learning.
func BenchmarkObserve(b *testing.B) {
	frames := busyHost(3600)
	for name, config := range map[string]AnomalyConfig{"rules": {Enable: new(bool)}, "rules and anomaly": {Learn: seconds(1200)}} {
		b.Run(name, func(b *testing.B) {
			rules, err := Rules(DefaultRules())
			if err != nil {
				b.Fatal(err)
			}
			more, err := NewAnomaly(config)
			if err != nil {
				b.Fatal(err)
			}
			d := New(append(rules, more...), Options{})
			for _, f := range frames {
				d.Observe(f)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				d.Observe(frames[i%len(frames)])
			}
		})
	}
}

// BenchmarkAnomaly is a tick of the anomaly rule alone, past its learning, over 60
// series: the mean and the worst, and what its models weigh, with
// the windows of the last rows and as saved. The worst
// and its mean are the thread's own CPU time, since others' is not the rule's.
func BenchmarkAnomaly(b *testing.B) {
	rules, err := NewAnomaly(AnomalyConfig{Learn: seconds(1200)})
	if err != nil {
		b.Fatal(err)
	}
	frames := busyHost(7200)
	before := heap()
	d := New(rules, Options{})
	for _, f := range frames {
		d.Observe(f)
	}
	weighs := heap() - before
	a := rules[0].(*Anomaly)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	worst, all := time.Duration(0), spent(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		began := spent(b)
		d.Observe(frames[i%len(frames)])
		worst = max(worst, spent(b)-began)
	}
	b.ReportMetric(float64((spent(b)-all).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(worst.Microseconds()), "worst-cpu-µs")
	b.ReportMetric(float64(weighs)/(1<<20), "heap-MiB")
	b.ReportMetric(float64(len(a.series)), "series")
	b.ReportMetric(float64(len(a.save()))/(1<<20), "saved-MiB")
}

// BenchmarkScorer is a row of 60 series in blocks of 12 by all channels, with the
// models full: the thread's own CPU time, and what the models weigh.
func BenchmarkScorer(b *testing.B) {
	for _, step := range []time.Duration{10 * time.Second, 5 * time.Minute} {
		b.Run(step.String(), func(b *testing.B) {
			before := heap()
			s, err := NewScorer(ScorerOptions{Series: 60, Blocks: slices.Collect(slices.Chunk(upTo(60), 12)), Step: step, Seed: 1})
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			row, n := make([]float64, 60), 0
			observe := func() {
				for j := range row {
					row[j] = 10 + 5*math.Sin(float64(n)/100+float64(j)) + r.NormFloat64()
				}
				n++
				if _, err := s.Observe(row); err != nil {
					b.Fatal(err)
				}
			}
			for range 20000 {
				observe()
			}
			weighs := heap() - before
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all := spent(b)
			for b.Loop() {
				observe()
			}
			b.ReportMetric(float64((spent(b)-all).Microseconds())/float64(b.N), "cpu-µs/row")
			b.ReportMetric(float64(weighs)/(1<<20), "heap-MiB")
		})
	}
}

// upTo is 0…n−1.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// spent is the CPU time of this thread.
func spent(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// heap is the memory in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one only finalised
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
