package detect

import (
	"math"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the host channel.
const (
	hostTrees = 25
	hostEvery = 16   // rows from one new tree to the next
	hostFloor = 0.01 // of the range seen: the least spread of a series
	iqrSigma  = 1.349
)

// hostChannel scores the values of a block of series together, each by its
// distance from the series' median in units of its spread.
type hostChannel struct {
	block  []int
	forest *forest.Stream
	past   []*forest.Line // of each series, for median and spread
	low    []float64      // least and greatest value of each so far
	high   []float64
	x      []float64
	rows   int
	level  ownLevel
}

func newHostChannel(block []int, o ScorerOptions, seed uint64) (*hostChannel, error) {
	n := len(block)
	h := &hostChannel{block: block, x: make([]float64, n), low: make([]float64, n), high: make([]float64, n), level: newLevel()}
	horizon := o.rowsOf(pastHorizon, pastWindow)
	for i := range block {
		l, err := forest.NewLine(forest.LineOptions{Window: pastWindow, Horizon: horizon, Seed: seed})
		if err != nil {
			return nil, err
		}
		h.past = append(h.past, l)
		h.low[i], h.high[i] = math.Inf(1), math.Inf(-1)
	}
	var err error
	h.forest, err = forest.NewStream(forest.StreamOptions{
		Options:  forest.Options{Trees: hostTrees, Sample: forestSample, MaxDepth: forestDepth, Seed: seed, Boxes: true, Split: forest.Proportional},
		Features: n, Window: pastWindow, Horizon: horizon, Every: hostEvery,
	})
	return h, err
}

// observe scores the block's values of a row and learns them; 0 while the spreads
// are not known, and where all values are missing.
func (h *hostChannel) observe(row []float64) float64 {
	h.rows++
	some := false
	for i, at := range h.block {
		v := row[at]
		h.x[i] = h.scaled(i, v)
		some = some || h.x[i] == h.x[i]
		if v-v == 0 {
			_ = h.past[i].Insert(v)
			h.low[i], h.high[i] = math.Min(h.low[i], v), math.Max(h.high[i], v)
		}
	}
	if h.rows <= silentRows/2 || !some {
		return 0
	}
	score, err := h.forest.Observe(h.x)
	if err != nil {
		return 0
	}
	return h.level.against(score)
}

// scaled is the distance of v from the median of series i in spreads, by the
// values before it: asinh of it, which is linear for near values and grows with
// the logarithm for far ones, so that one far value hides no other. NaN where v
// is missing, infinite, or the first.
func (h *hostChannel) scaled(i int, v float64) float64 {
	past := h.past[i].Sorted()
	n := len(past)
	if v-v != 0 || n == 0 {
		return math.NaN()
	}
	spread := math.Max((past[n*3/4]-past[n/4])/iqrSigma, hostFloor*(h.high[i]-h.low[i]))
	d := v - past[n/2]
	switch {
	case d == 0:
		return 0
	case spread <= 0: // the first change of what was constant
		return math.Copysign(farOut, d)
	}
	return math.Max(-farOut, math.Min(farOut, math.Asinh(d/spread)))
}

// farOut is asinh of about a hundred spreads.
const farOut = 5.3
