package main

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// selfUse is what the agent itself costs the host.
type selfUse struct {
	cpu time.Duration // user and system time since the start, at boot
	at  time.Duration // CLOCK_BOOTTIME of the reading

	CPUPercent float64 // of one core, between the last two readings
	RSSBytes   uint64
}

// read refreshes u from /proc/self; where it is absent u stays as it is.
func (u *selfUse) read(boot time.Duration) {
	cpu, ok := processCPU()
	if ok && u.at > 0 && boot > u.at {
		u.CPUPercent = 100 * float64(cpu-u.cpu) / float64(boot-u.at)
	}
	u.cpu, u.at = cpu, boot
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			if pages, err := strconv.ParseUint(string(f[1]), 10, 64); err == nil {
				u.RSSBytes = pages * uint64(os.Getpagesize())
			}
		}
	}
}
