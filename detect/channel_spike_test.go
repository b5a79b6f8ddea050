package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// spiked is the spike channel's score of each row.
func spiked(t *testing.T, rows [][]float64) []float64 {
	t.Helper()
	block := make([]int, len(rows[0]))
	for i := range block {
		block[i] = i
	}
	c, err := newSpikeChannel(ScorerOptions{Series: len(block), Blocks: [][]int{block, {0}}, Step: time.Minute, Seed: 1})
	if err != nil || len(c.series) != len(block) {
		t.Fatalf("%v, or a series counts twice", err)
	}
	var out []float64
	for _, r := range rows {
		out = append(out, c.observe(r))
	}
	return out
}

func noise(n, series int) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]float64, n)
	for i := range out {
		for range series {
			out[i] = append(out[i], r.NormFloat64())
		}
	}
	return out
}

// TestSpikesStaySpikes, however often they come; the greater is the higher.
func TestSpikesStaySpikes(t *testing.T) {
	t.Parallel()
	rows := noise(2001, 1)
	for i := 49; i < len(rows); i += 50 {
		rows[i][0] += 12
	}
	rows[1000][0] = math.NaN()
	rows[2000][0] = 100
	got := spiked(t, rows)
	if got[1000] != 0 {
		t.Error("a missing value scores")
	}
	if got[1999] < got[1950]+0.05 || got[2000] <= got[1999] {
		t.Errorf("the 40th spike scores %v, a usual value %v, a greater spike %v", got[1999], got[1950], got[2000])
	}
}

// TestSpikesTogether: what goes far in three series is more than what goes farther
// in one, and one that is always restless does not speak for all.
func TestSpikesTogether(t *testing.T) {
	t.Parallel()
	rows := noise(3000, 8)
	for i := range rows {
		if i%20 == 0 { // restless
			rows[i][7] += 100
		}
	}
	rows[2505][0] += 40
	for j := range 3 {
		rows[2701][j] += 10
	}
	got := spiked(t, rows)
	if got[2701] <= got[2505] {
		t.Errorf("three series score %v, one alone %v", got[2701], got[2505])
	}
	if restless := slices.Max(got[1000:2500]); restless >= got[2505] {
		t.Errorf("a restless series scores %v, a single spike %v", restless, got[2505])
	}
}

// TestSpikesOfChanges: a jump within the usual range counts by the change, also
// across a gap.
func TestSpikesOfChanges(t *testing.T) {
	t.Parallel()
	rows := noise(3000, 1)
	for i := range rows {
		rows[i][0] = 50 + 40*math.Sin(float64(i)/200) + rows[i][0]
	}
	for _, at := range []int{1700, 2600} {
		for i := at; i < at+20; i++ {
			rows[i][0] = 100 - rows[i][0]
		}
	}
	rows[2599][0] = math.NaN()
	got := spiked(t, rows)
	usual := slices.Max(got[1000:1650])
	if got[1700] <= usual || got[2600] <= usual {
		t.Errorf("jumps score %v and %v, the usual is up to %v", got[1700], got[2600], usual)
	}
}

// TestHeights against all of the window's scores in order.
func TestHeights(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func(i int) float64{
		"so many that the row number runs over": func(int) float64 { return r.Float64() },
		"random":                                func(int) float64 { return r.Float64() }, "equal": func(i int) float64 { return float64(i / 5 % 3) },
		"falling": func(i int) float64 { return -float64(i) }, "rising": func(i int) float64 { return float64(i) },
	} {
		h := newHeights(spikeWindow, spikeQuantile)
		var past []float64
		n := spikeWindow + 3000
		if strings.HasPrefix(name, "so many") {
			n = 1<<16 + 6000
		}
		for i := range n {
			v := next(i)
			h.add(v)
			past = append(past, v)
			if i > 300 && i%197 != 0 && i != spikeWindow || i > 20000 && i < 65000 {
				continue
			}
			in := slices.Sorted(slices.Values(past[max(0, len(past)-spikeWindow):]))
			if want := in[min(len(in)-1, int(spikeQuantile*float64(len(in))))]; h.usual() != want {
				t.Fatalf("%s: %v after %d scores, want %v", name, h.usual(), i+1, want)
			}
		}
		if name == "random" && (len(h.kept) > 200 || cap(h.kept) > 250) {
			t.Errorf("keeps %d scores in %d places", len(h.kept), cap(h.kept))
		}
	}
}
