package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// maxSocketPath is the longest path of a unix socket (unix(7), sun_path less
// its final zero).
const maxSocketPath = 107

// ListenUnix opens the agent's socket: mode 0660 and group firewatch where
// that group exists, else 0600. A socket that an earlier agent left behind is
// replaced: the lock on the state directory says that no agent uses it.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("open socket %s: the path is longer than %d characters; give a shorter one with --socket", path, maxSocketPath)
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("open socket: %s is there and is not a socket; remove it or give another with --socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replace socket: %w", err)
		}
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	// The state directory is 0700, so nobody gets in between these lines.
	mode := os.FileMode(0o600)
	if g, err := user.LookupGroup("firewatch"); err == nil {
		if gid, err := strconv.Atoi(g.Gid); err == nil && giveGroup(path, gid) {
			mode = 0o660
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("open socket: %w", err), l.Close())
	}
	return l, nil
}

// giveGroup gives a file to a group. It calls chown(2) only where it must: the
// sandbox of the unit forbids that call, and the group is right there already.
func giveGroup(path string, gid int) bool {
	if st, err := os.Lstat(path); err == nil {
		if have, ok := st.Sys().(*syscall.Stat_t); ok && int(have.Gid) == gid {
			return true
		}
	}
	return os.Chown(path, -1, gid) == nil
}

// NewServer is an http.Server with the bounds that every listener has.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      70 * time.Second, // a test alert waits for its deliveries
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    maxHeaders,
	}
}
