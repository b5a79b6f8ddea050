package probe

import (
	"context"
	"fmt"
	"net"
)

// tcpAttempt opens one connection and closes it.
func tcpAttempt(ctx context.Context, c Config) (outcome, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Target)
	if err != nil {
		return outcome{}, fmt.Errorf("connect: %w", err)
	}
	_ = conn.Close() // nothing was written: nothing can be lost
	return outcome{}, nil
}
