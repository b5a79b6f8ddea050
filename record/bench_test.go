package record

import (
	"testing"
	"time"
)

// BenchmarkTake is what a frame of 150 series costs the writer.
func BenchmarkTake(b *testing.B) {
	h := begun(b, b.TempDir(), Config{})
	frames := newHost(1, 150).frames(3600)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		h.take(frames[i%len(frames)])
		i++
	}
}

// BenchmarkRange reads an hour of 10 series of 150.
func BenchmarkRange(b *testing.B) {
	h := begun(b, b.TempDir(), Config{})
	host := newHost(1, 150)
	for range 2 * 3600 {
		h.take(host.next())
	}
	h.finish()
	q := Query{From: start.Add(30 * time.Minute), To: start.Add(90 * time.Minute)}
	for _, s := range host.series[:10] {
		q.Series = append(q.Series, Series{s.Metric, s.Target})
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range h.Archive().Range(b.Context(), q) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n < 3590 {
			b.Fatal(n)
		}
	}
}
