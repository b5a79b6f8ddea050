package detect

import (
	"math"

	"github.com/firewatch-agent/firewatch/forest"
)

// spikeHalf is the number of spreads at which a spike scores 0.5.
const spikeHalf = 3

// spikes scores one series by how far its value is from the median, and how far
// its last change is from the usual one, each in spreads of the past: what comes
// at once and goes far, however often it came before. (The sample that the other
// channels compare with takes repeated trouble for usual.)
type spikes struct {
	values, changes spread
	last            float64
}

func newSpikes(horizon int, seed uint64) (*spikes, error) {
	values, err := newSpread(horizon, seed)
	if err != nil {
		return nil, err
	}
	changes, err := newSpread(horizon, seed)
	return &spikes{values: values, changes: changes, last: math.NaN()}, err
}

// observe scores v, 0 to 1, and learns it; 0 where v is missing.
func (s *spikes) observe(v float64) float64 {
	if v-v != 0 {
		s.last = math.NaN()
		return 0
	}
	far := math.Abs(s.values.of(v))
	s.values.add(v)
	if change := v - s.last; change-change == 0 {
		far += math.Abs(s.changes.of(change))
		s.changes.add(change)
	}
	s.last = v
	return far / (far + spikeHalf)
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
