package collect

import (
	"errors"
	"time"
)

// Status is how one collector is, for people. A Since equal to the newest
// frame's Time says that the state changed in that frame: the moment to log it.
type Status struct {
	Name     string
	State    string        // "ok", "error", or "skipped" (its source is absent, or it hangs)
	Reason   string        // of an error or a skip, or what an "ok" collector cannot give on this host
	Since    time.Time     // of the state, by the wall clock
	Duration time.Duration // of the last call that returned
	Series   int           // samples of the last call that returned
	Dropped  uint64        // samples left out since the start: not possible, not declared or too many
	Errors   uint64        // ticks since the start in which it failed, hung or was not reached; what this host lacks is no error
}

// SkippedError says that a collector's source, or a part of it, is absent on
// this host: no fault, and nothing to wait for.
type SkippedError struct{ Reason string }

// Error implements error.
func (e *SkippedError) Error() string { return e.Reason }

// note keeps the collector's status; a change of state starts a new Since.
func (sl *slot) note(err error, res *result, now time.Time) {
	st := &sl.status
	state := "error"
	switch {
	case res.state != finished:
		state = "skipped"
	case onlySkipped(err):
		state = "ok"
		if err != nil && len(res.samples) == 0 {
			state = "skipped"
		}
	}
	if state == "error" || res.state != finished {
		st.Errors++
	}
	if st.State != state || st.Since.IsZero() {
		st.Since = now
	}
	st.State, st.Reason = state, ""
	if err != nil {
		st.Reason = err.Error()
	}
	if res.state == finished {
		st.Duration, st.Series = res.took, len(res.samples)
	}
}

// onlySkipped reports whether err holds nothing but SkippedErrors, nil included.
func onlySkipped(err error) bool {
	if err == nil {
		return true
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // each part is looked at
		for _, e := range many.Unwrap() {
			if !onlySkipped(e) {
				return false
			}
		}
		return true
	}
	var skipped *SkippedError
	return errors.As(err, &skipped)
}
