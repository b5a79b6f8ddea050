package alert

import "golang.org/x/sys/unix"

// syncfs makes the file system of fd durable (syncfs(2)).
func syncfs(fd int) error { return unix.Syncfs(fd) }
