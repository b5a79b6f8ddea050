package record

import (
	"iter"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// Replay yields what was recorded since then, in the order in which it was:
// first 10 s rows (the mean of each series, Elapsed their ten seconds, no
// Errors), and from where the 1 s rows begin the frames as they were, bit for
// bit. The first frame of a run of the agent has Elapsed 0; the first after
// rows that were lost, and the first after the 10 s rows, has in Elapsed the
// time since the one before it. Times are UTC.
//
// An error is of the disk, and the last; damage is stepped over, see
// [Archive.Damage].
func (a *Archive) Replay(since time.Time) iter.Seq2[collect.Frame, error] {
	return a.replay(since, laneMean)
}

// ReplayMax is Replay with the greatest reading of each 10 s row in place of
// the mean.
func (a *Archive) ReplayMax(since time.Time) iter.Seq2[collect.Frame, error] {
	return a.replay(since, laneMax)
}

func (a *Archive) replay(since time.Time, lane int) iter.Seq2[collect.Frame, error] {
	return func(yield func(collect.Frame, error) bool) {
		var at splice
		more := true
		err := a.blocks(since, farAway, func(tier int, first position, h header, k *block) bool {
			k.rows[0].elapsed = at.join(h.start, k.rows[0].elapsed)
			l := lane
			if tier == tier1s {
				l = 0
			}
			err := k.frames(l, func(r row, f collect.Frame) bool {
				if tier == tier10s && !r.at.before(first) {
					return true
				}
				at = splice{r.at, true}
				if !f.Time.Before(since) {
					more = yield(f, nil)
				}
				return more
			})
			if err != nil {
				where := k.where
				a.damaged(&where)
			}
			return more
		})
		if err != nil && more {
			yield(collect.Frame{}, err)
		}
	}
}
