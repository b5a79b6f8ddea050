package detect

import "github.com/firewatch-agent/firewatch/forest"

// valueChannel scores a value by how isolated it is among a sample of the past
// values of its series (forest.Line).
type valueChannel struct{ past *forest.Line }

func newValueChannel(o ScorerOptions, seed uint64) (*valueChannel, error) {
	l, err := forest.NewLine(forest.LineOptions{Window: pastWindow, Horizon: o.rowsOf(pastHorizon, pastWindow), Seed: seed})
	return &valueChannel{l}, err
}

// observe returns the score of v, in (0, 1], and learns it; NaN where v is NaN.
func (c *valueChannel) observe(v float64) float64 {
	score := c.past.Score(v)
	_ = c.past.Insert(v) // NaN is skipped; there are no infinities
	return score
}
