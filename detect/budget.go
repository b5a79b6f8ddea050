package detect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Budget sets the bound beyond which a score is an alarm, from how many false
// alarms one puts up with and from the past scores alone (see extremes). It is the
// one place in which a score becomes an alarm: for the anomaly rule and for
// `firewatch score`.
//
// Not for concurrent use.
type Budget struct {
	past     *extremes
	perBlock float64 // alarms allowed
	bound    float64
}

// NewBudget allows alarms at a rate, per second, in ranks that come every step.
func NewBudget(perSecond float64, step time.Duration) (*Budget, error) {
	if !(perSecond > 0) || step <= 0 {
		return nil, fmt.Errorf("new budget: %g alarms per second in scores every %v", perSecond, step)
	}
	t, err := newExtremes(step, rankPrior)
	if err != nil {
		return nil, err
	}
	b := &Budget{past: t, perBlock: perSecond * float64(t.length) * step.Seconds()}
	b.bound = t.bound(b.perBlock)
	return b, nil
}

// rankPrior is how ranks are distributed if they are what they say.
var rankPrior = prior{blocks: 500, level: -math.Log(extremeShare), scale: 1}

// add learns a rank, after so many blocks.
func (b *Budget) add(rank float64, held int) {
	if b.past.add(rank, held) {
		b.bound = b.past.bound(b.perBlock)
	}
}

// far is a score, 0 to 1, as one without an upper end, −ln(−log2 s), so that
// differences far out count as much as near ones. 0 for the average, 0.5, and less.
func far(score float64) float64 {
	if !(score > 0.5) {
		return 0
	}
	return -math.Log(-math.Log2(math.Min(score, 1-1e-9)))
}

// near undoes far: the score that is w far. 0 for w = 0, which is not far at all.
func near(w float64) float64 {
	if w <= 0 {
		return 0
	}
	return math.Exp2(-math.Exp(-w))
}

// ParseBudget reads "N per hour|day|week|month" as events per second.
func ParseBudget(s string) (float64, error) {
	f := strings.Fields(s)
	day := 24 * time.Hour
	spans := map[string]time.Duration{"hour": time.Hour, "day": day, "week": 7 * day, "month": 30 * day}
	if len(f) == 3 && f[1] == "per" && spans[f[2]] > 0 {
		if n, err := strconv.ParseFloat(f[0], 64); err == nil && n > 0 && n <= 1000 {
			return n / spans[f[2]].Seconds(), nil
		}
	}
	return 0, fmt.Errorf("budget %q is not a number above 0 and up to 1000 per hour, day, week or month, as in 1 per week", s)
}
