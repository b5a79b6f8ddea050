package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// backedUp are rows of a disk's latency and its writes, which a backup raises for half
// an hour a day, and of one series that goes its own way.
func backedUp(n int) [][]float64 {
	r := rand.New(rand.NewPCG(3, 4))
	noise := func(share float64) float64 { return math.Exp(share * r.NormFloat64()) }
	out := make([][]float64, n)
	for i := range out {
		write := 2e6 * noise(0.3)
		if i%288 < 6 {
			write += 8e7 * noise(0.1)
		}
		out[i] = []float64{(1 + write/4e7) * noise(0.15), write, 5 + r.NormFloat64()}
	}
	return out
}

// TestCompanyLacks: a latency as high as in the backup, without its writes, is unusual
// each time; the backup is not, nor what the noise does, nor writes that are missing.
func TestCompanyLacks(t *testing.T) {
	t.Parallel()
	const days = 20
	rows := backedUp(days * 288)
	alone := func(i int) bool { return i/288 >= 8 && i%288 >= 100 && i%288 < 106 }
	gone := func(i int) bool { return i/288 >= 8 && i%288 == 200 }
	for i := range rows {
		switch {
		case alone(i):
			rows[i][0] *= 3
		case gone(i):
			rows[i][0], rows[i][1] = 3, math.NaN()
		}
	}
	got, _ := bonded(t, rows)
	first, last, usual := 0.0, 0.0, 0.0
	for i, w := range got {
		switch {
		case i/288 == 8 && alone(i):
			first = math.Max(first, w)
		case i/288 == days-1 && alone(i):
			last = math.Max(last, w)
		case !alone(i) && i/288 >= 8:
			usual = math.Max(usual, w)
		}
	}
	t.Logf("first %.2f, last %.2f, the most of all other rows %.2f", first, last, usual)
	if !(first >= usual+0.5 && last >= usual+0.5) {
		t.Errorf("it scores %.2f the first time and %.2f the last, other rows up to %.2f", first, last, usual)
	}
}
