package forest

import (
	"errors"
	"math"
	"testing"
)

// column turns values into rows of one feature.
func column(values ...float64) [][]float64 {
	rows := make([][]float64, len(values))
	for i, v := range values {
		rows[i] = []float64{v}
	}
	return rows
}

func TestClassicSample(t *testing.T) {
	t.Parallel()
	rows := column(0.1, 0.2, 0.15, 0.3, 5.0, 0.2, 0.3)
	for seed := range uint64(200) {
		f := mustTrain(t, rows, Options{Contamination: 0.1, Seed: seed})
		for i, row := range rows {
			if f.Predict(row) != (i == 4) {
				t.Fatalf("seed %d: row %d flagged: %v", seed, i, f.Predict(row))
			}
		}
	}
}

func TestWhatCannotBeToldApartScoresHalf(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string][][]float64{
		"one row":    column(3),
		"constant":   column(7, 7, 7, 7, 7),
		"two zeroes": column(0, math.Copysign(0, -1)),
		"all NaN":    column(math.NaN(), math.NaN(), math.NaN()),
	} {
		f := mustTrain(t, rows, Options{})
		if s := f.Score(rows[0]); s != 0.5 {
			t.Errorf("%s: score %v, want 0.5", name, s)
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	inf := math.Inf(-1)
	for name, c := range map[string]struct {
		rows [][]float64
		o    Options
		want error
	}{
		"no rows":       {nil, Options{}, ErrInput},
		"no features":   {[][]float64{{}}, Options{}, ErrInput},
		"ragged":        {[][]float64{{1, 2}, {1}}, Options{}, ErrInput},
		"infinity":      {[][]float64{{1, 2}, {math.NaN(), inf}}, Options{}, ErrInput},
		"trees":         {column(1, 2), Options{Trees: -1}, ErrOptions},
		"sample":        {column(1, 2), Options{Sample: MaxSample + 1}, ErrOptions},
		"leaf":          {column(1, 2), Options{Leaf: 257}, ErrOptions},
		"no leaf":       {column(1, 2), Options{Leaf: -1}, ErrOptions},
		"depth":         {column(1, 2), Options{MaxDepth: MaxDepth + 1}, ErrOptions},
		"split":         {column(1, 2), Options{Split: 2}, ErrOptions},
		"contamination": {column(1, 2), Options{Contamination: 0.6}, ErrOptions},
		"workers":       {column(1, 2), Options{Workers: -1}, ErrOptions},
	} {
		if _, err := Train(c.rows, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	f := mustTrain(t, madeRows(50, 3, 1), Options{})
	for _, x := range [][]float64{nil, {1, 2}, {1, 2, inf}, {math.NaN(), inf, 1}} {
		if s := f.Score(x); !math.IsNaN(s) || f.Predict(x) {
			t.Errorf("score of %v is %v, flagged %v; want NaN, false", x, s, f.Predict(x))
		}
		if err := f.ScoreBatch(make([]float64, 1), [][]float64{x}); !errors.Is(err, ErrInput) {
			t.Errorf("batch score of %v: error %v", x, err)
		}
	}
}

func TestContributionsAddUp(t *testing.T) {
	t.Parallel()
	rows := madeRows(500, 5, 3)
	rows[7][2] = math.NaN()
	for _, o := range []Options{{}, {Boxes: true}, {Boxes: true, Split: Proportional}, {MaxDepth: -1}} {
		f := mustTrain(t, rows, o)
		for _, x := range append(rows[:50:50], []float64{0, 90, 0, 0, 0}) {
			sum := 0.0
			for _, v := range f.Contributions(nil, x) {
				sum += v
			}
			if got, want := math.Exp2(sum)/2, f.Score(x); math.Abs(got-want) > 1e-12 {
				t.Fatalf("%+v: contributions make %v, score is %v", o, got, want)
			}
		}
		c := f.Contributions(nil, []float64{0, 90, 0, 0, 0})
		for j, v := range c {
			if j != 1 && v >= c[1] {
				t.Errorf("%+v: feature 1 is at fault, contributions %v", o, c)
			}
		}
	}
}

func TestBatchEqualsScore(t *testing.T) {
	t.Parallel()
	rows := madeRows(1003, 7, 2)
	rows[5][3] = math.NaN()
	for j := range rows[700] {
		rows[700][j] = math.Float64frombits(1<<63 - 1) // the NaN of the highest bits
	}
	for _, o := range []Options{{}, {Workers: 3}, {Trees: 13}, {Boxes: true}, {MaxDepth: -1}} {
		f := mustTrain(t, rows, o)
		dst := make([]float64, len(rows))
		if err := f.ScoreBatch(dst, rows); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if s := f.Score(row); s != dst[i] || !(s > 0 && s <= 1) {
				t.Fatalf("%+v: row %d: Score %v, ScoreBatch %v", o, i, s, dst[i])
			}
		}
	}
}

// Constant features are drawn again: with one feature of ten that varies, every
// tree still splits, down to where the rows are alone.
func TestConstantFeatureIsDrawnAgain(t *testing.T) {
	t.Parallel()
	rows := make([][]float64, 64)
	for i := range rows {
		rows[i] = make([]float64, 10)
		rows[i][6] = float64(i)
	}
	for _, split := range []Split{Uniform, Proportional} {
		f := mustTrain(t, rows, Options{MaxDepth: -1, Split: split})
		for k, tr := range f.trees {
			if tr.nodes != 127 {
				t.Fatalf("split %d: tree %d has %d nodes, want 127 for 64 different rows", split, k, tr.nodes)
			}
		}
	}
}

// c(n) and the depth limit follow the rows there are, not Options.Sample.
func TestFewRowsAreNormalisedByTheirNumber(t *testing.T) {
	t.Parallel()
	f := mustTrain(t, column(1, 2), Options{})
	if s := f.Score([]float64{1}); s != 0.5 {
		t.Errorf("one of two rows scores %v, want 2^(−1/c(2)) = 0.5", s)
	}
	// Full trees over four rows: each ends alone, and the mean depth is c(4).
	rows := column(1, 2, 3, 4)
	f = mustTrain(t, rows, Options{Trees: 4000, MaxDepth: -1})
	e := 0.0
	for _, row := range rows {
		e -= math.Log2(f.Score(row)) * PathLength(4) / 4
	}
	if math.Abs(e-PathLength(4)) > 0.03 {
		t.Errorf("mean depth %v, want about c(4) = %v", e, PathLength(4))
	}
}

func TestMissingFollowsTheMajority(t *testing.T) {
	t.Parallel()
	rows := madeRows(400, 2, 1)
	for i := range rows {
		rows[i][0] += 100 // so that 0 is far outside
	}
	for _, o := range []Options{{}, {Boxes: true}} {
		f := mustTrain(t, rows, o)
		missing, zero := f.Score([]float64{math.NaN(), 1}), f.Score([]float64{0, 1})
		if missing > 0.5 || zero < missing+0.05 {
			t.Errorf("%+v: missing scores %v, zero %v", o, missing, zero)
		}
	}
	holes := madeRows(400, 2, 1)
	for i := range holes {
		if i%3 == 0 {
			holes[i][1] = math.NaN()
		}
	}
	f := mustTrain(t, holes, Options{})
	if a, b := f.Score([]float64{1, math.NaN()}), f.Score([]float64{1, 30}); a >= b {
		t.Errorf("trained with gaps: missing scores %v, an outlier %v", a, b)
	}
	for i := range f.nodes { // the flag says where the greater part went
		n := &f.nodes[i]
		if n.leaf() {
			continue
		}
		l, r := f.nodes[n.child].rows(), f.nodes[n.child+1].rows()
		if nanGoesRight := n.size&nanRight != 0; nanGoesRight != (r >= l) && n.feat == 0 {
			t.Fatalf("node %d: %d rows left, %d right, NaN right: %v", i, l, r, nanGoesRight)
		}
	}
}

func TestPathLength(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]float64{
		-1: 0, 0: 0, 1: 0, 2: 1, 3: 5.0 / 3, 4: 13.0 / 6, 256: 10.2487, 100000: 22.1803,
	} {
		if got := PathLength(n); math.Abs(got-want) > 1e-4 {
			t.Errorf("c(%d) = %v, want %v", n, got, want)
		}
	}
	sum := 0.0
	for k := 1; k <= 4096; k++ {
		sum += 1 / float64(k)
		if math.Abs(harmonic(k)-sum) > 1e-12 {
			t.Fatalf("H(%d) = %v, want %v", k, harmonic(k), sum)
		}
	}
}

// The quantile is numpy.percentile's; the figures are from it.
func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{4, 1, 3, 2}, 0.9, 3.7},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{7}, 0.9, 7},
		{[]float64{2, 1}, 1, 2},
		{[]float64{2, 1}, 0, 1},
	} {
		if got := quantile(c.values, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile %v of %v is %v, want %v", c.q, c.values, got, c.want)
		}
	}
}

