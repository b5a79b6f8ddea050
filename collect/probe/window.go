package probe

import (
	"math"
	"slices"
	"time"
)

const (
	windowTime = 5 * time.Minute
	windowMost = 1024 // attempts
)

// window holds the times of the attempts of the last five minutes, at most the
// newest 1024, as they are: quantiles are exact.
type window struct {
	at        []time.Time
	took      []float64 // milliseconds
	quantiles [3]float64
}

// add takes an attempt and works out the quantiles anew, by nearest rank.
func (w *window) add(now time.Time, took time.Duration) {
	w.at, w.took = append(w.at, now), append(w.took, float64(took)/float64(time.Millisecond))
	old := 0
	for old < len(w.at) && (now.Sub(w.at[old]) > windowTime || len(w.at)-old > windowMost) {
		old++
	}
	w.at, w.took = slices.Delete(w.at, 0, old), slices.Delete(w.took, 0, old)
	sorted := slices.Sorted(slices.Values(w.took))
	for i, q := range []float64{0.50, 0.95, 0.99} {
		w.quantiles[i] = sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
	}
}
