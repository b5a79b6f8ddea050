package detect

import (
	"fmt"
	"math"
	"time"
)

// The kinds of scores, each of which has a scale of its own.
const (
	bySeries   = iota // value and shape
	byBlock           // host
	bySpike           // host, of the three series that went farthest
	byRelation        // host, of the series that is farthest from what the others say
	kinds
)

// Where there are blocks, a host's trouble shows first in spikes and relations, and in
// several ways at once. What one series does by itself is the less often trouble the
// more of them there are.
var lesser = [kinds]float64{byBlock: 1.5} // of rank, so much less it counts

const lesserSeries = 0.28 // and by series for e times as many

const (
	secondShare  = 0.7  // of the second highest rank,
	secondBeyond = 2    // as far as it is beyond this, is added to the highest,
	hostBeyond   = 0.35 // and so much farther than the bound it must be
)

// kindPriors are what scores (far) of each kind were like on the development data
// outside its windows; of several series the greatest counts, which is higher.
var kindPriors = [kinds]prior{{blocks: 500, level: 0, scale: 0.16}, {blocks: 300, level: 0.3, scale: 0.17}, {blocks: 500, level: 1.35, scale: 0.2}, {blocks: 500, level: 0.7, scale: 0.1}}

const moreSeries = 0.1 // higher by so much for e times as many series

// Alert is whether the newest row is beyond what the budget allows: whether its
// rank, how rare the score of its rarest kind is by the past of that kind, is
// beyond the Budget's bound. Where there are blocks, what is rare in a second way
// counts, too, an alarm is hostBeyond farther, and of the rows beyond the bound one
// in 128 is learnt: a host's trouble comes again and lasts, and a bound that learns
// from it misses the next. A series alone that does so is like that.
func (s *Scorer) Alert() bool { return s.alert }

// allow makes what Alert needs.
func (s *Scorer) allow(o ScorerOptions) (err error) {
	if o.Budget == 0 {
		o.Budget = 1 / (7 * 24 * time.Hour).Seconds()
	}
	if s.budget, err = NewBudget(o.Budget, o.Step); err != nil {
		return fmt.Errorf("new scorer: %w", err)
	}
	s.less = lesser
	s.less[bySeries] = lesserSeries * math.Log(float64(o.Series))
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
	rarest, next, host := 0.0, 0.0, len(s.hosts) > 0
	for k, past := range s.past {
		rank := past.rank(far(s.by[k]))
		if host {
			rank -= s.less[k]
		}
		next = math.Max(next, math.Min(rarest, rank))
		rarest = math.Max(rarest, rank)
	}
	margin := 0.0
	if host {
		rarest += secondShare * math.Max(0, next-secondBeyond)
		margin = hostBeyond
	}
	s.alert = rarest > s.budget.bound+margin
	if host && rarest > s.budget.bound && s.rows%learnOneIn != 0 { // not learnt from the bound on
		s.skip()
		return
	}
	for k, past := range s.past {
		past.add(far(s.by[k]), 0)
	}
	s.budget.add(rarest, 0)
}

// skip counts the newest row and forgets what led to it.
func (s *Scorer) skip() {
	for _, past := range append(s.past[:], s.budget.past) {
		past.top = 0
	}
	for _, past := range s.past {
		past.add(0, 0)
	}
	s.budget.add(0, 0)
}
