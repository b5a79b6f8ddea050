package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// The weights of the agent check, percent.
const (
	DefaultWeight = 40
	minWeight     = 20 // so that a shared overload cannot drain a fleet
)

// AgentCheck answers HAProxy's agent check: whoever connects gets one line and the
// end, "up 100%", or "up 40%" while the host should receive less. A host that
// leaves says "up 0%". It never says ready, maint or down: these would undo what
// a person set, or take the host out where only the agent is in trouble.
func AgentCheck(ctx context.Context, l net.Listener, a Agent, weight int) error {
	if weight == 0 {
		weight = DefaultWeight
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("agent check: %w", err)
		}
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
