package detect

import "math"

// Constants of ownLevel and peak.
const (
	levelWindow   = 4000 // scores
	levelQuantile = 0.998
	levelMost     = 8   // of the window lie above that quantile
	levelUsual    = 0.6 // what that quantile is where all is regular
	levelShare    = 0.4 // of the difference that is taken away
	levelHalf     = 300 // scores until half of it is
	peakRows      = 120
	peakFactor    = 1.03
)

// ownLevel takes from a score part of what the highest of its own past scores have
// above the usual: a series that is often far out must go farther to stand out.
type ownLevel struct{ past *heights }

func newLevel() ownLevel { return ownLevel{&heights{}} }

// against returns score, less what its past takes away, and learns it.
func (l ownLevel) against(score float64) float64 {
	out := score
	if n := float64(l.past.seen()); n > 0 {
		out -= levelShare * n / (n + levelHalf) * (l.past.usual() - levelUsual)
	}
	l.past.add(score)
	return math.Max(0, out)
}

// heights knows the levelQuantile of the last levelWindow scores, exactly, and
// keeps only those that can still become it: a score that levelMost later ones have
// reached cannot. Of random scores these are about 60; of scores that fall for the
// whole window all.
type heights struct {
	rows int // seen in all
	kept []height
}

// height is a score and how many later ones have reached it.
type height struct {
	score        float64
	row, reached int
}

// seen is the number of scores that count.
func (h *heights) seen() int { return min(h.rows, levelWindow) }

// add learns a score, which is a number.
func (h *heights) add(score float64) {
	h.rows++
	n := 0
	for _, k := range h.kept {
		if score >= k.score {
			k.reached++
		}
		if k.reached < levelMost && k.row > h.rows-levelWindow {
			h.kept[n] = k
			n++
		}
	}
	h.kept = append(h.kept[:n], height{score: score, row: h.rows})
}

// usual is the quantile; 0 where nothing was seen.
func (h *heights) usual() float64 {
	n := h.seen()
	if n == 0 {
		return 0
	}
	rank := n - min(n-1, int(levelQuantile*float64(n))) // from the top, 1…levelMost
	var top [levelMost]float64
	m := 0
	for _, k := range h.kept {
		if m == rank && k.score <= top[m-1] {
			continue
		}
		at := min(m, rank-1)
		for at > 0 && top[at-1] < k.score {
			top[at] = top[at-1]
			at--
		}
		top[at] = k.score
		m = min(m+1, rank)
	}
	return top[rank-1]
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
