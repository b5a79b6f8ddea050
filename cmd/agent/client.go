package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// clientFlags are those of every command that speaks with the agent.
type clientFlags struct {
	stateDir, socket string
	json             bool
}

func (c *clientFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&c.stateDir, "state-dir", "", "state `directory` of the agent")
	fs.StringVar(&c.socket, "socket", "", "unix socket `path` of the agent")
	fs.BoolVar(&c.json, "json", false, "print one JSON document")
}

// client finds the agent's socket.
func (c *clientFlags) client() (*web.Client, string, error) {
	dir, err := stateDir(c.stateDir)
	if err != nil {
		return nil, "", err
	}
	return web.NewClient(clientSocket(c.socket, c.stateDir, dir)), dir, nil
}

// printJSON prints one document.
func printJSON(w io.Writer, v any) int {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return exitWrong
	}
	return exitDone
}

func cmdStatus(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "status")
	c.add(fs)
	watch := fs.Bool("watch", false, "show it anew each second, until Ctrl-C")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "status", err)
	}
	if *watch && !c.json {
		term.Watch(ctx, e.out, func() string {
			var st web.Status
			if err := client.Get(ctx, "/v1/status", &st); err != nil {
				return err.Error() + "\n" // it may be restarting
			}
			return term.StyleOf(e.out).Status(st)
		})
		return exitDone
	}
	var st web.Status
	if err := client.Get(ctx, "/v1/status", &st); err != nil {
		return fail(e, "status", err)
	}
	if c.json {
		return printJSON(e.out, st)
	}
	fmt.Fprint(e.out, term.StyleOf(e.out).Status(st))
	return exitDone
}

func cmdIncidents(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "incidents")
	c.add(fs)
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "incidents", err)
	}
	list := []alert.Incident{}
	if err := client.Get(ctx, "/v1/incidents", &list); err != nil {
		return fail(e, "incidents", err)
	}
	if c.json {
		return printJSON(e.out, list)
	}
	fmt.Fprint(e.out, term.StyleOf(e.out).Incidents(list, time.Now()))
	return exitDone
}

func cmdAck(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "ack")
	c.add(fs)
	id, rest := "", args
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		id, rest = args[0], args[1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	if id == "" {
		fmt.Fprintln(e.err, "firewatch ack: give the id of an incident; 'firewatch incidents' lists them")
		return exitUsage
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "ack", err)
	}
	by := userName()
	if err := client.Post(ctx, "/v1/incidents/"+id+"/ack", map[string]string{"by": by}, "", nil); err != nil {
		return fail(e, "ack", err)
	}
	fmt.Fprintf(e.out, "%s takes on %s: it is not repeated any more\n", by, id)
	return exitDone
}

func cmdTestAlert(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "test-alert")
	c.add(fs)
	sink := fs.String("sink", "", "only this sink's `name`")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "test-alert", err)
	}
	var results []web.TestResult
	if err := client.Post(ctx, "/v1/test-alert?sink="+*sink, nil, "", &results); err != nil {
		return fail(e, "test-alert", err)
	}
	code := exitDone
	for _, r := range results {
		if !r.OK {
			code = exitWrong
		}
	}
	if c.json {
		if printJSON(e.out, results) != exitDone {
			return exitWrong
		}
		return code
	}
	fmt.Fprint(e.out, term.StyleOf(e.out).TestAlert(results))
	if code != exitDone {
		fmt.Fprintln(e.err, "firewatch test-alert: not every sink took the alert")
	}
	return code
}
