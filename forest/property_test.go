package forest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawRows draws a small matrix with ties, constants and NaN among its values.
func drawRows(t *rapid.T) [][]float64 {
	d := rapid.IntRange(1, 6).Draw(t, "features")
	value := rapid.OneOf(
		rapid.Float64Range(-10, 10),
		rapid.SampledFrom([]float64{0, 1, 1, -1, math.NaN(), math.MaxFloat64, -math.MaxFloat64, 5e-324}),
	)
	row := rapid.SliceOfN(value, d, d)
	return rapid.SliceOfN(row, 1, 40).Draw(t, "rows")
}

func drawOptions(t *rapid.T) Options {
	sample := rapid.IntRange(1, 50).Draw(t, "sample")
	return Options{
		Trees:    rapid.IntRange(1, 20).Draw(t, "trees"),
		Sample:   sample,
		Leaf:     rapid.IntRange(0, sample).Draw(t, "leaf"),
		MaxDepth: rapid.IntRange(-1, 6).Draw(t, "depth"),
		Seed:     rapid.Uint64().Draw(t, "seed"),
		Split:    Split(rapid.IntRange(0, 1).Draw(t, "split")),
		Boxes:    rapid.Bool().Draw(t, "boxes"),
	}
}

func TestScoresAreInRangeAndContributionsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		f, err := Train(rows, drawOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		x := rapid.SliceOfN(rapid.Float64(), len(rows[0]), len(rows[0])).Filter(func(x []float64) bool {
			return classify(x) != holdsInf
		}).Draw(t, "x")
		for _, x := range append(rows, x) {
			s := f.Score(x)
			if !(s > 0 && s <= 1) {
				t.Fatalf("score of %v is %v", x, s)
			}
			sum := 0.0
			for _, c := range f.Contributions(nil, x) {
				sum += c
			}
			if got := math.Exp2(sum) / 2; math.Abs(got-s) > 1e-9 {
				t.Fatalf("contributions of %v make %v, score is %v", x, got, s)
			}
		}
	})
}

func TestEveryLeafHoldsWhatReachesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		o := drawOptions(t)
		o.Sample = len(rows) // so that the rows of each tree are known
		o.Leaf = min(o.Leaf, o.Sample)
		f, err := Train(rows, o)
		if err != nil {
			t.Fatal(err)
		}
		keys := make([]uint64, len(rows[0]))
		for k := range f.trees {
			reached := map[uint32]int{}
			for _, row := range rows {
				toKeys(keys, row)
				at := f.trees[k].root
				for reached[at]++; !f.nodes[at].leaf(); reached[at]++ {
					at = uint32(f.nodes[at].step(keys))
				}
			}
			for i := range f.trees[k].nodes {
				at := f.trees[k].root + i
				if got := f.nodes[at].rows(); got != reached[at] || got == 0 && !o.Boxes {
					t.Fatalf("tree %d: node %d says %d rows, %d reach it", k, i, got, reached[at])
				}
			}
		}
	})
}

// meanScores is the mean score of each row over many seeds.
func meanScores(tb testing.TB, rows, at [][]float64, o Options, seeds int) []float64 {
	sums := make([]float64, len(at))
	dst := make([]float64, len(at))
	for seed := range seeds {
		o.Seed = uint64(seed)
		if err := mustTrain(tb, rows, o).ScoreBatch(dst, at); err != nil {
			tb.Fatal(err)
		}
		for i, s := range dst {
			sums[i] += s / float64(seeds)
		}
	}
	return sums
}

// rankCorrelation is Spearman's.
func rankCorrelation(a, b []float64) float64 {
	rank := func(v []float64) []float64 {
		order := make([]int, len(v))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v[i], v[j]) })
		r := make([]float64, len(v))
		for k, i := range order {
			r[i] = float64(k)
		}
		return r
	}
	ra, rb := rank(a), rank(b)
	n, d2 := float64(len(a)), 0.0
	for i := range ra {
		d2 += (ra[i] - rb[i]) * (ra[i] - rb[i])
	}
	return 1 - 6*d2/(n*(n*n-1))
}

func TestRanksSurviveOrderScaleAndShift(t *testing.T) {
	t.Parallel()
	rows := madeRows(300, 4, 11)
	shuffled := slices.Clone(rows)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) {
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	})
	moved := make([][]float64, len(rows))
	for i, row := range rows {
		moved[i] = []float64{row[0]*1e6 + 3e9, row[1] / 1e5, -row[2], row[3] + 40}
	}
	for _, o := range []Options{{}, {Boxes: true, MaxDepth: -1}} {
		o.Sample = 128
		want := meanScores(t, rows, rows, o, 12)
		if c := rankCorrelation(want, meanScores(t, shuffled, rows, o, 12)); c < 0.985 {
			t.Errorf("%+v: rows permuted: rank correlation %v", o, c)
		}
		if c := rankCorrelation(want, meanScores(t, moved, moved, o, 12)); c < 0.985 {
			t.Errorf("%+v: features scaled, shifted and mirrored: rank correlation %v", o, c)
		}
	}
}

func TestFartherOutsideScoresHigher(t *testing.T) {
	t.Parallel()
	for _, split := range []Split{Uniform, Proportional} {
		f := mustTrain(t, madeRows(500, 3, 5), Options{Boxes: true, Split: split, MaxDepth: -1})
		last := 0.0
		for _, far := range []float64{12, 20, 40, 100, 1e3, 1e6, 1e12} {
			s := f.Score([]float64{far, 0, 0})
			if s <= last {
				t.Errorf("split %d: %v scores %v, nearer by %v", split, far, s, last)
			}
			last = s
		}
	}
	l := mustLine(t, LineOptions{})
	for _, row := range madeRows(500, 1, 6) {
		if err := l.Insert(row[0]); err != nil {
			t.Fatal(err)
		}
	}
	last := 0.0
	for _, far := range []float64{20, 21, 40, 1e3, 1e6, 1e10} {
		s := l.Score(far)
		if s <= last || s != l.Score(far) {
			t.Errorf("line: %v scores %v, nearer by %v", far, s, last)
		}
		last = s
	}
}

func TestNearTheGreatestNumbers(t *testing.T) {
	t.Parallel()
	const big = math.MaxFloat64
	rows := [][]float64{{-big, 1}, {big, 1}, {-big, 2}, {big, 2}, {-big / 2, 1}, {0, 5e-324}, {0, 0}}
	for _, o := range []Options{{}, {Boxes: true, MaxDepth: -1}, {Boxes: true, Split: Proportional, MaxDepth: -1}} {
		f := mustTrain(t, rows, o)
		for _, x := range append(rows, []float64{big, -big}) {
			if s := f.Score(x); !(s > 0 && s <= 1) {
				t.Errorf("%+v: %v scores %v", o, x, s)
			}
		}
	}
	two := mustTrain(t, column(-big, big), Options{MaxDepth: -1})
	if s := two.Score([]float64{1}); s != 0.5 {
		t.Errorf("two rows: score %v, want 2^(−1/c(2)) = 0.5", s)
	}
}
