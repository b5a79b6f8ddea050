package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// The weights of the agent check, percent.
const (
	DefaultWeight = 40
	minWeight     = 20 // so that a shared overload cannot drain a fleet
)

const acceptPause = 100 * time.Millisecond

// AgentCheck answers HAProxy's agent check: whoever connects gets one line and the
// end, "up 100%", or "up 40%" while the host should receive less. A host that
// leaves says "up 0%". It never says ready, maint or down: these would undo what
// a person set, or take the host out where only the agent is in trouble. It ends
// with ctx: where there is no answer HAProxy keeps the last weight for ever, so a
// failure such as too many open files is told once and waited out.
func AgentCheck(ctx context.Context, l net.Listener, a Agent, weight int, log *slog.Logger) {
	if weight == 0 {
		weight = DefaultWeight
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for told := false; ; {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !told {
				log.Error("agent check: tried again until it works", "error", err)
			}
			told = true
			select {
			case <-ctx.Done():
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		told = false
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		_, _ = fmt.Fprintf(c, "up %d%%\n", weightNow(a, weight)) // the asker is gone: nobody to tell
		_ = c.Close()
	}
}

func weightNow(a Agent, weight int) int {
	switch ok, word := a.Traffic(); {
	case ok:
		return 100
	case word == "critical":
		return weight
	}
	return 0
}
