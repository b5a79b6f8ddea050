package detect

import "github.com/firewatch-agent/firewatch/alert"

// Rule judges the series it is about, once a tick. Judge is a function of the
// History alone; the slice it returns is valid until its next call.
type Rule interface {
	Name() string
	Judge(h *History) []Verdict
}

// Level is what a rule says of one target.
type Level int

// The levels.
const (
	Unknown Level = iota // too little data yet: whatever was so stays so
	OK                   // as it should be
	Suspect              // bad, but not yet for as long as the rule asks
	Breach               // bad
	Missing              // no data for as long as the rule looks back
)

// Verdict is a rule's judgement of one target in one tick.
type Verdict struct {
	Target    string
	Level     Level
	Severity  alert.Severity
	Metric    string
	Unit      string
	Value     float64 // the statistic; NaN = none
	Threshold *alert.Number
	Usual     *alert.Range
	Within    *alert.Range // 95 % interval of Value, where it is an estimate
	Causes    []alert.Cause
	Summary   string // one line for people, written when Level is Breach
	Subsystem string // "" = that of Metric, else of the first of Causes
	News      bool   // there is more to a Breach than was told
	Ended     string // why it is well, where that is not for its values
}

// vanishing is what a rule may add: what to make of a firing target for which
// it gives no verdict any more, and after how many slots.
type vanishing interface {
	vanished(h *History) (slots int, becomes Level)
}
