package detect

import (
	"slices"
	"time"
)

// A series that has been out for five minutes, and was told of or is within the
// bound, says no more of how unusual a row is, so that what else goes wrong
// meanwhile can. A disk that holds more than it used to does that for a day. Its
// subsystem fires for as long; a further series that goes out is news, and is told
// as an update.

const (
	newsAfter = 30 * time.Second // what goes out until then is of the same trouble
	newsAgain = 5 * time.Minute  // so, and it is no news; within, and it is news again
	mostRows  = 300              // in that time
)

func (a *Anomaly) rowsIn(d time.Duration) int { return max(1, int(d/a.cfg.Row.D())) }

// step counts the rows in a row for which a series is out, beyond the bound by
// itself, or, below 0, is not.
func (s *watched) step(out bool) {
	if out {
		s.out = max(s.out, 0) + 1
	} else {
		s.out = min(s.out, 0) - 1
	}
}

// lasts is whether a series that was told of is still out.
func (a *Anomaly) lasts(x *area) bool {
	return slices.ContainsFunc(a.series, func(s *watched) bool { return s.info.Subsystem == x.name && s.told && s.out > 0 })
}

// further is whether, in an area that fires, a series went out that was not told of.
func (a *Anomaly) further(x *area) bool {
	x.quiet++
	news := false
	for _, s := range a.series {
		if s.info.Subsystem != x.name {
			continue
		}
		if s.out <= -a.rowsIn(newsAgain) {
			s.told = false
		}
		if x.on && s.out >= rowsToFire && !s.told {
			s.told = true
			news = news || x.quiet > a.rowsIn(newsAfter)
		}
	}
	if news {
		x.quiet = 0
	}
	return news
}
