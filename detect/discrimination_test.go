package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What the anomaly detection of others failed at: one that scores everything
// alike, that flags a fixed share, that drifts as it goes on, or that takes a
// counter of three values for a riot.

// planted is a kind of anomaly that is planted into plantedRows.
type planted struct {
	name string
	do   func(row []float64, r *rand.Rand)
}

var plantedKinds = []planted{
	{"gross", func(row []float64, _ *rand.Rand) { row[0] += 300 }},
	{"×3", func(row []float64, _ *rand.Rand) { row[2] *= 3 }},
	{"broken relation", func(row []float64, r *rand.Rand) { row[1] = 60 + 80*r.Float64() }},
}

// Rows of a planted run, where its event is, and how long that and the stretches
// beside it are.
const (
	plantedEnd  = 2000
	plantedAt   = 1900
	plantedLong = 8
)

// plantedRows are rows of a host at ease (a season, one that is twice it, a
// noisy level, an integer, a constant) with one anomaly.
func plantedRows(kind planted, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 4))
	var rows [][]float64
	for i := range plantedEnd {
		v := 50 + 20*math.Sin(2*math.Pi*float64(i)/96) + r.NormFloat64()
		row := []float64{v, 2*v + r.NormFloat64(), 30 + 2*r.NormFloat64(), float64(r.IntN(3)), 7}
		if i >= plantedAt && i < plantedAt+plantedLong {
			kind.do(row, r)
		}
		rows = append(rows, row)
	}
	return rows
}

func scoredRows(t *testing.T, rows [][]float64, channels Channels) []float64 {
	t.Helper()
	block := make([]int, len(rows[0]))
	for i := range block {
		block[i] = i
	}
	s, err := NewScorer(ScorerOptions{Series: len(block), Blocks: [][]int{block}, Step: 5 * time.Minute, Channels: channels, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(rows))
	for i, row := range rows {
		if out[i], err = s.Observe(row); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// tops are the greatest scores of the events, and of the stretches of the same
// length before them, of three runs.
func tops(t *testing.T, kind planted, channels Channels) (events, calm []float64) {
	t.Helper()
	for seed := range uint64(3) {
		scores := scoredRows(t, plantedRows(kind, seed+1), channels)
		events = append(events, slices.Max(scores[plantedAt:plantedAt+plantedLong]))
		for i := 1000; i+plantedLong <= plantedAt; i += plantedLong {
			calm = append(calm, slices.Max(scores[i:i+plantedLong]))
		}
	}
	return events, calm
}

// auc is the chance that an event scores higher than a calm stretch
// (doi:10.1016/j.patrec.2005.10.010); a tie is half of one.
func auc(events, calm []float64) float64 {
	won := 0.0
	for _, e := range events {
		for _, c := range calm {
			if e > c {
				won++
			} else if e == c {
				won += 0.5
			}
		}
	}
	return won / float64(len(events)*len(calm))
}

// TestTellsTroubleFromEase: each kind of anomaly scores higher than what is
// usual, and so does a gross one by every channel.
func TestTellsTroubleFromEase(t *testing.T) {
	t.Parallel()
	for _, kind := range plantedKinds {
		if a := auc(tops(t, kind, AllChannels)); a < 0.95 {
			t.Errorf("%s: AUC %.3f, want 0.95 at least", kind.name, a)
		}
	}
	for _, c := range channelNames[:3] {
		if a := auc(tops(t, plantedKinds[0], c.set)); a < 0.95 {
			t.Errorf("channel %s: AUC %.3f on gross anomalies", c.name, a)
		}
	}
}

// TestEaseStaysEase: what is usual scores alike after a week and after a year of
// rows, integers and constants included, and raises next to no alert; none while
// the budget's tail is unknown.
func TestEaseStaysEase(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	s, err := NewScorer(ScorerOptions{Series: 1, Step: 5 * time.Minute, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 100_000
	var early, late float64
	alerts := 0
	for i := range rows {
		v, err := s.Observe([]float64{float64(r.IntN(5)) + float64(r.IntN(5))})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i >= 1000 && i < 11_000:
			early += v
		case i >= rows-10_000:
			late += v
		}
		if s.Alert() {
			if alerts++; i < 1000 {
				t.Fatalf("an alert at row %d", i)
			}
		}
	}
	if ratio := late / early; !(ratio > 0.7 && ratio < 1.4) {
		t.Errorf("the mean score went from %.4f to %.4f", early/10_000, late/10_000)
	}
	if weeks := rows * 5.0 / 60 / 24 / 7; float64(alerts) > 2*weeks {
		t.Errorf("%d alerts in %.0f weeks at a budget of 1 a week", alerts, weeks)
	}
	flat, err := NewScorer(ScorerOptions{Series: 1, Step: 5 * time.Minute, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if v, _ := flat.Observe([]float64{7}); v != 0 {
			t.Fatalf("row %d of a constant scores %v", i, v)
		}
	}
}
