package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/manual"
)

func cmdMan(_ context.Context, e env, args []string) int {
	fs := newFlags(e, "man")
	page, rest := word(args, "1")
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	var err error
	switch page {
	case "1":
		err = manual.Commands(e.out, versionString(), described())
	case "5":
		err = manual.Config(e.out, versionString(), config.Reference())
	default:
		fmt.Fprintln(e.err, "firewatch man: say 1 (the commands) or 5 (the config file)")
		return exitUsage
	}
	if err != nil {
		return fail(e, "man", err)
	}
	return exitDone
}

func cmdCompletion(_ context.Context, e env, args []string) int {
	fs := newFlags(e, "completion")
	shell, rest := word(args, "")
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	if !slices.Contains(manual.Shells(), shell) {
		fmt.Fprintf(e.err, "firewatch completion: say %s\n", strings.Join(manual.Shells(), " or "))
		return exitUsage
	}
	if err := manual.Completion(e.out, shell, described()); err != nil {
		return fail(e, "completion", err)
	}
	return exitDone
}

// word splits off the first argument that is no flag.
func word(args []string, none string) (first string, rest []string) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return args[0], args[1:]
	}
	return none, args
}

// described is the list of commands with their flags: each command is asked
// for its help, and the sets of flags that it makes are looked at.
func described() []manual.Command {
	var out []manual.Command
	for _, c := range commands() {
		m := manual.Command{Name: c.name, Args: c.args, Does: c.does}
		e := env{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
		var sets []*flag.FlagSet
		e.made = func(fs *flag.FlagSet) { sets = append(sets, fs) }
		c.run(context.Background(), e, []string{"-h"})
		for _, fs := range sets {
			fs.VisitAll(func(f *flag.Flag) {
				kind, help := flag.UnquoteUsage(f)
				if slices.ContainsFunc(m.Flags, func(have manual.Flag) bool { return have.Name == f.Name }) {
					return
				}
				m.Flags = append(m.Flags, manual.Flag{Name: f.Name, Value: kind, Help: help})
			})
		}
		out = append(out, m)
	}
	return out
}
