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
	rows[5][3], rows[700][0] = math.NaN(), math.NaN()
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
