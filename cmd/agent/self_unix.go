package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// processCPU is the user and system time of this process (getrusage(2)).
func processCPU() (time.Duration, bool) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0, false
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), true
}

// noCore keeps this process's memory, which holds tokens and keys, out of core
// files: setrlimit(2), RLIMIT_CORE. A crash still says where, in the log.
func noCore() error {
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
