package forest

import (
	"testing"
)

func mustStream(tb testing.TB, o StreamOptions) *Stream {
	tb.Helper()
	s, err := NewStream(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestStreamFindsTheOutlier(t *testing.T) {
	t.Parallel()
	for _, o := range []StreamOptions{
		{Features: 3},
		{Features: 3, Horizon: 2000, Every: 4},
		{Features: 3, Options: Options{Boxes: true}},
	} {
		s := mustStream(t, o)
		rows := madeRows(1500, 3, 1)
		for i, row := range rows {
			score, err := s.Observe(row)
			if err != nil || !(score > 0 && score <= 1) {
				t.Fatalf("row %d: %v %v", i, score, err)
			}
		}
		if !s.Ready() {
			t.Error("not ready")
		}
		x := []float64{0, 0, 50}
		if got := s.Score(x); got < 0.55 {
			t.Errorf("outlier scores %v", got)
		}
		c := s.Contributions(nil, x)
		if c[2] < c[0] || c[2] < c[1] {
			t.Errorf("contributions %v", c)
		}
	}
}
