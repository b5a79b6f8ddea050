package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/firewatch-agent/firewatch/cmd/agent/term"
	"github.com/firewatch-agent/firewatch/detect"
)

// cmdExplain shows how the anomaly rule of the running agent judges.
func cmdExplain(ctx context.Context, e env, args []string) int {
	var c clientFlags
	fs := newFlags(e, "explain")
	c.add(fs)
	metric := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		metric, args = args[0], args[1:]
	}
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	client, _, err := c.client()
	if err != nil {
		return fail(e, "explain", err)
	}
	var x detect.Explanation
	if err := client.Get(ctx, "/v1/explain", &x); err != nil {
		return fail(e, "explain", err)
	}
	switch {
	case c.json:
		return printJSON(e.out, x)
	case metric == "":
		fmt.Fprint(e.out, term.StyleOf(e.out).Explain(x))
		return exitDone
	}
	text := term.StyleOf(e.out).ExplainSeries(x, metric)
	if text == "" {
		return fail(e, "explain", fmt.Errorf("no series of %q is watched; firewatch explain --json lists those that are", metric))
	}
	fmt.Fprint(e.out, text)
	return exitDone
}

// Explain implements web.Agent.
func (a *agent) Explain() detect.Explanation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.detector.Explain()
}
