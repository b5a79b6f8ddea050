package forest

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func mustLine(tb testing.TB, o LineOptions) *Line {
	tb.Helper()
	l, err := NewLine(o)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// The closed form against what it is the limit of: explicit trees with boxes
// that reach every value, 20 000 of them.
func TestLineIsTheMeanOfManyTrees(t *testing.T) {
	t.Parallel()
	values := []float64{0.1, 0.2, 0.2, 0.2, 0.35, 1, 1.5, 1.5, 4, 4.25, 9}
	l := mustLine(t, LineOptions{})
	for _, v := range values {
		if err := l.Insert(v); err != nil {
			t.Fatal(err)
		}
	}
	const trees, batches = 20000, 20
	points := []float64{-3, 0.1, 0.15, 0.2, 0.9, 1.5, 2, 8, 9, 30}
	sum, squares := make([]float64, len(points)), make([]float64, len(points))
	for b := range batches {
		f := mustTrain(t, column(values...), Options{
			Trees: trees / batches, MaxDepth: -1, Boxes: true, Seed: uint64(b),
		})
		for i, x := range points {
			c := f.norm.float() / float64(len(f.trees))
			e := -math.Log2(f.Score([]float64{x})) * c
			sum[i], squares[i] = sum[i]+e, squares[i]+e*e
		}
	}
	for i, x := range points {
		mean := sum[i] / batches
		sd := math.Sqrt((squares[i]/batches - mean*mean) / (batches - 1))
		if got := l.Depth(x); math.Abs(got-mean) > 4.5*sd+1e-6 {
			t.Errorf("depth of %v: line %v, trees %v ± %v", x, got, mean, sd)
		}
	}
}

// slowDepth is the formula of Depth, term by term.
func slowDepth(values []float64, x float64) float64 {
	v := slices.Sorted(slices.Values(values))
	e, equal, prev := 0.0, 0, x
	for _, r := range v {
		if r == x {
			equal++
		}
		if r > x {
			e += (r - prev) / (r - x)
			prev = r
		}
	}
	prev = x
	for _, r := range slices.Backward(v) {
		if r < x {
			e += (prev - r) / (x - r)
			prev = r
		}
	}
	return e + PathLength(1+equal)
}

func TestLineFollowsItsWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 12).Draw(t, "window")
		l, err := NewLine(LineOptions{Window: window})
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.OneOf(rapid.Float64Range(-100, 100), rapid.SampledFrom([]float64{0, 1, math.Copysign(0, -1), 1e-90, 1e80}))
		values := rapid.SliceOfN(value, 1, 40).Draw(t, "values")
		for i, v := range values {
			if err := l.Insert(v); err != nil {
				t.Fatal(err)
			}
			held := values[max(0, i+1-window) : i+1]
			if want := slices.Sorted(slices.Values(held)); !slices.Equal(l.Sorted(), want) {
				t.Fatalf("after %d values: %v, want %v", i+1, l.Sorted(), want)
			}
			x := rapid.Float64Range(-120, 120).Draw(t, "x")
			for _, x := range []float64{x, v, 0} {
				if got, want := l.Depth(x), slowDepth(held, x); math.Abs(got-want) > 1e-9*want {
					t.Fatalf("depth of %v among %v: %v, want %v", x, held, got, want)
				}
				if s := l.Score(x); !(s > 0 && s <= 1) {
					t.Fatalf("score %v", s)
				}
			}
		}
	})
}

