package alert_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// BenchmarkPut measures the acceptance of an alert on the disk of TMPDIR: one
// caller after the other, and sixteen at once.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			root, err := os.OpenRoot(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer root.Close()
			box, err := alert.Open(root, alert.Options{MaxOpen: 1 << 20})
			if err != nil {
				b.Fatal(err)
			}
			box.SetSinks([]alert.Sink{alerttest.NewSink("s")}, nil)
			ctx, cancel := context.WithCancel(b.Context())
			var run, all sync.WaitGroup
			run.Go(func() { box.Run(ctx) })
			var next atomic.Int64
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						start := time.Now()
						a := alerttest.Alert(alert.PhaseFiring)
						a.Target = fmt.Sprint(i / 2) // each incident begins and ends
						if i%2 == 1 {
							a.Target, a.State = fmt.Sprint(i/2), alert.Resolved
						}
						if err := box.Put(ctx, a); err != nil {
							b.Error(err)
						}
						took[i-1] = time.Since(start)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
			cancel()
			run.Wait()
		})
	}
}
