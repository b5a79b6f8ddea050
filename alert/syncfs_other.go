//go:build !linux

package alert

import "golang.org/x/sys/unix"

// syncfs makes fd durable; only Linux can ask it of a whole file system.
func syncfs(fd int) error { return unix.Fsync(fd) }
