package detect

import (
	"math"
	"slices"
	"sort"
)

// Constants of ownLevel and peak.
const (
	levelWindow   = 16000 // scores
	levelQuantile = 0.995
	levelUsual    = 0.6 // what that quantile is where all is regular
	levelShare    = 0.5 // of the difference that is taken away
	levelHalf     = 600 // scores until half of it is
	peakRows      = 120
	peakFactor    = 1.03
)

// ownLevel takes from a score part of what the highest of its own past scores have
// above the usual: a series that is often far out must go farther to stand out.
type ownLevel struct{ past *heights }

func newLevel() ownLevel { return ownLevel{newHeights(levelWindow, levelQuantile)} }

// against returns score, less what its past takes away, and learns it.
func (l ownLevel) against(score float64) float64 {
	out := score
	if n := float64(l.past.seen()); n > 0 {
		out -= levelShare * n / (n + levelHalf) * (l.past.usual() - levelUsual)
	}
	l.past.add(score)
	return math.Max(0, out)
}

// heights knows a high quantile of the last scores, exactly, and keeps only those
// that can still become it: a score that enough later ones have reached cannot. Of
// random scores these are a few hundred; of scores that fall for the whole window
// all.
type heights struct {
	quantile     float64
	window, most uint16 // of the window lie so many above the quantile
	rows         int    // seen in all
	kept         []float64
	ages         []age // of each kept score, the highest first
}

// age is the row of a score, modulo 2^16, which is above any window, and how many
// later ones have reached the score.
type age struct{ row, reached uint16 }

func newHeights(window uint16, quantile float64) *heights {
	return &heights{window: window, quantile: quantile, most: window - uint16(quantile*float64(window))}
}

// seen is the number of scores that count.
func (h *heights) seen() int { return min(h.rows, int(h.window)) }

// add learns a score, which is a number.
func (h *heights) add(score float64) {
	h.rows++
	row := uint16(h.rows)
	if h.rows > int(h.window) { // one row grew too old, by a difference modulo 2^16
		if i := slices.IndexFunc(h.ages, func(a age) bool { return row-a.row >= h.window }); i >= 0 {
			h.kept, h.ages = slices.Delete(h.kept, i, i+1), slices.Delete(h.ages, i, i+1)
		}
	}
	at := sort.Search(len(h.kept), func(i int) bool { return h.kept[i] <= score })
	n := at
	for i := at; i < len(h.kept); i++ {
		a := h.ages[i]
		if a.reached++; a.reached < h.most {
			h.kept[n], h.ages[n] = h.kept[i], a
			n++
		}
	}
	if n == cap(h.kept) { // by little, as there are many
		room := n + n/16 + 8
		h.kept, h.ages = append(make([]float64, 0, room), h.kept...), append(make([]age, 0, room), h.ages...)
	}
	h.kept = slices.Insert(h.kept[:n], at, score)
	h.ages = slices.Insert(h.ages[:n], at, age{row: row})
}

// usual is the quantile; 0 where nothing was seen.
func (h *heights) usual() float64 {
	n := h.seen()
	if n == 0 {
		return 0
	}
	return h.kept[n-1-min(n-1, int(h.quantile*float64(n)))]
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
