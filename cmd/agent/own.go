package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

func cmdOwn(_ context.Context, e env, args []string) int {
	fs := newFlags(e, "own")
	user := fs.Int("user", 0, "`id` of the user and group that it is handed to")
	if len(args) > 0 && args[len(args)-1] != "" && args[len(args)-1][0] == '/' {
		if code, ok := parse(e, fs, args[:len(args)-1]); !ok {
			return code
		}
		if *user > 0 {
			if err := own(args[len(args)-1], *user); err != nil {
				return fail(e, "own", err)
			}
			return exitDone
		}
	} else if code, ok := parse(e, fs, args); !ok {
		return code
	}
	fmt.Fprintln(e.err, "firewatch own: give --user ID and the absolute path of a directory")
	return exitUsage
}

// own hands a directory to a user, mode 0700, for the init container of the
// DaemonSet: kubelet makes a hostPath as root's. It needs CAP_CHOWN alone, and
// so leaves what is inside as it is: that is the user's own. A symbolic link is
// refused.
func own(dir string, user int) error {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		if os.IsPermission(err) { // 0700 of another user: from an earlier start, or else the agent says so
			return nil
		}
		return fmt.Errorf("open state directory: %w", err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read state directory: %w", err)
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok && int(sys.Uid) == user && st.Mode().Perm() == 0o700 {
		return nil
	}
	if err := f.Chmod(0o700); err != nil { // first: afterwards it is not ours any more
		return fmt.Errorf("close state directory to others: %w", err)
	}
	if err := f.Chown(user, user); err != nil {
		return fmt.Errorf("hand over state directory: %w", err)
	}
	return nil
}
