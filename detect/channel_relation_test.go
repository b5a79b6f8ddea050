package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

// relatedRows are rows of three series that follow one that nobody sees, and one that
// follows nothing.
func relatedRows(n int) [][]float64 {
	r := rand.New(rand.NewPCG(7, 8))
	out := make([][]float64, n)
	for i := range out {
		load := 30 + 12*math.Sin(2*math.Pi*float64(i)/288) + 4*r.NormFloat64()
		out[i] = []float64{load, 800*load + 500*r.NormFloat64(), load/12 + 0.05*r.NormFloat64(), 5 + r.NormFloat64()}
	}
	return out
}

// bonded is the relation channel's score of each row.
func bonded(t *testing.T, rows [][]float64) ([]float64, *relationChannel) {
	t.Helper()
	block := make([]int, len(rows[0]))
	for i := range block {
		block[i] = i
	}
	o := ScorerOptions{Series: len(block), Blocks: [][]int{block}, Step: 5 * time.Minute, Seed: 1}
	s, err := newSpikeChannel(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newRelationChannel(s.each, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, r := range rows {
		s.observe(r)
		out = append(out, c.observe())
	}
	return out, c
}

// TestRelationBreaks: a series that parts from those it goes with stands out
// though its value is one of every day; a missing value, and one of a series that
// goes with none, do not.
func TestRelationBreaks(t *testing.T) {
	t.Parallel()
	const at = 3000
	rows := relatedRows(at + 300)
	parted, gone, alone := at, at+100, at+200
	rows[parted][1] = 800 * (60 - rows[parted][0]) // as high as the load is low
	if math.Abs(rows[parted][0]-30) < 5 {
		t.Fatal("the row is a usual one: choose another")
	}
	rows[gone][1], rows[gone][2] = math.NaN(), math.Inf(1)
	rows[alone][3] = 500
	got, _ := bonded(t, rows)
	calm := slices.Clone(got[silentRows:at])
	slices.Sort(calm)
	usual := calm[len(calm)-1-len(calm)/100]
	if got[parted] < usual+1 {
		t.Errorf("a broken relation scores %.2f, and one row in 100 %.2f", got[parted], usual)
	}
	if got[gone] > usual {
		t.Errorf("a row with two values missing scores %.2f", got[gone])
	}
	if got[alone] > usual {
		t.Errorf("a spike of a series without a relation scores %.2f", got[alone])
	}
	if slices.Max(got[:silentRows]) != 0 {
		t.Error("it speaks before it knows")
	}
}

// TestTroubleMakesNoRelation: hours in which a series parts from the others do not
// make that usual: the next time stands out as much.
func TestTroubleMakesNoRelation(t *testing.T) {
	t.Parallel()
	rows := relatedRows(4000)
	part := func(from, to int) {
		for i := from; i < to; i++ {
			rows[i][1] *= 0.2
		}
	}
	part(2000, 2012)
	part(3000, 3012)
	part(3900, 3901)
	got, _ := bonded(t, rows)
	if first, last := got[2000], got[3900]; last < 0.6*first {
		t.Errorf("the first time scores %.2f, the last %.2f", first, last)
	}
}

// TestInverse against gonum's.
func TestInverse(t *testing.T) {
	t.Parallel()
	_, c := bonded(t, relatedRows(500))
	m := c.correlations()
	d := len(c.each)
	var want mat.Dense
	if err := want.Inverse(mat.NewDense(d, d, slices.Clone(m))); err != nil {
		t.Fatal(err)
	}
	got := inverse(m)
	if !mat.EqualApprox(mat.NewDense(d, d, got), &want, 1e-9) {
		t.Errorf("inverse %v, want %v", got, mat.Formatted(&want))
	}
}

// TestHostTroubleHidesNoOther: trouble that comes often does not raise the bound of
// a host much.
func TestHostTroubleHidesNoOther(t *testing.T) {
	t.Parallel()
	bound := func(every int) float64 {
		rows := relatedRows(5000)
		s, err := NewScorer(ScorerOptions{Series: 4, Blocks: [][]int{{0, 1, 2, 3}}, Step: 5 * time.Minute, Budget: 1 / (24 * time.Hour).Seconds(), Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if i > 1000 && i%every < 4 {
				row[0], row[1], row[2] = 3*row[0], 0.3*row[1], 5*row[2]
			}
			if _, err := s.Observe(row); err != nil {
				t.Fatal(err)
			}
		}
		return s.budget.bound
	}
	calm, ill := bound(10_000), bound(100)
	t.Logf("%.2f without, %.2f with", calm, ill)
	if ill > calm+0.35 {
		t.Errorf("a bound of %.2f without trouble, of %.2f with it", calm, ill)
	}
}
