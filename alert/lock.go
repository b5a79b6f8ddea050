package alert

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// LockedError says that another agent holds the state directory.
type LockedError struct {
	PID int // of the holder; 0 = it did not say
}

// Error implements error.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return "another agent holds the state directory"
	}
	return fmt.Sprintf("another agent (pid %d) holds the state directory", e.PID)
}

// Lock is a held state directory. The kernel gives it up when the process ends,
// however it ends.
type Lock struct{ f *os.File }

// LockDir takes the state directory for this process by flock(2) on the file
// lock, and writes its pid there. It never waits: where another process holds
// it the error is a *[LockedError].
func LockDir(root *os.Root) (*Lock, error) {
	f, err := root.OpenFile("lock", os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0o600)
	readOnly := errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)
	if readOnly {
		f, err = root.OpenFile("lock", os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if errors.Is(err, os.ErrNotExist) { // a disk that was read-only from the first: the directory itself is the lock
			f, err = root.Open(".")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{PID: readPID(f)}
		}
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	if !readOnly { // the pid is a courtesy: a full disk must not keep the agent from starting
		if f.Truncate(0) == nil {
			_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		}
	}
	return &Lock{f}, nil
}

// Close gives the directory up. The file stays.
func (l *Lock) Close() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("unlock state directory: %w", err)
	}
	return nil
}

func readPID(f *os.File) int {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