func TestLineAtTheEndsOfTheRange(t *testing.T) {
	t.Parallel()
	const big = math.MaxFloat64
	l := mustLine(t, LineOptions{})
	for _, v := range []float64{-big, -1, 5e-324, 0, 1, big, math.NaN()} {
		if err := l.Insert(v); err != nil {
			t.Fatal(err)
		}
	}
	if l.Len() != 6 || l.Seen() != 6 {
		t.Errorf("NaN was kept: %d of %d", l.Len(), l.Seen())
	}
	for _, x := range []float64{-big, big, 0, 5e-324, -1e300, 7} {
		if s := l.Score(x); !(s > 0 && s <= 1) {
			t.Errorf("%v scores %v", x, s)
		}
	}
	if err := l.Insert(math.Inf(1)); !errors.Is(err, ErrInput) || l.Seen() != 6 {
		t.Errorf("infinity: %v", err)
	}
	if !math.IsNaN(l.Score(math.NaN())) || !math.IsNaN(l.Score(math.Inf(-1))) {
		t.Error("score of what is not a number is a number")
	}
	if s := mustLine(t, LineOptions{}).Score(3); s != 0.5 {
		t.Errorf("empty line scores %v", s)
	}
	if _, err := NewLine(LineOptions{Window: 10, Horizon: 9}); !errors.Is(err, ErrOptions) {
		t.Errorf("horizon below window: %v", err)
	}
}

// A row that is k rows old remains with probability (1−1/Horizon)^k.
func TestReservoirAges(t *testing.T) {
	t.Parallel()
	const window, horizon, steps = 200, 1000, 6000
	ages, n := 0.0, 0
	for seed := range uint64(20) {
		l := mustLine(t, LineOptions{Window: window, Horizon: horizon, Seed: seed})
		for i := range steps {
			if err := l.Insert(float64(i)); err != nil {
				t.Fatal(err)
			}
		}
		if l.Len() != window {
			t.Fatalf("%d kept, want %d", l.Len(), window)
		}
		for _, v := range l.Sorted() {
			ages += steps - 1 - v
			n++
		}
	}
	// Among steps rows the mean is that of an exponential cut off at 6 horizons.
	if mean := ages / float64(n); math.Abs(mean-985) > 60 {
		t.Errorf("mean age %v, want about 985", mean)
	}
	r := rand.New(rand.NewPCG(1, 1))
	l := mustLine(t, LineOptions{Window: window, Horizon: 100000, Seed: 1})
	early := 0
	for i := range 10000 {
		if err := l.Insert(float64(i) + r.Float64()/2); err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range l.Sorted() {
		if v < 5000 {
			early++
		}
	}
	if early < 70 || early > 130 {
		t.Errorf("within the horizon: %d of %d rows are from the first half", early, window)
	}
}

// TestSlotsKeptEitherWay: how a line knows its slots changes nothing, also where
// values are equal and after a restart in the middle.
func TestSlotsKeptEitherWay(t *testing.T) {
	t.Parallel()
	for n, o := range map[int]LineOptions{2000: {Window: 60, Horizon: 200, Seed: 5}, 20000: {Window: manyValues + 1}} {
		slotsEitherWay(t, o, n)
	}
}

func slotsEitherWay(t *testing.T, o LineOptions, n int) {
	t.Helper()
	a, b := mustLine(t, o), mustLine(t, o)
	b.slotOf, b.slots = nil, []float64{}
	if a.slotOf == nil {
		t.Fatal("a small ageing sample, or a great one, keeps its values twice")
	}
	for i, row := range madeRows(n, 1, 4) {
		v := math.Round(2 * row[0])
		if err := errors.Join(a.Insert(v), b.Insert(v)); err != nil {
			t.Fatal(err)
		}
		if i%(n/1000) == 0 && (!slices.Equal(a.Sorted(), b.Sorted()) || !slices.Equal(a.bySlot(), b.bySlot())) {
			t.Fatalf("value %d: %v and %v", i, a.bySlot(), b.bySlot())
		}
		if i%(n/6) == 0 {
			var err error
			if a, err = DecodeLine(a.Encode(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if n := max(64, a.Len()); max(cap(a.sorted), cap(a.slotOf), cap(b.slots)) > min(o.Window+1024, n+n/2) { // 1024 are a page
			t.Fatalf("value %d: room for %d, %d and %d", i, cap(a.sorted), cap(a.slotOf), cap(b.slots))
		}
	}
}
