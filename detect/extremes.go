package detect

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/forest"
)

// extremes knows how rare a score w ≥ 0 is, from the past scores alone. Of each
// block of 12 rows, at least 2 min, the highest counts, because what is unusual
// comes in clusters; the blocks of the last 14 days are kept, in order. The
// highest tenth of them is taken for an exponential tail above u, the next lower
// one (peaks over threshold: Pickands 1975, doi:10.1214/aos/1176343003; for
// streams Siffer et al. 2017, doi:10.1145/3097983.3098144). Its mean excess m
// comes from the median one, m = median/ln 2, so that real trouble among them
// hardly moves it.
//
// A tail cannot be known from little data, so what was seen elsewhere (prior)
// counts as blocks of this host's own, and the less the more blocks there are.
type extremes struct {
	prior  prior
	length int // rows of a block
	rows   uint64
	top    float64      // of the block that is not over
	held   []float64    // the highest of each of the newest blocks, not yet among those below
	blocks *forest.Line // the highest of each block
	seen   int          // blocks in the tail, k
	level  float64      // u
	scale  float64      // m, its own and the prior's
}

// prior is a tail to go by before there is one: in a tenth of so many blocks the
// score is above level, and by scale on average.
type prior struct{ blocks, level, scale float64 }

// Constants of extremes.
const (
	blockTime       = 2 * time.Minute
	blockRows       = 12
	extremesHorizon = 14 * 24 * time.Hour
	leastBlocks     = 10  // before their own tail counts
	extremeShare    = 0.1 // of the blocks make the tail
	leastScale      = 0.01
	highest         = 12  // of a score
	maxHeld         = 100 // blocks held back
)

func newExtremes(step time.Duration, p prior) (*extremes, error) {
	length := max(blockRows, int(blockTime/step))
	l, err := forest.NewLine(forest.LineOptions{Window: min(forest.MaxWindow, max(200, int(extremesHorizon/(time.Duration(length)*step))))})
	if err != nil {
		return nil, fmt.Errorf("new extremes: %w", err)
	}
	return &extremes{prior: p, length: length, blocks: l, scale: p.scale}, nil
}

// add learns a score, held back until so many blocks ended after its own; true where
// one ended with it.
func (t *extremes) add(w float64, held int) bool {
	t.top = math.Max(t.top, math.Min(w, highest))
	if t.rows++; t.rows%uint64(t.length) != 0 {
		return false
	}
	t.held = append(t.held, t.top)
	t.top = 0
	for ; len(t.held) > held; t.held = slices.Delete(t.held, 0, 1) {
		_ = t.blocks.Insert(t.held[0]) // it is finite
	}
	t.fit()
	return true
}

func (t *extremes) fit() {
	sorted := t.blocks.Sorted()
	n := len(sorted)
	if n < leastBlocks {
		return
	}
	k := int(extremeShare * float64(n))
	own := (sorted[n-k+k/2] - sorted[n-k-1]) / math.Ln2
	before := extremeShare * t.prior.blocks
	t.seen, t.level = k, sorted[n-k-1]
	t.scale = math.Max(leastScale, (before*t.prior.scale+float64(k)*own)/(before+float64(k)))
}

// rate is in how many blocks of one a score beyond w is expected, 0…1.
func (t *extremes) rate(w float64) float64 {
	before := t.prior.blocks * extremeShare * math.Exp((t.prior.level-w)/t.prior.scale)
	n, own := 0.0, 0.0
	if t.seen > 0 {
		n = float64(t.blocks.Len())
		own = float64(t.seen) * math.Exp((t.level-w)/t.scale)
	}
	return math.Min(1, (before+own)/(t.prior.blocks+n))
}

// rank is how rare w is: ln of the number of blocks in which one goes so far. 0
// for what is not rare at all.
func (t *extremes) rank(w float64) float64 {
	if w <= 0 {
		return 0
	}
	return math.Max(0, -math.Log(t.rate(w)))
}

// bound is the score that is exceeded in a share p of the blocks.
func (t *extremes) bound(p float64) float64 {
	low, high := 0.0, 100.0
	for range 40 { // the rate falls with the score
		if mid := (low + high) / 2; t.rate(mid) > p {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}
