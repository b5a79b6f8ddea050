package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// serve opens the socket and the listeners and serves until ctx ends. One that
// cannot be opened is said and left out: the host is watched all the same. The
// error is about --http, which a person typed.
func (a *agent) serve(ctx context.Context) error {
	page := a.cfg.HTTP
	if a.o.http != "" {
		page.Listen = a.o.http
		if faults := page.Validate(); len(faults) > 0 {
			return errors.New("--http " + faults[0].String())
		}
	}
	open := func(what string, h http.Handler, listen func() (net.Listener, error)) {
		l, err := listen()
		if err != nil {
			a.log.Error("serve without "+what, "error", err)
			return
		}
		a.serveOn(ctx, l, h)
	}
	socket := func() {
		open("the socket: status, send and the other commands cannot reach this agent", web.API(a), func() (net.Listener, error) { return web.ListenUnix(a.socket) })
	}
	socket()
	a.placing.Lock()
	a.reopenSocket = socket
	a.placing.Unlock()
	if page.Listen != "" {
		h, err := web.Page(ctx, a, page)
		open("the page and /metrics", h, func() (net.Listener, error) {
			if err != nil {
				return nil, err
			}
			return web.Listen(page.Listen, page.TLSCert, page.TLSKey)
		})
	}
	if health := a.cfg.Health.Listen; health != "" {
		open("/healthz", web.Health(a), func() (net.Listener, error) { return web.Listen(health, "", "") })
	}
	if check := a.cfg.Health.AgentCheck; check != "" {
		if l, err := web.Listen(check, "", ""); err != nil {
			a.log.Error("serve without the agent check", "error", err)
		} else {
			a.servers.Go(func() { web.AgentCheck(ctx, l, a, a.cfg.Health.Weight, a.log) })
		}
	}
	if a.source == config.FromFile && a.o.config != "" {
		if err := a.cfg.SaveLastGood(a.dir()); err != nil {
			a.log.Warn("keep the config as the last good one", "error", err)
		}
	}
	return nil
}

func (a *agent) serveOn(ctx context.Context, l net.Listener, h http.Handler) {
	s := web.NewServer(h)
	a.servers.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("a listener ended", "address", l.Addr().String(), "error", err)
		}
	})
	a.servers.Go(func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := s.Shutdown(end); err != nil {
			_ = s.Close() // a request that outlives its second is cut off
		}
	})
}
