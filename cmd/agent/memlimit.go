package main

import (
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent is how much garbage may lie beside what is in use before it is collected.
// The agent makes some 30 kB of it a second, so that half of the usual 100 costs 3 ms
// every other minute, and spares 2 MB.
const gcPercent = 50

// limitMemory sets Go's soft memory limit to 90 % of the least limit of the
// cgroups that the agent is in, so that it collects garbage before the kernel
// kills it, and how much garbage may lie around. GOMEMLIMIT and GOGC, where set,
// stand. Returns the limit that it set, 0 = none.
func limitMemory() int64 {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	limit := cgroupMemory("/proc/self/cgroup", "/sys/fs/cgroup")
	if limit == 0 {
		return 0
	}
	limit = limit / 10 * 9
	debug.SetMemoryLimit(limit)
	return limit
}

// cgroupMemory is the least memory limit, in bytes, of a process's cgroup and
// those above it (memory.max, Documentation/admin-guide/cgroup-v2.rst; version 1:
// memory.limit_in_bytes); 0 = none.
func cgroupMemory(self, root string) int64 {
	b, err := os.ReadFile(filepath.Clean(self))
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		base, file := root, "memory.max"
		switch {
		case f[1] == "memory":
			base, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		case f[1] != "":
			continue
		}
		for dir := path.Clean("/" + f[2]); ; dir = path.Dir(dir) {
			if b, err := os.ReadFile(filepath.Join(base, dir, file)); err == nil {
				if v, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && v > 0 && v < 1<<60 { // version 1 writes a huge number for none
					least = min(least, v)
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}
