package detect

import (
	"math"
	"slices"
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
	window   int
	quantile float64
	most     int      // of the window lie above the quantile
	rows     int      // seen in all
	kept     []height // the highest first
}

// height is a score and how many later ones have reached it.
type height struct {
	score        float64
	row, reached int32
}

func newHeights(window int, quantile float64) *heights {
	return &heights{window: window, quantile: quantile, most: window - int(quantile*float64(window))}
}

// seen is the number of scores that count.
func (h *heights) seen() int { return min(h.rows, h.window) }

// add learns a score, which is a number.
func (h *heights) add(score float64) {
	h.rows++
	n, at := 0, -1
	for _, k := range h.kept {
		if score >= k.score {
			if at < 0 {
				at = n
			}
			k.reached++
		}
		// Differences of int32 stand when the row number has run over.
		if int(k.reached) < h.most && int(int32(h.rows)-k.row) < h.window {
			h.kept[n] = k
			n++
		}
	}
	if at < 0 {
		at = n
	}
	h.kept = slices.Insert(h.kept[:n], at, height{score: score, row: int32(h.rows)})
}

// usual is the quantile; 0 where nothing was seen.
func (h *heights) usual() float64 {
	n := h.seen()
	if n == 0 {
		return 0
	}
	return h.kept[n-1-min(n-1, int(h.quantile*float64(n)))].score
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
