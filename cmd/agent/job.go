package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/job"
)

// cmdJob exits with the code of the command, so that what scheduled it sees
// what it would see without firewatch.
func cmdJob(ctx context.Context, e env, args []string) int {
	var c clientFlags
	s := job.Spec{}
	fs := newFlags(e, "job")
	fs.StringVar(&c.stateDir, "state-dir", "", "state `directory` of the agent")
	fs.StringVar(&c.socket, "socket", "", "unix socket `path` of the agent")
	fs.IntVar(&s.Retries, "retries", 0, "`times` that a failed command is tried again")
	fs.DurationVar(&s.Delay, "delay", 5*time.Minute, "`wait` before it is tried again")
	fs.DurationVar(&s.Deadline, "deadline", 24*time.Hour, "`time` for all attempts together; 0 = no end")
	severity := fs.String("severity", "warning", "info, warning or critical")
	name, rest := word(args, "")
	var cmd []string
	if i := slices.Index(rest, "--"); i >= 0 {
		rest, cmd = rest[:i], rest[i+1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	s.Name = name
	switch {
	case !job.ValidName(name) || len(cmd) == 0:
		fmt.Fprintln(e.err, "firewatch job: give a name (letters, digits, dot, dash, underscore) and a command; for example: firewatch job backup --retries 3 --deadline 1h -- /usr/local/bin/backup")
		return exitUsage
	case s.Retries < 0 || s.Delay < 0 || s.Deadline < 0:
		fmt.Fprintln(e.err, "firewatch job: --retries, --delay and --deadline are not negative")
		return exitUsage
	case alert.Severity(*severity).Rank() == 0:
		fmt.Fprintf(e.err, "firewatch job: severity %q is not known; one of info, warning, critical\n", *severity)
		return exitUsage
	}
	return runJob(ctx, e, c, s, alert.Severity(*severity), cmd)
}

func runJob(ctx context.Context, e env, c clientFlags, s job.Spec, severity alert.Severity, cmd []string) int {
	attempt := func(ctx context.Context) int { return job.Command(ctx, cmd, e.in, e.out, e.err) }
	tell := func(ctx context.Context, o job.Outcome) error {
		_, err := deliver(ctx, c, jobAlert(s.Name, severity, o), "")
		return err
	}
	record, err := openJob(c, s.Name)
	if errors.Is(err, job.ErrRunning) { // it keeps its own deadline, and tells
		fail(e, "job", err)
		return exitLocked
	} else if err != nil {
		return fail(e, "job", err)
	}
	defer func() { _ = record.Close() }()
	code, err := s.Run(ctx, record, attempt, tell)
	if err != nil {
		return max(code, fail(e, "job", err))
	}
	return code
}

func openJob(c clientFlags, name string) (*job.Record, error) {
	dir, err := stateDir(c.stateDir)
	if err != nil {
		return nil, err
	}
	root, err := openStateDir(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return job.Open(root, name)
}

// jobAlert is the alert of an outcome: as `firewatch send` makes it, under the
// key job:NAME, so that `send --resolve --key job:NAME` ends it too.
func jobAlert(name string, severity alert.Severity, o job.Outcome) alert.Alert {
	now := time.Now()
	a := alert.Alert{Schema: alert.Schema, Rule: sendRule, Target: "job:" + name, Severity: severity, State: alert.Firing, Phase: alert.PhaseFiring,
		Summary: o.Summary, StartedAt: now, ChangedAt: now}
	if !o.Firing {
		a.State, a.Phase, a.ResolvedAt = alert.Resolved, alert.PhaseResolved, now
	}
	return a
}
