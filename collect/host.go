package collect

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Host says where a host is read: "/proc", "/sys" and "/" of the host itself,
// or the places where a container has them mounted.
type Host struct {
	Proc, Sys, Root string
	MaxGap          time.Duration // between two readings of a counter; longer is a gap. Default 5 s
	local           bool          // system calls and programs speak of this very host; false for a recorded one
}

// LocalHost is this host: HOST_PROC, HOST_SYS and HOST_ROOT where they are
// set (as gopsutil and node_exporter's container images use them), else /proc,
// /sys and /. interval is that of the tick.
func LocalHost(interval time.Duration) Host {
	or := func(name, path string) string {
		if v := os.Getenv(name); v != "" {
			return v
		}
		return path
	}
	return Host{or("HOST_PROC", "/proc"), or("HOST_SYS", "/sys"), or("HOST_ROOT", "/"), max(3*interval, 5*time.Second), true}
}

func (h Host) proc(rest string) string { return filepath.Join(h.Proc, rest) }

func (h Host) sys(rest string) string { return filepath.Join(h.Sys, rest) }

// net is the path of a file in /proc/net. That is a link to self/net, which in
// a container leads to the container's own network whatever /proc is mounted:
// there the network of process 1 is the host's.
func (h Host) net(rest string) string {
	if h.local && h.Proc != "/proc" {
		return filepath.Join(h.Proc, "1/net", rest)
	}
	return filepath.Join(h.Proc, "net", rest)
}

func (h Host) gap() time.Duration {
	if h.MaxGap <= 0 {
		return 5 * time.Second
	}
	return h.MaxGap
}

// number parses an unsigned decimal field; ok is false for anything else.
func number(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if v > (1<<64-1-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// decimal parses a field such as "12.34".
func decimal(b []byte) (float64, bool) {
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil && v == v && v >= 0
}

// cutField splits the next field of a line off, at blanks.
func cutField(b []byte) (field, rest []byte) {
	b = bytes.TrimLeft(b, " \t")
	if i := bytes.IndexAny(b, " \t"); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// malformed is the error for a file whose form is not what the kernel writes.
func malformed(path string) error { return fmt.Errorf("read %s: unexpected form", path) }
