package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
)

// reloads reads the config again at each SIGHUP, at each request of `firewatch
// reload`, and where a mounted ConfigMap or Secret was replaced, until ctx
// ends. A config with faults changes nothing: the old one goes on and the log
// says why.
func (a *agent) reloads(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	swapped, stop := watchSwaps(a.log, a.o.config)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			_ = a.reloadOnce(ctx) // it has logged why
		case <-swapped:
			_ = a.reloadOnce(ctx)
		case answer := <-a.asked:
			answer <- a.reloadOnce(ctx)
		}
	}
}

// Reload implements web.Agent: it reads the config again and reports why the
// old one goes on, if it does.
func (a *agent) Reload(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case a.asked <- answer:
	case <-ctx.Done():
		return fmt.Errorf("reload: %w", ctx.Err())
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("reload: %w", ctx.Err())
	}
}

// reloadOnce puts the config file in force, or logs and returns why the old
// config goes on.
func (a *agent) reloadOnce(ctx context.Context) error {
	a.notify.reloading()
	defer a.notify.ready("watching")
	if a.o.config == "" {
		a.log.Info("reload: there is no config file; the built-in rules go on")
		return nil
	}
	cfg, err := readConfig(a.o.config)
	if err == nil {
		a.keepBootOnly(cfg)
		err = a.adoptConfig(ctx, cfg)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			a.log.Error("reload: the old config goes on", "error", strings.TrimSuffix(line, "\n"))
		}
		return err
	}
	a.mu.Lock()
	a.reloaded++
	a.source = config.FromFile
	a.mu.Unlock()
	a.warnOfConfig(ctx, nil)
	if err := cfg.SaveLastGood(a.dir()); err != nil {
		a.log.Warn("keep the config as the last good one", "error", err)
	}
	a.log.Info("reload: the new config is in force", "rules", len(cfg.Rules), "probes", len(cfg.Probes))
	return nil
}

// readConfig is config.Load with its faults as an error of one line each.
func readConfig(path string) (*config.Config, error) {
	cfg, faults, err := config.Load(path)
	if st, statErr := os.Stat(path); err == nil && statErr == nil && st.Size() == 0 {
		err = errors.New("the file is empty: it is being written, or was lost") // valid, and never meant
	}
	if err != nil {
		return nil, err
	}
	var all []error
	for _, f := range faults {
		all = append(all, errors.New(f.Headline()))
	}
	return cfg, errors.Join(all...)
}

// keepBootOnly keeps what only a start can change.
func (a *agent) keepBootOnly(cfg *config.Config) {
	if now := a.cfg.Agent.Interval; cfg.Agent.Interval != now {
		// Windows are made of slots of one length.
		a.log.Warn("reload: another agent.interval takes effect at the next start", "now", now.String(), "file", cfg.Agent.Interval.String())
		cfg.Agent.Interval = now
	}
	if cfg.History != a.cfg.History {
		a.log.Warn("reload: another [history] takes effect at the next start")
	}
}

func cmdReload(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "reload")
	c.add(fs)
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "reload", err)
	}
	answer := map[string]string{}
	if err := client.Post(ctx, "/v1/reload", nil, "", &answer); err != nil {
		return fail(e, "reload", err)
	}
	if c.json {
		return printJSON(e.out, answer)
	}
	fmt.Fprintln(e.out, answer["result"])
	return exitDone
}
