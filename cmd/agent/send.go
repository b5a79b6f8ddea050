package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// sendRule is the rule of alerts that come by `firewatch send`; the key is the
// target.
const sendRule = "send"

// spoolDir is the intake for users without rights on the state directory,
// where packages made it.
const spoolDir = "/var/spool/firewatch"

func cmdSend(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "send")
	c.add(fs)
	severity := fs.String("severity", "warning", "info, warning or critical")
	summary := fs.String("summary", "", "one line that says what is wrong: `text`")
	key := fs.String("key", "", "`name` of the trouble: the same key again is the same alert; default the summary")
	resolve := fs.Bool("resolve", false, "the trouble of this key is over")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	if *key == "" {
		*key = human.Clean(*summary, 100)
	}
	if *key == "" || *summary == "" && !*resolve {
		fmt.Fprintln(e.err, `firewatch send: give --summary, or --key and --resolve; for example: firewatch send --severity warning --summary "backup failed" --key backup`)
		return exitUsage
	}
	now := time.Now()
	a := alert.Alert{Schema: alert.Schema, Rule: sendRule, Target: *key, Severity: alert.Severity(*severity), State: alert.Firing, Phase: alert.PhaseFiring,
		Summary: *summary, StartedAt: now, ChangedAt: now}
	if a.Severity.Rank() == 0 {
		fmt.Fprintf(e.err, "firewatch send: severity %q is not known; one of info, warning, critical\n", *severity)
		return exitUsage
	}
	idem := *key
	if *resolve {
		a.State, a.Phase, a.ResolvedAt, idem = alert.Resolved, alert.PhaseResolved, now, ""
		if a.Summary == "" {
			a.Summary = *key + " is over"
		}
	}
	said, err := deliver(ctx, c, a, idem)
	if err != nil {
		return fail(e, "send", err)
	}
	if c.json {
		return printJSON(e.out, map[string]string{"result": said, "key": *key})
	}
	fmt.Fprintln(e.out, said)
	return exitDone
}

// deliver gives the alert to the running agent, or leaves it in the intake
// where none runs. It returns only once the alert is on disk.
func deliver(ctx context.Context, c clientFlags, a alert.Alert, key string) (string, error) {
	client, dir, err := c.client()
	if err != nil {
		return "", err
	}
	var answer struct {
		Result string `json:"result"`
	}
	err = client.Post(ctx, "/v1/alerts", a, key, &answer)
	var said *web.AnswerError
	switch {
	case err == nil:
		return answer.Result, nil
	case errors.As(err, &said):
		return "", err
	}
	// No agent, or no right to its socket: the intake takes it.
	intake, openErr := openIntake(c.stateDir, dir)
	if openErr != nil {
		return "", errors.Join(err, openErr)
	}
	defer intake.Close()
	if err := alert.WriteIntake(intake, a, key); err != nil {
		return "", fmt.Errorf("leave the alert for the next start: %w", err)
	}
	return "no agent runs: on disk, delivered when one starts", nil
}

// openIntake opens the spool where packages made one and nobody named a state
// directory: the agent can read what root leaves there, too. Else it opens the
// intake folder of the state directory.
func openIntake(given, dir string) (*os.Root, error) {
	if given == "" {
		if spool, err := os.OpenRoot(spoolDir); err == nil {
			return spool, nil
		}
	}
	root, err := openStateDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open an intake: %w", err)
	}
	defer root.Close()
	if err = root.Mkdir(alert.IntakeDir, 0o700); err == nil || errors.Is(err, os.ErrExist) {
		return root.OpenRoot(alert.IntakeDir)
	}
	return nil, fmt.Errorf("open an intake: %w", err)
}

// ownSpool opens the spool for the agent that it belongs to, nil for others: a
// second agent must not take its alerts.
func ownSpool() *os.Root {
	st, err := os.Lstat(spoolDir)
	if err != nil || !st.IsDir() {
		return nil
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); !ok || int(sys.Uid) != os.Geteuid() {
		return nil
	}
	root, err := os.OpenRoot(spoolDir)
	if err != nil {
		return nil
	}
	return root
}
