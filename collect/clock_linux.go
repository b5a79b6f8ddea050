package collect

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// adjtimex reads the clock's state. STA_UNSYNC in status, not the call's
// result, says whether it is kept: the result is TIME_ERROR for more reasons.
func adjtimex() (clockState, error) {
	var tx unix.Timex
	_, err := unix.Adjtimex(&tx)
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS):
		return clockState{}, &SkippedError{"adjtimex is not allowed (systemd: ProtectClock=no, and adjtimex in SystemCallFilter=)"}
	case err != nil:
		return clockState{}, fmt.Errorf("read the clock's state: %w", err)
	}
	perMS := 1e3 // offset is in microseconds, or in nanoseconds
	if tx.Status&unix.STA_NANO != 0 {
		perMS = 1e6
	}
	return clockState{float64(tx.Offset) / perMS, float64(tx.Maxerror) / 1e3, tx.Status&unix.STA_UNSYNC == 0}, nil
}
