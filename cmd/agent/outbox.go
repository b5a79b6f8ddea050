package main

import (
	"context"
	"fmt"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
)

// cmdOutbox is `firewatch outbox list|retry|drop|check`.
func cmdOutbox(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "outbox")
	c.add(fs)
	all := fs.Bool("all", false, "retry or drop: every dead letter")
	sink := fs.String("sink", "", "retry or drop: only those of this sink's `name`; drop: the backlog of a sink that is not configured any more")
	verb, rest := "", args
	if len(args) > 0 {
		verb, rest = args[0], args[1:]
	}
	key := ""
	if len(rest) > 0 && rest[0] != "" && rest[0][0] != '-' {
		key, rest = rest[0], rest[1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	switch {
	case verb == "list" && key == "":
		return listDead(ctx, e, c)
	case verb == "check" && key == "":
		return checkOutbox(e, c)
	case verb == "retry" || verb == "drop":
		if key == "" && !*all && *sink == "" {
			fmt.Fprintf(e.err, "firewatch outbox %s: give a dead letter's key, --sink NAME or --all; 'firewatch outbox list' shows them\n", verb)
			return exitUsage
		}
		return settleDead(ctx, e, c, verb, map[string]any{"key": key, "sink": *sink, "by": userName()})
	}
	fmt.Fprintln(e.err, "firewatch outbox: say list, retry, drop or check")
	return exitUsage
}

// settleDead retries or drops dead letters.
func settleDead(ctx context.Context, e env, c clientFlags, verb string, in map[string]any) int {
	client, _, err := c.client()
	if err != nil {
		return fail(e, "outbox", err)
	}
	var answer struct {
		Count   int `json:"count"`
		Backlog int `json:"backlog"`
	}
	if err := client.Post(ctx, "/v1/dead-letters/"+verb, in, "", &answer); err != nil {
		return fail(e, "outbox "+verb, err)
	}
	if c.json {
		return printJSON(e.out, answer)
	}
	fmt.Fprintf(e.out, "%d dead letters: %s\n", answer.Count, map[string]string{"retry": "they are sent again", "drop": "dropped"}[verb])
	if answer.Backlog > 0 {
		fmt.Fprintf(e.out, "the backlog of a removed sink: dropped in %d incidents\n", answer.Backlog)
	}
	return exitDone
}

func listDead(ctx context.Context, e env, c clientFlags) int {
	client, _, err := c.client()
	if err != nil {
		return fail(e, "outbox", err)
	}
	dead := []alert.DeadLetter{}
	if err := client.Get(ctx, "/v1/dead-letters", &dead); err != nil {
		return fail(e, "outbox", err)
	}
	if c.json {
		return printJSON(e.out, dead)
	}
	fmt.Fprint(e.out, term.StyleOf(e.out).DeadLetters(dead))
	return exitDone
}

// checkOutbox reads the state directory itself, so that it works without an
// agent too.
func checkOutbox(e env, c clientFlags) int {
	dir, err := stateDir(c.stateDir)
	if err != nil {
		return fail(e, "outbox", err)
	}
	root, err := openStateDir(dir)
	if err != nil {
		return fail(e, "outbox", err)
	}
	defer root.Close()
	problems := append([]alert.Problem{}, alert.Check(root)...)
	if c.json {
		if printJSON(e.out, problems) != exitDone || len(problems) > 0 {
			return exitWrong
		}
		return exitDone
	}
	if len(problems) == 0 {
		fmt.Fprintf(e.out, "%s: every invariant holds\n", dir)
		return exitDone
	}
	for _, p := range problems {
		fmt.Fprintf(e.err, "%s: %s\n", p.Path, p.Problem)
	}
	return exitWrong
}
