package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/firewatch-agent/firewatch/alert"
)

// runOptions are the flags of `firewatch run`.
type runOptions struct {
	config   string // path, "" = none
	given    bool   // --config was given
	stateDir string
	socket   string
	http     string // overrides [http] listen
	record   string // file to record to, "" = none
	terminal bool   // a person watches
}

func cmdRun(ctx context.Context, e env, args []string) int {
	var o runOptions
	fs := newFlags(e, "run")
	fs.StringVar(&o.config, "config", "", "config `file` (default "+defaultConfig+" where it exists)")
	fs.StringVar(&o.stateDir, "state-dir", "", "state `directory`")
	fs.StringVar(&o.socket, "socket", "", "unix socket `path`")
	fs.StringVar(&o.http, "http", "", "serve the status page and /metrics on `address`")
	fs.StringVar(&o.record, "record", "", "write every frame to a new `file`, for backtest and tests")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	o.given = o.config != ""
	o.config = configPath(o.config)
	if f, ok := e.out.(*os.File); ok {
		o.terminal = term.IsTerminal(int(f.Fd()))
	}
	if err := noCore(); err != nil {
		return fail(e, "run", fmt.Errorf("turn core files off: %w", err))
	}
	limitMemory()
	a, err := newAgent(ctx, e, o)
	var locked *alert.LockedError
	switch {
	case errors.As(err, &locked):
		fmt.Fprintf(e.err, "firewatch run: %v; stop it, or give another --state-dir\n", err)
		return exitLocked
	case err != nil:
		return fail(e, "run", err)
	}
	return a.run(ctx)
}

// newLogger writes structured logs to stderr. Under systemd the journal adds
// the time itself.
func newLogger(e env) *slog.Logger {
	opt := &slog.HandlerOptions{}
	if os.Getenv("JOURNAL_STREAM") != "" {
		opt.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(e.err, opt))
}

// hostName is the name that alerts carry: the host's own, without a domain
// that it does not have.
func hostName() string {
	if n := strings.TrimSpace(os.Getenv("HOST_NAME")); n != "" {
		return n
	}
	n, err := os.Hostname()
	if err != nil || n == "" {
		return "unknown-host"
	}
	return n
}