func TestMinusZeroIsZero(t *testing.T) {
	t.Parallel()
	f := mustTrain(t, column(-1, 0, 0, 1, 2), Options{})
	if a, b := f.Score([]float64{0}), f.Score([]float64{math.Copysign(0, -1)}); a != b {
		t.Errorf("0 scores %v, −0 %v", a, b)
	}
}

func TestKeysKeepTheOrder(t *testing.T) {
	t.Parallel()
	values := []float64{-math.MaxFloat64, -1e10, -1, -5e-324, 0, 5e-324, 1, 1.0000000000000002, math.MaxFloat64}
	for i, v := range values {
		k := toKey(v)
		if fromKey(k) != v || !finiteKey(k) || i > 0 && toKey(values[i-1]) >= k {
			t.Errorf("key of %v is %x, back %v", v, k, fromKey(k))
		}
	}
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), -math.NaN()} {
		if finiteKey(toKey(v)) {
			t.Errorf("%v has the key of a finite number", v)
		}
	}
}

// A row that differs from many equal ones is cut off from them, however near.
func TestTwinsAreOneBox(t *testing.T) {
	t.Parallel()
	rows := make([][]float64, 200)
	for i := range rows {
		rows[i] = []float64{0, 5}
		if i%20 == 0 {
			rows[i] = []float64{float64(i), float64(i)}
		}
	}
	f := mustTrain(t, rows, Options{Boxes: true})
	if at, near := f.Score([]float64{0, 5}), f.Score([]float64{0.5, 5}); at > 0.5 || near < at+0.1 {
		t.Errorf("the usual row scores %v, one beside it %v", at, near)
	}
}

