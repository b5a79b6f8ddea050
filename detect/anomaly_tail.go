package detect

import (
	"math"
	"slices"
)

// tail sets the bound for scores from a budget of false alarms.
//
// A score s = 2^−h/c ends at 1, so it is looked at as w = −ln(h/c): how far out
// the row is, as a natural logarithm, 0 for an average one. The bound is the
// greatest w of the last 4000, and beyond it what the budget asks for where the
// tail is exponential (peaks over threshold: Pickands 1975,
// doi:10.1214/aos/1176343003; for streams Siffer et al. 2017,
// doi:10.1145/3097983.3098144):
//
//	max w + min(ln 1.5, m · ln(1/(n·rate)))
//
// with n the scores kept, m the mean excess of the highest fiftieth (at least
// 10) over the next one, and rate the false alarms allowed per row. The limit
// matters while n·rate is small: a tail cannot be known from so few, and then
// half as far out again as anything before is what counts. Until a host was
// watched for as long as the budget's period, the budget is a hope, not a bound.
type tail struct {
	rate   float64   // false alarms allowed per row
	bound  float64   // 1 until there are scores
	scores []float64 // in (0, 1)
	n      int
	sorted []float64
}

// Constants of the tail.
const (
	tailScores = 4000
	tailEvery  = 16 // rows between two fits
	tailLeast  = 30 // scores before the first fit
	tailNewest = 60 // left out, so that trouble that begins does not raise the bar for itself
	farther    = 1.5
	leastScore = 0.6 // 0.5 is the score of an average row
)

// add learns a score.
func (t *tail) add(score float64) {
	score = math.Min(score, 1-1e-9)
	if len(t.scores) < tailScores {
		t.scores = append(t.scores, score)
	} else {
		t.scores[t.n%tailScores] = score
	}
	t.n++
	if t.n >= tailLeast && (t.n == tailLeast || t.n%tailEvery == 0) {
		t.fit()
	}
}

func (t *tail) fit() {
	t.sorted = t.sorted[:0]
	newest := min(tailNewest, t.n/4)
	for i := max(0, t.n-tailScores); i < t.n-newest; i++ {
		t.sorted = append(t.sorted, -math.Log(-math.Log2(t.scores[i%tailScores])))
	}
	slices.Sort(t.sorted)
	n := len(t.sorted)
	k := max(10, n/50)
	u, m := t.sorted[n-k-1], 0.0
	for _, w := range t.sorted[n-k:] {
		m += (w - u) / float64(k)
	}
	margin := math.Min(math.Log(farther), m*math.Log(1/(float64(n)*t.rate)))
	w := t.sorted[n-1] + math.Max(0, margin)
	t.bound = math.Max(leastScore, math.Exp2(-math.Exp(-w)))
}
