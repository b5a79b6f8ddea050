package detect

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// madeRows are rows of a season with noise in the first, an integer, a constant
// and a relation (the last is twice the first).
func madeRows(n int) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]float64, n)
	for i := range out {
		v := 50 + 20*math.Sin(2*math.Pi*float64(i)/96) + r.NormFloat64()
		out[i] = []float64{v, float64(r.IntN(3)), 7, 2*v + 0.1*r.NormFloat64()}
	}
	return out
}

func scored(t *testing.T, rows [][]float64, channels Channels, seed uint64) []float64 {
	t.Helper()
	s, err := NewScorer(ScorerOptions{Series: len(rows[0]), Blocks: [][]int{[]int{0, 1, 2, 3}[:len(rows[0])]}, Step: 5 * time.Minute, Channels: channels, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, r := range rows {
		v, err := s.Observe(r)
		if err != nil {
			t.Fatal(err)
		}
		if !(v >= 0 && v <= 1) {
			t.Fatalf("a score of %v", v)
		}
		out = append(out, v)
	}
	return out
}

// TestScorerDoesNotLookAhead: what follows a row does not change its score.
func TestScorerDoesNotLookAhead(t *testing.T) {
	t.Parallel()
	rows := madeRows(700)
	whole := scored(t, rows, AllChannels, 1)
	for _, n := range []int{101, 400, 699} {
		other := slices.Clone(rows[:n])
		for range 50 {
			other = append(other, []float64{1e6, -5, 8, 0})
		}
		if got := scored(t, other, AllChannels, 1); !slices.Equal(got[:n], whole[:n]) {
			t.Errorf("the first %d scores depend on what follows", n)
		}
	}
}

// TestScorerIsDeterministic by its seed, and depends on it.
func TestScorerIsDeterministic(t *testing.T) {
	t.Parallel()
	rows := madeRows(700)
	a, b, c := scored(t, rows, AllChannels, 1), scored(t, rows, AllChannels, 1), scored(t, rows, AllChannels, 2)
	if !slices.Equal(a, b) {
		t.Error("two runs differ")
	}
	if slices.Equal(a, c) {
		t.Error("the seed is without effect")
	}
}

// TestScorerIsSilentFirst: nothing is said of rows that it cannot judge.
func TestScorerIsSilentFirst(t *testing.T) {
	t.Parallel()
	rows := madeRows(300)
	rows[silentRows-1] = []float64{1e6, 1e6, 1e6, 1e6}
	got := scored(t, rows, AllChannels, 1)
	if slices.Max(got[:silentRows]) != 0 {
		t.Errorf("says something of the first %d rows", silentRows)
	}
}

// TestEachChannelFinds what it is for, as its highest score.
func TestEachChannelFinds(t *testing.T) {
	t.Parallel()
	const at = 2500
	for name, c := range map[string]struct {
		channels Channels
		plant    func(rows [][]float64)
		within   int // rows
	}{
		"gross value":       {ValueChannel, func(r [][]float64) { r[at][0] = 500 }, 0},
		"constant changes":  {ValueChannel, func(r [][]float64) { r[at][2] = 8 }, 0},
		"season breaks off": {ShapeChannel, func(r [][]float64) { hold(r[at:at+100], 85) }, 100},
		"broken relation":   {HostChannel, func(r [][]float64) { r[at][0], r[at][3] = 100-r[at][0], 300 }, 0},
		"gross, by all":     {AllChannels, func(r [][]float64) { r[at][0] = 500 }, 0},
	} {
		rows := madeRows(2700)
		c.plant(rows)
		if c.channels == ShapeChannel { // the mean of what is random by nature is far out now and then
			for i := range rows {
				rows[i] = rows[i][:1]
			}
		}
		got := scored(t, rows, c.channels, 3)
		late := got[1500:]
		best := 1500 + slices.Index(late, slices.Max(late))
		if best < at || best > at+c.within {
			t.Errorf("%s: the highest score is %v at row %d, and not at %d", name, got[best], best, at)
		}
	}
}

func hold(rows [][]float64, v float64) {
	for _, r := range rows {
		r[0] = v
	}
}

// TestScorerAndMissingValues: a row without values is nothing, and a gap in one
// series neither hides another nor counts as a value.
func TestScorerAndMissingValues(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	rows := madeRows(2000)
	for i := 1200; i < 1300; i++ {
		rows[i] = []float64{nan, nan, math.Inf(1), nan}
	}
	for i := 1500; i < 1600; i++ {
		rows[i][0] = nan
	}
	rows[1550][3] = 900
	got := scored(t, rows, AllChannels, 1)
	if slices.Max(got[1200:1300]) != 0 {
		t.Error("says something of rows without values")
	}
	if best := 1000 + slices.Index(got[1000:], slices.Max(got[1000:])); best != 1550 {
		t.Errorf("the highest score is at row %d", best)
	}
}

// TestQuietSeries: what never changes is never unusual, on any channel.
func TestQuietSeries(t *testing.T) {
	t.Parallel()
	rows := make([][]float64, 1000)
	for i := range rows {
		rows[i] = []float64{0, 5, -1, 1e12}
	}
	for _, c := range []Channels{ValueChannel, ShapeChannel, HostChannel} {
		if top := slices.Max(scored(t, rows, c, 1)); top > 0.6 {
			t.Errorf("channel %d scores %v", c, top)
		}
	}
}

// TestPeak: what goes on says so once.
func TestPeak(t *testing.T) {
	t.Parallel()
	p := newPeak()
	for i, c := range []struct{ score, want float64 }{{0.5, 0.5}, {0.51, 0}, {0.6, 0.6}, {0.6, 0}, {0.5, 0}} {
		if got := p.keep(c.score); got != c.want {
			t.Errorf("%d: %v, want %v", i, got, c.want)
		}
	}
	for range peakRows {
		p.keep(0.1)
	}
	if p.keep(0.3) != 0.3 {
		t.Error("a peak is never forgotten")
	}
}

// TestScorerOptions are checked, and so is a row.
func TestScorerOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []ScorerOptions{{}, {Series: 1}, {Series: mostColumns + 1, Step: 1}, {Series: 1, Step: -1}} {
		if _, err := NewScorer(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	s, err := NewScorer(ScorerOptions{Series: 2, Step: time.Second, Blocks: [][]int{{0}}})
	if err != nil || len(s.hosts) != 0 || !slices.Equal(s.spikes.series, []int{0}) {
		t.Fatalf("%v, or a block of one is a block", err)
	}
	if many, err := NewScorer(ScorerOptions{Series: 38, Step: time.Second, Blocks: [][]int{{0}}}); err != nil || s.less[bySeries] > 0.2 || math.Abs(many.less[bySeries]-1) > 0.05 {
		t.Errorf("%v, or what one series does by itself counts as much among 38 as among 2", err)
	}
	if _, err := s.Observe([]float64{1}); !errors.Is(err, ErrRow) {
		t.Errorf("a row of one: %v", err)
	}
	if _, err := ParseChannels("value+"); err == nil {
		t.Error("an empty channel is taken")
	}
	if c, err := ParseChannels("shape+value"); err != nil || c != ValueChannel|ShapeChannel {
		t.Errorf("%v %v", c, err)
	}
}

// TestShapeGoesBySteps: rows nearer than five minutes make the course of their
// means, and a step without values leaves it as it was.
func TestShapeGoesBySteps(t *testing.T) {
	t.Parallel()
	slow, err := newShapeChannel(ScorerOptions{Step: 5 * time.Minute}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	fast, err := newShapeChannel(ScorerOptions{Step: time.Minute}, 1, nil)
	if err != nil || fast.each != 5 || fast.span != slow.span {
		t.Fatalf("%v, or %d rows make a step and %d steps a mean", err, fast.each, fast.span)
	}
	r := rand.New(rand.NewPCG(1, 2))
	before := 0.0
	for i := range 600 {
		v := math.Sin(float64(i)/20) + float64(r.IntN(4))
		want, got := slow.observe(v), 0.0
		for k := range 5 {
			now := fast.observe(v + float64((k-2)*(i*i%7)))
			if k < 4 && now != before && i > 0 {
				t.Fatalf("step %d: the score moves within a step", i)
			}
			got = now
		}
		if got != want {
			t.Fatalf("step %d: %v by minutes, %v by means", i, got, want)
		}
		before = got
	}
	for range 5 {
		if v := fast.observe(math.NaN()); v == v {
			t.Error("a missing value scores")
		}
	}
	if got := fast.observe(0); got != before {
		t.Errorf("an empty step makes %v of %v", got, before)
	}
}

// TestShapeOfTheFirst: a shape is for the first 40 series; the value of all counts.
func TestShapeOfTheFirst(t *testing.T) {
	t.Parallel()
	s, err := NewScorer(ScorerOptions{Series: MostShapes + 1, Step: time.Minute, Channels: ValueChannel | ShapeChannel})
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range s.series {
		if one.value == nil || (one.shape == nil) != (i == MostShapes) {
			t.Errorf("series %d: value %v, shape %v", i, one.value != nil, one.shape != nil)
		}
	}
}

// TestHostsAreEachAsIfAlone: that they share memory to grow their trees, and
// the first its samples with the spikes, changes nothing.
func TestHostsAreEachAsIfAlone(t *testing.T) {
	t.Parallel()
	o := ScorerOptions{Series: 4, Blocks: [][]int{{0, 1}, {2, 3}, {0, 1, 3}}, Step: time.Minute, Channels: HostChannel, Seed: 3}
	s, err := NewScorer(o)
	if err != nil {
		t.Fatal(err)
	}
	alone := make([]*hostChannel, len(o.Blocks))
	for i, block := range o.Blocks {
		if alone[i], err = newHostChannel(block, o, o.Seed+uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s.hosts[0].past[1].past != s.spikes.each[1].values.past {
		t.Error("the first block keeps samples of its own")
	}
	for i, row := range madeRows(3000) {
		row[2] = math.Sqrt(float64(i))
		if i%50 == 7 {
			row[1] = math.NaN()
		}
		for k, h := range s.hosts {
			if got, want := h.observe(row), alone[k].observe(row); got != want {
				t.Fatalf("row %d, block %d: %v, alone %v", i, k, got, want)
			}
		}
		s.spikes.observe(row)
	}
}
