package detect

import (
	"math"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of ownLevel and peak.
const (
	levelWindow   = 4000 // scores
	levelQuantile = 0.998
	levelUsual    = 0.6 // what that quantile is where all is regular
	levelShare    = 0.4 // of the difference that is taken away
	levelHalf     = 300 // scores until half of it is
	peakRows      = 120
	peakFactor    = 1.03
)

// ownLevel takes from a score part of what the highest of its own past scores have
// above the usual: a series that is often far out must go farther to stand out.
type ownLevel struct{ past *forest.Line }

func newLevel() ownLevel {
	l, err := forest.NewLine(forest.LineOptions{Window: levelWindow})
	if err != nil {
		panic(err) // the options are constants
	}
	return ownLevel{l}
}

// against returns score, less what its past takes away, and learns it.
func (l ownLevel) against(score float64) float64 {
	out := score
	if past := l.past.Sorted(); len(past) > 0 {
		n := float64(len(past))
		q := past[min(len(past)-1, int(levelQuantile*n))]
		out -= levelShare * n / (n + levelHalf) * (q - levelUsual)
	}
	_ = l.past.Insert(score)
	return math.Max(0, out)
}

// peak lets through a score that exceeds all of the last ones.
type peak struct {
	last []float64
	at   int
}

func newPeak() peak { return peak{last: make([]float64, peakRows)} }

// keep returns score if it is clearly over the last ones, else 0.
func (p *peak) keep(score float64) float64 {
	top := 0.0
	for _, s := range p.last {
		top = math.Max(top, s)
	}
	p.last[p.at] = score
	p.at = (p.at + 1) % len(p.last)
	if score > peakFactor*top {
		return score
	}
	return 0
}
