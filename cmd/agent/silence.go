package main

import (
	"context"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// labelFlags collects --label name=value.
type labelFlags map[string]string

func (l labelFlags) String() string { return "" }

func (l labelFlags) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not name=value", s)
	}
	l[name] = value
	return nil
}

// userName is who speaks, for the audit log.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody"
}

// cmdSilence is `firewatch silence add|list|remove`.
func cmdSilence(ctx context.Context, e env, args []string) int {
	var c clientFlags
	s := alert.Silence{Labels: map[string]string{}}
	fs := newFlags(e, "silence")
	c.add(fs)
	fs.StringVar(&s.Rule, "rule", "", "add: `name` of the rule; * stands for any text")
	fs.StringVar(&s.Target, "target", "", "add: `name` of the target; * stands for any text")
	severity := fs.String("severity", "", "add: only this `severity`")
	fs.Var(labelFlags(s.Labels), "label", "add: only alerts with this label, `name=value`; may be repeated")
	length := conf.Duration(time.Hour)
	fs.TextVar(&length, "for", length, "add: how `long`, for example 2h or 7d")
	fs.StringVar(&s.Comment, "comment", "", "add: why: `text`")
	verb, rest := "", args
	if len(args) > 0 {
		verb, rest = args[0], args[1:]
	}
	id := ""
	if verb == "remove" && len(rest) > 0 && rest[0] != "" && rest[0][0] != '-' {
		id, rest = rest[0], rest[1:]
	}
	if code, ok := parse(e, fs, rest); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "silence", err)
	}
	switch {
	case verb == "add":
		s.Severity, s.By, s.Until = alert.Severity(*severity), userName(), time.Now().Add(length.D())
		if s.Rule == "" && s.Target == "" && s.Severity == "" && len(s.Labels) == 0 {
			fmt.Fprintln(e.err, "firewatch silence add: say what to silence, for example --rule disk-full --target /var --for 2h; --rule '*' is everything")
			return exitUsage
		}
		var made alert.Silence
		if err := client.Post(ctx, "/v1/silences", s, "", &made); err != nil {
			return fail(e, "silence add", err)
		}
		if c.json {
			return printJSON(e.out, made)
		}
		fmt.Fprintf(e.out, "silence %s until %s; end it with: firewatch silence remove %s\n", made.ID, made.Until.Local().Format("2006-01-02 15:04:05 MST"), made.ID)
	case verb == "list":
		list := []alert.Silence{}
		if err := client.Get(ctx, "/v1/silences", &list); err != nil {
			return fail(e, "silence list", err)
		}
		if c.json {
			return printJSON(e.out, list)
		}
		fmt.Fprint(e.out, term.StyleOf(e.out).Silences(list))
	case verb == "remove" && id != "":
		if err := client.Delete(ctx, "/v1/silences/"+id, map[string]string{"by": userName()}); err != nil {
			return fail(e, "silence remove", err)
		}
		if c.json {
			return printJSON(e.out, map[string]string{"removed": id})
		}
		fmt.Fprintf(e.out, "silence %s is over\n", id)
	default:
		fmt.Fprintln(e.err, "firewatch silence: say add, list, or remove ID")
		return exitUsage
	}
	return exitDone
}
