package detect

import (
	"math"
	"slices"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the spike channel.
const (
	spikeShare = 0.5 // of what a series' own past has above its fellows'
	spikeMost  = 3   // series that count together
	spikeRows  = 8   // before a row, from whose mean its change is counted
	spikeHalf  = 0.5 // the distance that scores 0.5

	spikeWindow   = 4000 // distances whose spikeQuantile is how far a series often goes
	spikeQuantile = 0.998
)

// spikeChannel looks for what comes at once and goes far, however often it came
// before. (The sample that the other channels compare with takes repeated trouble
// for usual.) Trouble of a host shows in several of its series: the farthest three
// count together. What a series does more often than its fellows is taken away from
// it, so that one that is always restless does not speak for all.
type spikeChannel struct {
	series []int
	each   []*spikes
	far    []float64 // of the newest row, by each
}

// newSpikeChannel looks at all series of the blocks, each once.
func newSpikeChannel(o ScorerOptions) (*spikeChannel, error) {
	c := &spikeChannel{}
	for _, block := range o.Blocks {
		for _, at := range block {
			if slices.Contains(c.series, at) {
				continue
			}
			one, err := newSpikes(o.rowsOf(pastHorizon, pastWindow), o.Seed)
			if err != nil {
				return nil, err
			}
			c.series, c.each = append(c.series, at), append(c.each, one)
		}
	}
	c.far = make([]float64, len(c.each))
	return c, nil
}

// observe scores the values of a row, 0 to 1, and learns them; 0 where all are
// missing. A missing value counts as a usual one.
func (c *spikeChannel) observe(row []float64) float64 {
	mean := 0.0
	for _, s := range c.each {
		mean += s.usual.usual() / float64(len(c.each))
	}
	for i, s := range c.each {
		own := s.usual.usual()
		c.far[i] = 0
		if far := s.observe(row[c.series[i]]); far == far {
			c.far[i] = math.Max(0, far-spikeShare*(own-mean))
		}
	}
	slices.Sort(c.far)
	most := min(spikeMost, len(c.far))
	sum := 0.0
	for _, far := range c.far[len(c.far)-most:] {
		sum += far
	}
	if sum == 0 {
		return 0
	}
	together := sum / float64(most)
	return together / (together + spikeHalf)
}

// spikes knows how far a series goes: its value from the median, and its last
// change from the usual one, each in spreads of the past.
type spikes struct {
	values, changes spread
	last            [spikeRows]float64 // NaN = missing
	at              int
	away            float64  // asinh of the newest value's distance from the median; NaN = missing
	usual           *heights // how far it often goes
}

func newSpikes(horizon int, seed uint64) (*spikes, error) {
	values, err := newSpread(horizon, seed)
	if err != nil {
		return nil, err
	}
	changes, err := newSpread(horizon, seed)
	s := &spikes{values: values, changes: changes, usual: newHeights(spikeWindow, spikeQuantile)}
	for i := range s.last {
		s.last[i] = math.NaN()
	}
	return s, err
}

// observe is how far v is, from 0, and learns it; NaN where v is missing. It is the
// asinh of the distance, which is linear near by and grows with the logarithm.
func (s *spikes) observe(v float64) float64 {
	if v-v != 0 {
		v = math.NaN()
	}
	change := v - s.before()
	s.last[s.at] = v
	s.at = (s.at + 1) % len(s.last)
	if s.away = v; v != v {
		return v
	}
	far := s.values.of(v)
	s.away, far = math.Asinh(far), math.Abs(far)
	s.values.add(v)
	if change-change == 0 {
		far += math.Abs(s.changes.of(change))
		s.changes.add(change)
	}
	far = math.Asinh(far)
	s.usual.add(far)
	return far
}

// before is the mean of the last values that are there; NaN if none is.
func (s *spikes) before() float64 {
	sum, n := 0.0, 0
	for _, v := range s.last {
		if v == v {
			sum += v
			n++
		}
	}
	return sum / float64(n) // 0/0 is NaN
}

// spread knows what is usual for a number: its median, and how far it strays.
type spread struct {
	past      *forest.Line
	low, high float64 // least and greatest so far
}

func newSpread(horizon int, seed uint64) (spread, error) {
	l, err := forest.NewLine(forest.LineOptions{Window: pastWindow, Horizon: horizon, Seed: seed})
	return spread{l, math.Inf(1), math.Inf(-1)}, err
}

// add learns v, which is finite.
func (s *spread) add(v float64) {
	_ = s.past.Insert(v)
	s.reach(v)
}

// reach learns that v was seen.
func (s *spread) reach(v float64) {
	s.low, s.high = math.Min(s.low, v), math.Max(s.high, v)
}

// of is the distance of v from the median, in spreads: the interquartile range as
// a standard deviation, and at least a hundredth of the range seen. 0 where v is
// the median or nothing is known; at most 1000.
func (s *spread) of(v float64) float64 {
	past := s.past.Sorted()
	n := len(past)
	if n == 0 {
		return 0
	}
	d := v - past[n/2]
	if d == 0 {
		return 0
	}
	width := math.Max((past[n*3/4]-past[n/4])/iqrSigma, spreadFloor*(s.high-s.low))
	if width <= 0 { // the first change of what was constant
		return math.Copysign(mostSpreads, d)
	}
	return math.Max(-mostSpreads, math.Min(mostSpreads, d/width))
}

// Constants of spread.
const (
	iqrSigma    = 1.349 // interquartile range of a normal distribution of deviation 1
	spreadFloor = 0.01
	mostSpreads = 1000
)
