package forest

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

func mustStream(tb testing.TB, o StreamOptions) *Stream {
	tb.Helper()
	s, err := NewStream(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// streams are the kinds that the tests below run over.
func streams() map[string]StreamOptions {
	return map[string]StreamOptions{
		"ring":         {Features: 3, Window: 300, Options: Options{Trees: 20, Sample: 64}},
		"ageing":       {Features: 3, Window: 200, Horizon: 900, Every: 4, Rebuild: 3, Options: Options{Trees: 20, Sample: 64, Seed: 7}},
		"boxes":        {Features: 3, Window: 300, Options: Options{Trees: 20, Sample: 64, Boxes: true}},
		"deep boxes":   {Features: 3, Window: 300, Options: Options{Trees: 20, Sample: 64, Boxes: true, MaxDepth: -1}},
		"proportional": {Features: 3, Window: 300, Options: Options{Trees: 20, Sample: 64, Boxes: true, Split: Proportional}},
		"leaves":       {Features: 3, Window: 300, Horizon: 500, Options: Options{Trees: 20, Sample: 64, Leaf: 6, Boxes: true, MaxDepth: 16, Split: Proportional}},
	}
}

func TestStreamFindsTheOutlier(t *testing.T) {
	t.Parallel()
	for name, o := range streams() {
		s := mustStream(t, o)
		if got := s.Score([]float64{1, 2, 3}); got != 0.5 {
			t.Errorf("%s: an empty stream scores %v", name, got)
		}
		rows := madeRows(1000, 3, 1)
		for i, row := range rows {
			score, err := s.Observe(row)
			if err != nil || !(score > 0 && score <= 1) {
				t.Fatalf("%s: row %d: %v %v", name, i, score, err)
			}
		}
		if !s.Ready() || s.Seen() != 1000 {
			t.Errorf("%s: ready %v after %d rows", name, s.Ready(), s.Seen())
		}
		x := []float64{0, 0, 50}
		if got, usual := s.Score(x), s.Score([]float64{1, 1, 2}); got < usual+0.05 {
			t.Errorf("%s: outlier scores %v, a usual row %v", name, got, usual)
		}
		c := s.Contributions(nil, x)
		if c[2] < c[0] || c[2] < c[1] {
			t.Errorf("%s: feature 2 is at fault, contributions %v", name, c)
		}
	}
}

// Row t is scored by the rows before it: Observe says what Score says of a
// stream that has not seen row t.
func TestStreamDoesNotLookAhead(t *testing.T) {
	t.Parallel()
	for name, o := range streams() {
		observed, updated := mustStream(t, o), mustStream(t, o)
		for i, row := range madeRows(400, 3, 1) {
			want := updated.Score(row)
			got, err := observed.Observe(row)
			if err = errors.Join(err, updated.Update(row)); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Fatalf("%s: row %d scores %v before it is learnt, Observe says %v", name, i, want, got)
			}
		}
	}
}

func TestStreamIsAFunctionOfItsRows(t *testing.T) {
	// Not parallel: it changes GOMAXPROCS.
	rows := madeRows(600, 3, 4)
	rows[100][1] = math.NaN()
	for name, o := range streams() {
		run := func() (last float64) {
			s := mustStream(t, o)
			for _, row := range rows {
				var err error
				if last, err = s.Observe(row); err != nil {
					t.Fatal(err)
				}
			}
			return last
		}
		want := run()
		old := runtime.GOMAXPROCS(1)
		got := run()
		runtime.GOMAXPROCS(old)
		if got != want {
			t.Errorf("%s: %v and %v", name, got, want)
		}
	}
	f, g := mustTrain(t, rows, Options{Workers: 1}), mustTrain(t, rows, Options{Workers: 4})
	if f.Score(rows[3]) != g.Score(rows[3]) {
		t.Error("the number of workers changes a score")
	}
}

func TestStreamRejectsAndStaysAsItWas(t *testing.T) {
	t.Parallel()
	s := mustStream(t, StreamOptions{Features: 2, Options: Options{Trees: 10, Sample: 16}})
	for _, row := range madeRows(100, 2, 1) {
		if err := s.Update(row); err != nil {
			t.Fatal(err)
		}
	}
	before := s.Encode(nil)
	for _, row := range [][]float64{nil, {1}, {1, 2, 3}, {1, math.Inf(1)}} {
		if score, err := s.Observe(row); !errors.Is(err, ErrInput) || !math.IsNaN(score) {
			t.Errorf("%v: score %v, error %v", row, score, err)
		}
	}
	if string(s.Encode(nil)) != string(before) {
		t.Error("a rejected row changed the stream")
	}
	for name, o := range map[string]StreamOptions{
		"no features":   {},
		"window":        {Features: 1, Window: -1},
		"horizon":       {Features: 1, Window: 100, Horizon: 99},
		"rebuild":       {Features: 1, Rebuild: 101},
		"every":         {Features: 1, Every: -1},
		"contamination": {Features: 1, Options: Options{Contamination: 0.1}},
		"sample":        {Features: 1, Options: Options{Sample: -1}},
	} {
		if _, err := NewStream(o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	rows := madeRows(2000, 12, 1)
	f := mustTrain(t, rows, Options{})
	boxed := mustTrain(t, rows, Options{Trees: 10, Boxes: true})
	s := mustStream(t, StreamOptions{Features: 12, Options: Options{Trees: 10}})
	l := mustLine(t, LineOptions{Window: 100})
	for _, row := range rows {
		if err := errors.Join(s.Update(row), l.Insert(row[0])); err != nil {
			t.Fatal(err)
		}
	}
	dst, i := make([]float64, 12), 0
	for name, do := range map[string]func(){
		"Score":                func() { f.Score(rows[i]) },
		"Contributions":        func() { f.Contributions(dst, rows[i]) },
		"Score, boxes":         func() { boxed.Score(rows[i]) },
		"Contributions, boxes": func() { boxed.Contributions(dst, rows[i]) },
		"Observe":              func() { _, _ = s.Observe(rows[i]) },
		"Line":                 func() { l.Score(rows[i][0]); _ = l.Insert(rows[i][0]) },
	} {
		if n := testing.AllocsPerRun(300, func() { i = (i + 1) % len(rows); do() }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestStreamOfOneRowSample(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := drawOptions(t)
		s, err := NewStream(StreamOptions{
			Options: o, Features: 2,
			Window: rapid.IntRange(1, 10).Draw(t, "window"),
			Every:  rapid.IntRange(1, 3).Draw(t, "every"),
		})
		if err != nil {
			t.Fatal(err)
		}
		value := rapid.SampledFrom([]float64{0, 1, 2, math.NaN(), 1e300})
		for range 30 {
			x := []float64{value.Draw(t, "x"), value.Draw(t, "y")}
			if score, err := s.Observe(x); err != nil || !(score > 0 && score <= 1) {
				t.Fatalf("%v: %v %v", x, score, err)
			}
		}
	})
}

// TestSiblings: streams that share memory are each as if alone, missing values and
// all.
func TestSiblings(t *testing.T) {
	t.Parallel()
	for name, o := range streams() {
		first := mustStream(t, o)
		second, err := first.Sibling(9)
		if err != nil {
			t.Fatal(err)
		}
		alone := mustStream(t, o)
		o.Seed = 9
		other := mustStream(t, o)
		rows, more := madeRows(500, 3, 1), madeRows(500, 3, 2)
		for i := range rows {
			if i%50 == 49 {
				rows[i] = []float64{math.NaN(), rows[i][1], rows[i][2]}
			}
			if err := errors.Join(first.Update(rows[i]), alone.Update(rows[i]), second.Update(more[i]), other.Update(more[i])); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Encode(nil), alone.Encode(nil)) || !bytes.Equal(second.Encode(nil), other.Encode(nil)) {
			t.Errorf("%s: a sibling changes the other", name)
		}
	}
}

// TestPackedTreesLieEndToEnd: each after the one before, with little room left, and
// with the rows that belong to it.
func TestPackedTreesLieEndToEnd(t *testing.T) {
	t.Parallel()
	s := mustStream(t, streams()["leaves"])
	for i, row := range madeRows(700, 3, 1) {
		row[0] = math.Round(row[0]) // so that trees differ in size
		if err := s.Update(row); err != nil {
			t.Fatal(err)
		}
		root := uint32(0)
		for k, at := range s.trees {
			if at.root != root || s.lift(k).nodes[0].rows() != int(at.rows) {
				t.Fatalf("row %d: tree %d of %d bytes is at %d, not %d", i, k, at.nodes, at.root, root)
			}
			root += at.nodes
		}
		if used := int(root); used != len(s.pack.b) || i == 699 && cap(s.pack.b) > used+used/4 {
			t.Fatalf("row %d: %d places for %d bytes", i, cap(s.pack.b), used)
		}
	}
}
