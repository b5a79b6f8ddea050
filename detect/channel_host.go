package detect

import (
	"math"
	"slices"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the host channel.
const (
	hostTrees = 25
	hostEvery = 16 // rows from one new tree to the next
)

// hostChannel scores the values of a block of series together, each by its
// distance from the series' median in units of its spread.
type hostChannel struct {
	block  []int
	forest *forest.Stream
	past   []spread // of each series
	lent   []bool   // of which the sample is another's, who learns
	x      []float64
	rows   int
	level  ownLevel
}

func newHostChannel(block []int, o ScorerOptions, seed uint64) (*hostChannel, error) {
	h := &hostChannel{block: block, lent: make([]bool, len(block)), x: make([]float64, len(block)), level: newLevel()}
	horizon := o.rowsOf(pastHorizon, pastWindow)
	for range block {
		s, err := newSpread(horizon, seed)
		if err != nil {
			return nil, err
		}
		h.past = append(h.past, s)
	}
	var err error
	h.forest, err = forest.NewStream(forest.StreamOptions{
		Options:  forest.Options{Trees: hostTrees, Sample: forestSample, Leaf: forestLeaf, MaxDepth: forestDepth, Seed: seed, Boxes: true, Split: forest.Proportional},
		Features: len(block), Window: pastWindow, Horizon: horizon, Every: hostEvery,
	})
	return h, err
}

// share lets h grow its trees with the memory of one of the others, of as many
// series, if there is one. Where the spikes keep the same sample of the same series,
// which are those of the first block, there is one sample: h is to observe a row
// before they do, and leaves it to them to learn it.
func (h *hostChannel) share(others []*hostChannel, spikes *spikeChannel) (err error) {
	for i, at := range h.block {
		one := spikes.each[slices.Index(spikes.series, at)].values.past
		if one.Options() == h.past[i].past.Options() {
			h.past[i].past, h.lent[i] = one, true
		}
	}
	for _, other := range others {
		if len(other.block) == len(h.block) {
			h.forest, err = other.forest.Sibling(h.forest.Options().Seed)
			return err
		}
	}
	return nil
}

// observe scores the block's values of a row, in (0, 1], and learns them; 0 while
// the spreads are not known, and where all values are missing.
func (h *hostChannel) observe(row []float64) float64 {
	score, some := h.score(row)
	h.learn(row)
	if !some || h.rows <= silentRows/2 {
		return 0
	}
	return h.level.against(score)
}

// score judges the block's values of a row and learns nothing; false where all
// values are missing or the spreads are not known. Of a distance counts its asinh,
// which is linear for near values and grows with the logarithm for far ones, so
// that one far value hides no other.
func (h *hostChannel) score(row []float64) (float64, bool) {
	some := false
	for i, at := range h.block {
		h.x[i] = math.NaN()
		if v := row[at]; v-v == 0 {
			some = true
			h.x[i] = math.Asinh(h.past[i].of(v))
		}
	}
	return h.forest.Score(h.x), some && h.rows >= silentRows/2
}

// learn takes the row that was scored last.
func (h *hostChannel) learn(row []float64) {
	h.rows++
	some := false
	for i, at := range h.block {
		if v := row[at]; v-v == 0 {
			some = true
			if h.lent[i] {
				h.past[i].reach(v)
			} else {
				h.past[i].add(v)
			}
		}
	}
	if some && h.rows > silentRows/2 {
		_ = h.forest.Update(h.x) // finite or NaN
	}
}
