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

// serve opens the socket and the listeners and serves until ctx ends.
func (a *agent) serve(ctx context.Context) error {
	l, err := web.ListenUnix(a.socket)
	if err != nil {
		return err
	}
	a.serveOn(ctx, l, web.API(a))
	page := a.cfg.HTTP
	if a.o.http != "" {
		page.Listen = a.o.http
		if faults := page.Validate(); len(faults) > 0 {
			return errors.New("--http " + faults[0].String())
		}
	}
	if page.Listen != "" {
		h, err := web.Page(a, page)
		if err != nil {
			return err
		}
		if l, err = web.Listen(page.Listen, page.TLSCert, page.TLSKey); err != nil {
			return err
		}
		a.serveOn(ctx, l, h)
	}
	if a.cfg.Health.Listen != "" {
		if l, err = web.Listen(a.cfg.Health.Listen, "", ""); err != nil {
			return err
		}
		a.serveOn(ctx, l, web.Health(a))
	}
	if a.source == config.FromFile && a.o.config != "" {
		if err := a.cfg.SaveLastGood(a.root); err != nil {
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
