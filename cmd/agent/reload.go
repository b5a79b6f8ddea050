package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
)

// reloads reads the config again at each SIGHUP until ctx ends. A config with
// faults changes nothing: the old one goes on and the log says why.
func (a *agent) reloads(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			a.reloadOnce(ctx)
		}
	}
}

func (a *agent) reloadOnce(ctx context.Context) {
	a.notify.reloading()
	defer a.notify.ready("watching")
	if a.o.config == "" {
		a.log.Info("reload: there is no config file; the built-in rules go on")
		return
	}
	cfg, faults, err := config.Load(a.o.config)
	if st, statErr := os.Stat(a.o.config); err == nil && statErr == nil && st.Size() == 0 {
		err = errors.New("the file is empty: it is being written, or was lost") // valid, and never meant
	}
	switch {
	case err != nil:
		a.log.Error("reload: the old config goes on", "error", err)
		return
	case len(faults) > 0:
		for _, f := range faults {
			a.log.Error("reload: the old config goes on", "fault", f.Headline())
		}
		return
	}
	if now := a.cfg.Agent.Interval; cfg.Agent.Interval != now {
		// Windows are made of slots of one length.
		a.log.Warn("reload: another agent.interval takes effect at the next start", "now", now.String(), "file", cfg.Agent.Interval.String())
		cfg.Agent.Interval = now
	}
	if cfg.History != a.cfg.History {
		a.log.Warn("reload: another [history] takes effect at the next start")
	}
	if err := a.adoptConfig(ctx, cfg); err != nil {
		a.log.Error("reload: the old config goes on", "error", err)
		return
	}
	a.mu.Lock()
	a.reloaded++
	a.source = config.FromFile
	a.mu.Unlock()
	a.warnOfConfig(ctx, nil)
	if err := cfg.SaveLastGood(a.root); err != nil {
		a.log.Warn("keep the config as the last good one", "error", err)
	}
	a.log.Info("reload: the new config is in force", "rules", len(cfg.Rules), "probes", len(cfg.Probes))
}
