package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime returns CLOCK_BOOTTIME: time since boot, suspend included
// (clock_gettime(2)).
func bootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // cannot fail on Linux ≥ 2.6.39
	}
	return time.Duration(ts.Nano())
}
