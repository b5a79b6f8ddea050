package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicTime returns CLOCK_MONOTONIC, which systemd asks for at a reload.
func monotonicTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
