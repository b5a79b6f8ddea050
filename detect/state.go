package detect

import "time"

// phase is where one (rule, target) stands.
//
//	        Suspect, Breach                Breach
//	quiet ────────────────► pending ────────────────► firing ◄─┐
//	  ▲                        │                        │      │ Suspect,
//	  │           OK, Missing  │          OK, Missing   ▼      │ Breach
//	  ├────────────────────────┘                     clearing ─┘
//	  └────────────────────────────────────────────────┘
//	           OK or Missing for as long as its hold
//
// Unknown changes nothing. A Breach out of quiet goes through pending at once.
type phase string

const (
	quiet    phase = "quiet"
	pending  phase = "pending"
	firing   phase = "firing"
	clearing phase = "clearing"
)

// leastHold is how long a target must be well before it counts as resolved:
// trouble that comes back within it is the same trouble. One that flaps must be
// well for longer, see flap.
const leastHold = 5 * time.Second

// change is what a step did that others must hear of.
type change int

const (
	none change = iota
	fired
	resolved
)

// step moves a phase by one verdict. clear is the time since the target was
// first well again, counted by Frame.Elapsed, and hold how long that must be.
func step(p phase, l Level, clear, hold time.Duration) (phase, change) {
	well := l == OK || l == Missing
	switch {
	case l == Unknown:
		return p, none
	case p == quiet && l == Suspect:
		return pending, none
	case (p == quiet || p == pending) && l == Breach:
		return firing, fired
	case p == pending && well:
		return quiet, none
	case p == firing && well:
		return clearing, none
	case p == clearing && !well:
		return firing, none
	case p == clearing && clear >= hold:
		return quiet, resolved
	}
	return p, none
}
