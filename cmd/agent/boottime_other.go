//go:build !linux

package main

import "time"

// began anchors bootTime where there is no CLOCK_BOOTTIME to be read.
var began = time.Now()

// bootTime is the time since the start of this process; a suspend is in it
// only where Go's monotonic clock counts it.
func bootTime() time.Duration { return time.Since(began) }
