package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	termPatience = 10 * time.Second // from SIGTERM to SIGKILL
	killPatience = 5 * time.Second  // a process in a stuck system call outlives SIGKILL: it is not waited for
)

// Command runs args once, in a process group of its own, and returns its exit
// code: 128 + n where signal n ended it, [CodeMissing] where it cannot be
// started, [CodeLate] where it outlives even SIGKILL. At the end of ctx the
// whole group gets SIGTERM, and SIGKILL 10 s later. On Linux the command also
// dies with this process, however that ends; what it started does not.
func Command(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	if ctx.Err() != nil {
		return CodeTerminal
	}
	// The kernel counts the thread that started a child as its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.Command(args[0], args[1:]...) //nolint:noctx // ended below, as a group and gently
	c.Stdin, c.Stdout, c.Stderr, c.SysProcAttr = in, out, errw, ownGroup()
	if err := c.Start(); err != nil {
		fmt.Fprintf(errw, "firewatch job: start command: %v\n", err)
		return CodeMissing
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		return codeOf(err)
	case <-ctx.Done():
	}
	for _, end := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGTERM, termPatience}, {syscall.SIGKILL, killPatience}} {
		_ = syscall.Kill(-c.Process.Pid, end.signal)
		wait := time.NewTimer(end.patience)
		select {
		case err := <-ended:
			wait.Stop()
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it left behind
			return codeOf(err)
		case <-wait.C:
		}
	}
	return CodeLate
}

func codeOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return CodeMissing
	}
	if st, ok := exit.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		return CodeSignal + int(st.Signal())
	}
	return exit.ExitCode()
}