func TestFeaturesBeyondTheRoomOnTheStack(t *testing.T) {
	t.Parallel()
	rows := madeRows(60, keyRoom+10, 1)
	for _, boxes := range []bool{false, true} {
		f := mustTrain(t, rows, Options{Trees: 10, Boxes: boxes})
		sum := 0.0
		for _, v := range f.Contributions(nil, rows[0]) {
			sum += v
		}
		if got, want := math.Exp2(sum)/2, f.Score(rows[0]); math.Abs(got-want) > 1e-12 {
			t.Errorf("boxes %v: contributions make %v, score is %v", boxes, got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a dst of the wrong length did not panic")
		}
	}()
	mustTrain(t, rows, Options{Trees: 1}).Contributions(make([]float64, 3), rows[0])
}

// TestLeaf: a node of more rows than Leaf is split, unless too deep or of equal
// rows, and one of so many or fewer is not: a tree is a fraction of the size, and
// what lies apart still stands out.
func TestLeaf(t *testing.T) {
	t.Parallel()
	rows := madeRows(1000, 4, 3)
	whole := mustTrain(t, rows, Options{Boxes: true, MaxDepth: -1, Split: Proportional, Seed: 1})
	f := mustTrain(t, rows, Options{Boxes: true, MaxDepth: -1, Split: Proportional, Seed: 1, Leaf: 8})
	for i := range f.nodes {
		if n := &f.nodes[i]; n.leaf() != (n.rows() <= 8) {
			t.Fatalf("node %d of %d rows: leaf %v", i, n.rows(), n.leaf())
		}
	}
	if 3*f.Bytes() > whole.Bytes() {
		t.Errorf("%d bytes, of %d with leaves of one row", f.Bytes(), whole.Bytes())
	}
	if out, usual := f.Score([]float64{0, 0, 0, 30}), f.Score(rows[0]); out < usual+0.2 {
		t.Errorf("an outlier scores %v, a usual row %v", out, usual)
	}
}
