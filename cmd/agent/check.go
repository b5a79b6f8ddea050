package main

import (
	"context"
	"fmt"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
)

func cmdCheck(ctx context.Context, e env, args []string) int {
	fs := newFlags(e, "check")
	path := fs.String("config", "", "config `file` (default "+defaultConfig+" where it exists)")
	show := fs.Bool("print", false, "print the config in force, with every setting explained")
	live := fs.Bool("live", false, "try probes, credentials, topics and permissions; nobody is told anything")
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
		failed := len(faults) + tested.Failed
		if len(faults) == 0 {
			doc["costs"] = costs(ctx, cfg)
			if *live {
				tries := checkLive(ctx, cfg)
				doc["live"] = tries
				failed += failures(tries)
			}
		}
		if printJSON(e.out, doc) != exitDone || failed > 0 {
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
	for _, c := range costs(ctx, cfg) {
		fmt.Fprintf(e.out, "sink %s: %s\n", c.Sink, c.Cost)
	}
	if *live && printLive(e, checkLive(ctx, cfg)) > 0 {
		return exitWrong
	}
	fmt.Fprintf(e.out, "%s: in order; rules %d, probes %d, sinks %d\n", name, len(cfg.Rules), len(cfg.Probes), len(cfg.SinkNames()))
	return exitDone
}
