package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

const (
	heartbeatEvery = time.Minute
	heartbeatFirst = 3 * time.Second // after the start, when ticks have begun
	heartbeatLimit = 10 * time.Second
)

// heartbeat fetches [health] heartbeat_url every minute while ticks and outbox
// make progress: whoever waits for it learns of an agent, or a host, that is
// gone. A heartbeat that fails is not tried again before its time.
func (a *agent) heartbeat(ctx context.Context) {
	client := alert.HTTPClient()
	next := time.NewTimer(heartbeatFirst)
	defer next.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			next.Reset(heartbeatEvery)
		}
		a.mu.Lock()
		c := a.cfg.Health
		a.mu.Unlock()
		if moves, delivers := a.progress(bootTime()); moves && delivers {
			err := beat(ctx, client, c)
			if (err != nil) != failed && ctx.Err() == nil {
				if failed = err != nil; failed {
					a.log.Warn("heartbeat", "error", err)
				} else {
					a.log.Info("the heartbeat gets through again")
				}
			}
		}
	}
}

// beat fetches the heartbeat URL once; nil where none is set. The error never
// holds the URL.
func beat(ctx context.Context, client *http.Client, c web.HealthConfig) error {
	if c.HeartbeatURL.IsZero() && c.HeartbeatURLFile == "" {
		return nil
	}
	url, err := conf.FileOr(c.HeartbeatURL, c.HeartbeatURLFile)
	if err != nil {
		return fmt.Errorf("read heartbeat_url: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, heartbeatLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url.Reveal(), nil)
	if err != nil {
		return fmt.Errorf("fetch heartbeat_url: it is not a URL")
	}
	req.Header.Set("User-Agent", "firewatch")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("fetch heartbeat_url: %w", alert.WithoutURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, alert.MaxAnswer)) // so that the connection is kept
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("fetch heartbeat_url: answered %d", resp.StatusCode)
	}
	return nil
}
