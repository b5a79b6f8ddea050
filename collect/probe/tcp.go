package probe

import (
	"context"
	"fmt"
	"net"
	"time"
)

// tcpAttempt opens one connection and closes it.
func tcpAttempt(ctx context.Context, c Config) (out outcome, err error) {
	began := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Target)
	if err != nil {
		return out, fmt.Errorf("connect: %w", err)
	}
	out.took("probe_connect_duration", began)
	_ = conn.Close() // nothing was written: nothing can be lost
	return out, nil
}
