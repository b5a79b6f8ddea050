package alert_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// judge checks the order of what one service showed, and that it showed nothing
// twice without need.
func (w *world) judge(s *service) {
	newest := map[string]int{}
	since := map[string]time.Time{} // … was shown first
	shown := map[string]sighting{}
	for _, x := range s.seen {
		if x.alert.Phase == alert.PhaseDigest {
			continue
		}
		id, rank := x.alert.Incident, rankOf(x.alert.Phase)
		was, twice := shown[x.alert.Key]
		switch {
		case rank > newest[id]:
			newest[id], since[id] = rank, x.at
		case rank < newest[id] && !twice && !w.troubled(since[id], x.at):
			w.t.Errorf("sink %s showed %s after a later phase", s.name, x.alert.Key)
		}
		if twice && was.confirmed && !w.troubled(was.at, x.at) {
			w.t.Errorf("sink %s showed %s twice, without a cause", s.name, x.alert.Key)
		}
		shown[x.alert.Key] = x
	}
}

func (w *world) troubled(from, to time.Time) bool {
	return slices.ContainsFunc(w.troubles, func(at time.Time) bool { return !at.Before(from) && !at.After(to) })
}

func rankOf(phase string) int {
	var n int
	switch phase {
	case alert.PhaseFiring:
		return 1
	case alert.PhaseResolved:
		return 1 << 30
	}
	_, _ = fmt.Sscanf(phase, "update-%d", &n)
	return 1 + n
}

// complete checks that nothing that was promised is missing.
func (w *world) complete() {
	chains := [][]string{{"a"}, {"b"}, {"c"}}
	if w.routes != nil {
		chains = [][]string{{"a"}, {"b", "c"}}
	}
	for id, phase := range w.promised {
		for _, chain := range chains {
			fired, ended, told := false, false, false
			for _, s := range w.services {
				if !slices.Contains(chain, s.name) {
					continue
				}
				for _, x := range s.seen {
					if x.alert.Phase == alert.PhaseDigest {
						told = true // its members are the ones that ended meanwhile
					}
					if x.alert.Incident == id {
						fired = fired || x.alert.Phase == alert.PhaseFiring
						ended = ended || x.alert.Phase == alert.PhaseResolved
					}
				}
			}
			if told {
				continue
			}
			if critical := w.severity[id] == alert.Critical; critical && !fired && !w.silenced[w.ruleOf[id]] {
				w.t.Errorf("chain %v never showed the firing of critical %s", chain, id)
			}
			if fired && phase == alert.PhaseResolved && !ended {
				w.t.Errorf("chain %v showed the firing of %s and not its end", chain, id)
			}
			if ended && !fired {
				w.t.Errorf("chain %v showed the end of %s and not its firing", chain, id)
			}
		}
	}
}
