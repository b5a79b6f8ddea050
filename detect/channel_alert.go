package detect

import (
	"fmt"
	"math"
	"time"
)

// The kinds of scores, each of which has a scale of its own.
const (
	bySeries = iota // value and shape
	byBlock         // host
	bySpike         // host, of the three series that went farthest
	kinds
)

// kindPriors are what scores (far) of each kind were like on the development data
// outside its windows; of several series the greatest counts, which is higher.
var kindPriors = [kinds]prior{{blocks: 500, level: 0, scale: 0.16}, {blocks: 300, level: 0.3, scale: 0.17}, {blocks: 500, level: 1.35, scale: 0.2}}

const moreSeries = 0.1 // higher by so much for e times as many series

// Alert is whether the newest row is beyond what the budget allows: whether its
// rank, how rare the score of its rarest kind is by the past of that kind, is
// beyond the Budget's bound.
func (s *Scorer) Alert() bool { return s.alert }

// allow makes what Alert needs.
func (s *Scorer) allow(o ScorerOptions) (err error) {
	if o.Budget == 0 {
		o.Budget = 1 / (7 * 24 * time.Hour).Seconds()
	}
	if s.budget, err = NewBudget(o.Budget, o.Step); err != nil {
		return fmt.Errorf("new scorer: %w", err)
	}
	for k := range s.past {
		p := kindPriors[k]
		if k == bySeries {
			p.level += moreSeries * math.Log(float64(o.Series))
		}
		if s.past[k], err = newExtremes(o.Step, p); err != nil {
			return fmt.Errorf("new scorer: %w", err)
		}
	}
	return nil
}

// judge sets alert, by the rows before the newest.
func (s *Scorer) judge() {
	if s.rows <= silentRows {
		s.alert = false
		return
	}
	rarest := 0.0
	for k, past := range s.past {
		w := far(s.by[k])
		rarest = math.Max(rarest, past.rank(w))
		past.add(w)
	}
	s.alert = rarest > s.budget.bound
	s.budget.add(rarest)
}
