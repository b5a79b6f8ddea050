package alert

import (
	"strconv"
	"strings"
)

// Phases of an incident are ordered by a sequence number: firing 0, update-N
// N, resolved seqResolved. seqNone is before all of them.
const (
	seqNone     = -1
	seqResolved = 1 << 30
)

// seq returns the sequence number of a numbered phase, or false where it is
// none ("update", "update-0", "digest").
func seq(phase string) (int, bool) {
	switch phase {
	case "":
		return seqNone, true
	case PhaseFiring, PhaseDigest:
		return 0, true
	case PhaseResolved:
		return seqResolved, true
	}
	digits, ok := strings.CutPrefix(phase, PhaseUpdate+"-")
	if !ok || digits == "" || digits[0] == '0' || digits[0] == '+' {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && n < seqResolved
}

// at is seq for phases that were checked when they were accepted or loaded.
func at(phase string) int {
	n, _ := seq(phase)
	return n
}

func updatePhase(n int) string { return PhaseUpdate + "-" + strconv.Itoa(n) }
