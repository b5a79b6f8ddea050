// Package job runs a scheduled command with retries and tells what became of
// it. [Spec.Run] is the order of things, [Open] the record on disk that makes
// it safe against a kill at any step, [Command] one attempt.
package job

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The exit codes of an attempt that has none of its own.
const (
	CodeLate     = 124 // past the deadline, as timeout(1) says
	CodeMissing  = 127 // the command could not be started, as a shell says
	CodeSignal   = 128 // plus the number of the signal that ended it
	CodeTerminal = CodeSignal + 15
)

// Spec is what is to be run. Retries counts the attempts after the first;
// Delay stands between two, and Deadline is from the start of the first to the
// end of the last, both ≥ 0; Deadline 0 = none.
type Spec struct {
	Name            string
	Retries         int
	Delay, Deadline time.Duration
}

// Outcome is what is told of a run.
type Outcome struct {
	Firing  bool      `json:"firing"`
	Summary string    `json:"summary"`
	Began   time.Time `json:"began"`
}

// Run settles what a run before left untold, makes the attempts, and tells the
// outcome. It returns the exit code of the last attempt. attempt must end soon
// after its context does; tell returns nil once the outcome is on disk. The
// record holds the outcome until then: after a kill at any step, or where tell
// fails, the next run tells it. A run that was killed itself is told as failed.
//
// The error is about record and tell; the command has run all the same.
func (s Spec) Run(ctx context.Context, r *Record, attempt func(context.Context) int, tell func(context.Context, Outcome) error) (int, error) {
	began := time.Now()
	always := context.WithoutCancel(ctx) // what is owed is told also by a job that is stopped
	var faults []error
	if owed, ok := r.owed(s.Name); ok {
		faults = append(faults, tell(always, owed))
	}
	faults = append(faults, r.write(state{Began: began}))
	code, why := s.attempts(ctx, began, attempt)
	o := Outcome{Firing: code != 0, Summary: fmt.Sprintf("job %s %s", s.Name, why), Began: began}
	faults = append(faults, r.write(state{Began: began, Outcome: &o}))
	if err := tell(always, o); err != nil {
		return code, errors.Join(append(faults, err)...)
	}
	return code, errors.Join(append(faults, r.clear())...)
}

// attempts runs the command until it works, and says how that ended.
func (s Spec) attempts(ctx context.Context, began time.Time, attempt func(context.Context) int) (int, string) {
	timed := ctx
	if s.Deadline > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, s.Deadline)
		defer cancel()
	}
	for n := 1; ; n++ {
		code := attempt(timed)
		switch {
		case code == 0:
			return 0, "works"
		case ctx.Err() != nil:
			return code, "was stopped before its end"
		case timed.Err() != nil:
			return CodeLate, fmt.Sprintf("did not finish within %s (attempt %d)", s.Deadline, n)
		case n > s.Retries:
			return code, fmt.Sprintf("failed %s: exit code %d", times(n), code)
		case s.Deadline > 0 && time.Since(began)+s.Delay >= s.Deadline:
			return code, fmt.Sprintf("failed %s: exit code %d; its deadline of %s leaves no time for another attempt", times(n), code, s.Deadline)
		}
		wait := time.NewTimer(s.Delay)
		select {
		case <-timed.Done(): // the next attempt ends at once, and the case above says why
		case <-wait.C:
		}
		wait.Stop()
		if ctx.Err() != nil {
			return code, "was stopped before its end"
		}
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
