package probe

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// execAttempt runs a command without a shell, in a process group of its own
// that is killed as a whole at the deadline. Exit status 0 is a success, as with
// Nagios plug-ins; a number that is the first word printed is a reading. At most
// 64 KiB of what it prints are kept.
func execAttempt(ctx context.Context, c Config) (out outcome, err error) {
	cmd := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 100 * time.Millisecond // a grandchild may hold the pipe open
	printed := &head{}
	cmd.Stdout = printed
	err = cmd.Run()
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return out, &failure{notConnected, fmt.Errorf("run: %w", err)}
	}
	text := printed.String()
	if words := strings.Fields(text); len(words) > 0 {
		if v, err := strconv.ParseFloat(words[0], 64); err == nil && v-v == 0 {
			out.add("probe_value", v)
		}
	}
	code := cmd.ProcessState.ExitCode()
	if code >= 0 {
		out.add("probe_exit_code", float64(code))
	}
	switch {
	case code != 0:
		return out, &failure{statusMismatch, fmt.Errorf("%s", cmd.ProcessState)}
	case c.Expect.Body != "" && !strings.Contains(text, c.Expect.Body):
		return out, &failure{textMismatch, errors.New("the expected text is not in what it printed")}
	}
	return out, nil
}

// head keeps the first 64 KiB written to it and lets the rest pass.
type head struct{ b []byte }

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), maxBody-len(h.b))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.b) }
