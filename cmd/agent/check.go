package main

import (
	"context"
	"fmt"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
)

func cmdCheck(ctx context.Context, e env, args []string) int {
	fs := newFlags(e, "check")
	path := fs.String("config", "", "config `file` (default "+defaultConfig+" where it exists)")
	show := fs.Bool("print", false, "print the config in force, with every setting explained")
	live := fs.Bool("live", false, "try probes, credentials, channels and topics; nobody is told anything")
	tests := fs.String("tests", "", "`file` of rule tests (default the config's name with .test.toml, where it exists)")
	asJSON := fs.Bool("json", false, "print one JSON document")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	cfg, name := config.Default(), configPath(*path)
	faults := []config.Diagnostic{}
	if name != "" {
		loaded, found, err := config.Load(name)
		if err != nil {
			return fail(e, "check", err)
		}
		cfg, faults = loaded, append(faults, found...)
	}
	var tested testReport
	if len(faults) == 0 {
		var err error
		if tested, err = runRuleTests(cfg, name, *tests); err != nil {
			return fail(e, "check", err)
		}
	}
	if *asJSON {
		doc := map[string]any{"config": name, "faults": faults, "rules": len(cfg.Rules), "sinks": cfg.SinkNames(), "tests": tested}
		if printJSON(e.out, doc) != exitDone || len(faults) > 0 || tested.Failed > 0 {
			return exitWrong
		}
		return exitDone
	}
	if len(faults) > 0 {
		_ = config.Render(e.err, name, faults)
		return exitWrong
	}
	if tested.print(e) > 0 {
		return exitWrong
	}
	if *show {
		if err := config.Print(e.out, cfg); err != nil {
			return fail(e, "check", err)
		}
		return exitDone
	}
	if name == "" {
		name = "no config file: the built-in rules"
	}
	if *live && checkLive(ctx, e, cfg) > 0 {
		return exitWrong
	}
	fmt.Fprintf(e.out, "%s: in order, %d rules, %d probes, %d sinks\n", name, len(cfg.Rules), len(cfg.Probes), len(cfg.SinkNames()))
	return exitDone
}

func cmdOutbox(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "outbox")
	c.add(fs)
	verb, rest := "", args
	if len(args) > 0 {
		verb, rest = args[0], args[1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	switch verb {
	case "list":
		return listDead(ctx, e, c)
	case "check":
		return checkOutbox(e, c)
	}
	fmt.Fprintln(e.err, "firewatch outbox: say list or check")
	return exitUsage
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
