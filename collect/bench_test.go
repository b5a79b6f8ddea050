package collect_test

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// BenchmarkTick is one tick of all collectors on this host (BenchmarkCollectors
// is each by itself); each round is a second later, so that what is read every
// 10 s is so here too.
func BenchmarkTick(b *testing.B) {
	b.ReportAllocs()
	set := collect.NewSet(collect.All(collect.LocalHost(time.Second), collect.Config{}), collect.SetOptions{})
	now, boot, series := time.Now().Round(0), time.Duration(0), 0
	for b.Loop() {
		series = len(set.Collect(b.Context(), now, boot).Samples)
		now, boot = now.Add(time.Second), boot+time.Second
	}
	b.ReportMetric(float64(series), "series")
}
