package collect_test

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// BenchmarkCollect is one tick of each collector on this host, and of all of
// them. What is read every 10 s is so here too: each round is a second later.
func BenchmarkCollect(b *testing.B) {
	h := collect.LocalHost(time.Second)
	for _, c := range collect.All(h, collect.Config{}) {
		b.Run(c.Name(), func(b *testing.B) {
			b.ReportAllocs()
			now := time.Now().Round(0)
			var dst []collect.Sample
			for b.Loop() {
				dst, _ = c.Collect(b.Context(), now, dst[:0])
				now = now.Add(time.Second)
			}
			b.ReportMetric(float64(len(dst)), "series")
		})
	}
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		set := collect.NewSet(collect.All(h, collect.Config{}), collect.SetOptions{})
		now, boot, series := time.Now().Round(0), time.Duration(0), 0
		for b.Loop() {
			series = len(set.Collect(b.Context(), now, boot).Samples)
			now, boot = now.Add(time.Second), boot+time.Second
		}
		b.ReportMetric(float64(series), "series")
	})
}
