package detect

import (
	"time"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the shape channel.
const (
	shapeStep  = 5 * time.Minute // of which the means are taken, where rows are nearer
	shapeSpan  = time.Hour       // of each mean
	shapeMeans = 4               // means that make a shape, one after the other
	shapeLeast = 12              // steps of each mean, where an hour has fewer
	shapeTrees = 30
	shapeEvery = 16 // steps from one new tree to the next
)

// MostShapes is the number of series whose shape a Scorer looks at, the first ones:
// each takes about 80 kB.
const MostShapes = 40

// shapeChannel scores the course of a series: its mean of the last hour, of the
// hour before, and so on, as one row of a forest. So it sees a quiet night where
// there never was one, though each value by itself is a usual one. It goes by steps
// of five minutes, as a course does not change in seconds: its score stands until
// the next step.
type shapeChannel struct {
	forest *forest.Stream
	each   int     // rows of a step
	rows   int     // of the step so far
	sum    float64 // of their values
	n      int     // that are there

	ring  []float64 // the newest steps' means, NaN = missing
	at    int       // where the next mean goes
	full  bool
	span  int // steps in a mean of the shape
	x     [shapeMeans]float64
	score float64 // of the last step
}

// newShapeChannel returns a channel that has seen nothing, with the memory of
// another's forest to grow its own, if there is another.
func newShapeChannel(o ScorerOptions, seed uint64, other *shapeChannel) (*shapeChannel, error) {
	each := max(1, int(shapeStep/o.Step))
	o.Step *= time.Duration(each) // from here on a row is a step
	span := o.rowsOf(shapeSpan, shapeLeast)
	c := &shapeChannel{each: each, span: span, ring: make([]float64, shapeMeans*span), score: unknownShape}
	var err error
	if other != nil {
		c.forest, err = other.forest.Sibling(seed)
		return c, err
	}
	c.forest, err = forest.NewStream(forest.StreamOptions{
		Options:  forest.Options{Trees: shapeTrees, Sample: forestSample, Leaf: forestLeaf, MaxDepth: forestDepth, Seed: seed, Boxes: true, Split: forest.Proportional},
		Features: shapeMeans, Window: pastWindow, Horizon: o.rowsOf(pastHorizon, pastWindow), Every: shapeEvery,
	})
	return c, err
}

// unknownShape is the score before there is a course.
const unknownShape = 0.5

// observe takes v and returns the score of the course that ends with the last step,
// in (0, 1]: 0.5 before there is a course, NaN where v is missing.
func (c *shapeChannel) observe(v float64) float64 {
	if v == v {
		c.sum += v
		c.n++
	}
	if c.rows++; c.rows == c.each {
		c.step(c.sum / float64(c.n)) // 0/0 is NaN
		c.rows, c.sum, c.n = 0, 0, 0
	}
	if v != v {
		return v
	}
	return c.score
}

// step takes the mean of a step. A step without values leaves the score as it is.
func (c *shapeChannel) step(mean float64) {
	c.ring[c.at] = mean
	c.at = (c.at + 1) % len(c.ring)
	c.full = c.full || c.at == 0
	if mean != mean || !c.full {
		return
	}
	for k := range c.x {
		c.x[k] = c.mean(k)
	}
	score, err := c.forest.Observe(c.x[:])
	if err != nil { // the values are so great that their sum overflows
		score = unknownShape
	}
	c.score = score
}

// mean is that of the k-th span back, of the steps that are there; NaN if none is.
func (c *shapeChannel) mean(k int) float64 {
	sum, n := 0.0, 0
	at := c.at - k*c.span
	for range c.span {
		at--
		if v := c.ring[(at+len(c.ring))%len(c.ring)]; v == v {
			sum += v
			n++
		}
	}
	return sum / float64(n) // 0/0 is NaN
}
