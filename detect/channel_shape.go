package detect

import (
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the shape channel.
const (
	shapeMeans = 4         // means that make a shape, one after the other
	shapeSpan  = time.Hour // of each mean
	shapeLeast = 12        // rows of each mean, where an hour has fewer
	shapeTrees = 30
	shapeEvery = 16 // rows from one new tree to the next
)

// shapeChannel scores the course of a series: its mean of the last hour, of the
// hour before, and so on, as one row of a forest. So it sees a quiet night where
// there never was one, though each value by itself is a usual one.
type shapeChannel struct {
	forest *forest.Stream
	ring   []float64 // the newest values, NaN = missing
	at     int       // where the next value goes
	full   bool
	span   int // values in a mean
	x      [shapeMeans]float64
}

func newShapeChannel(o ScorerOptions, seed uint64) (*shapeChannel, error) {
	f, err := forest.NewStream(forest.StreamOptions{
		Options:  forest.Options{Trees: shapeTrees, Sample: forestSample, MaxDepth: forestDepth, Seed: seed, Boxes: true, Split: forest.Proportional},
		Features: shapeMeans, Window: pastWindow, Horizon: o.rowsOf(pastHorizon, pastWindow), Every: shapeEvery,
	})
	span := o.rowsOf(shapeSpan, shapeLeast)
	return &shapeChannel{forest: f, span: span, ring: make([]float64, shapeMeans*span)}, err
}

// observe takes v and returns the score of the course that ends with it, in (0, 1]:
// 0.5 before there is a course, NaN where v is missing.
func (c *shapeChannel) observe(v float64) float64 {
	c.ring[c.at] = v
	c.at = (c.at + 1) % len(c.ring)
	c.full = c.full || c.at == 0
	switch {
	case v != v:
		return math.NaN()
	case !c.full:
		return 0.5
	}
	for k := range c.x {
		c.x[k] = c.mean(k)
	}
	score, err := c.forest.Observe(c.x[:])
	if err != nil { // the values are so great that their sum overflows
		return 0.5
	}
	return score
}

// mean is that of the k-th span back, of the values that are there; NaN if none is.
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
