package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/human"
)

var update = flag.Bool("update", false, "rewrite the generated docs")

// TestMetricsReference: docs/metrics.md is what the code can measure and judge.
func TestMetricsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Metrics and built-in rules\n\nGenerated from the code: `go test ./cmd/agent -run TestMetricsReference -update`. Disk I/O and network metrics are rates per second\ninside the agent. A reading that cannot be had is missing, never zero.\n\nWhat a number is of, also in a container: CPU, memory, load, pressure, disk I/O, drives, sensors and limits are the whole machine's; `net_` and `netstat_`\nare of the network namespace (with `HOST_PROC`, that of process 1), `conntrack_` always of the agent's own, `disk_` of the mounts of process 1, processes by\nstate of the process namespace, and only `cgroup_` of the container, whose target is `container`.\n\n## Metrics\n\n| metric | unit | subsystem | what |\n|---|---|---|---|\n")
	for _, m := range config.Metrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Unit, m.Subsystem, m.Help)
	}
	b.WriteString("\n## Built-in rules\n\nA rule whose metric the host lacks stays silent and is listed as \"no data\".\n\n| rule | severity | fires when | resolved beyond |\n|---|---|---|---|\n")
	for _, r := range detect.DefaultRules() {
		clear := ""
		if r.Clear != nil {
			clear = human.Number(*r.Clear)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s of `%s` over %s %s %s, %d in a row | %s |\n", r.Name, r.Severity, r.Statistic, r.Metric, r.Period,
			map[string]string{">": "above", "<": "below", ">=": "at or above", "<=": "at or below"}[r.Comparison], human.Number(*r.Threshold), r.EvaluationPeriods, clear)
	}
	b.WriteString("\n## What makes trouble where\n\nTroubles of subsystems that have to do with each other by this table, and that begin within five minutes of each other, are one incident.\nA cause is named before its effects, then the earliest is named first; an alert that another explains is a member of its incident and not one of its own.\n\n| trouble in | makes trouble in | because |\n|---|---|---|\n")
	for _, d := range detect.Dependencies() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", d.Cause, strings.Join(d.Effects, ", "), d.Why)
	}
	b.WriteString("\n## Own metrics\n\nWhat the agent says of itself in `/metrics`, beside every series above as the gauge `firewatch_NAME_UNIT`. Counters begin at 0 with each start.\n\n| metric | type | what |\n|---|---|---|\n")
	for _, m := range ownMetrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", m[0], m[1], m[2])
	}
	path := filepath.Join("..", "..", "docs", "metrics.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
		t.Errorf("docs/metrics.md is not that of the code; run: go test ./cmd/agent -run TestMetricsReference -update (%v)", err)
	}
}

// pages lists what people read: every Markdown file of the repository but those
// of packages that are not ours.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, under := range []string{"*.md", "docs/*.md", "docs/*/*.md", "bench/*.md", "bench/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(under)))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	if len(out) < 20 {
		t.Fatalf("%d pages only", len(out))
	}
	return out
}

var (
	link    = regexp.MustCompile(`\]\(([^)#: ]*)(#[^) ]*)?\)`)
	heading = regexp.MustCompile("(?m)^#+ (.*)$")
	notSlug = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors are the headings of a page as links name them (GitHub's way).
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		out["#"+strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return out
}

// TestLinksResolve: no relative link in the docs is dead, nor the place in a
// page that it names.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	found := 0
	for _, page := range pages(t) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			found++
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link to %s is dead", page, m[1])
				continue
			}
			if m[2] == "" {
				continue
			}
			if b, err = os.ReadFile(to); err != nil || !anchors(string(b))[m[2]] {
				t.Errorf("%s: there is no %s in %s (%v)", page, m[2], to, err)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d links only: are they still found?", found)
	}
}

var (
	code   = regexp.MustCompile("(?s)```sh\n.*?```|`[^`\n]+`")
	called = regexp.MustCompile(`(?:firewatch|\./cmd/agent) ([a-z][a-z-]*)(/|(?: [^\n` + "`" + `#;&]*)?)`)
	option = regexp.MustCompile(`(?:^| )--([a-z][a-z-]*)`)
)

// TestDocsNameWhatExists: every command and flag of ours that the docs name
// exists. That those in blocks also work is TestDocsCommands, in the end-to-end
// stage.
func TestDocsNameWhatExists(t *testing.T) {
	t.Parallel()
	flags := map[string][]string{}
	for _, c := range described() {
		flags[c.Name] = []string{}
		for _, f := range c.Flags {
			flags[c.Name] = append(flags[c.Name], f.Name)
		}
	}
	found := 0
	for _, page := range pages(t) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range code.FindAllString(string(b), -1) {
			for _, m := range called.FindAllStringSubmatch(block, -1) {
				if m[2] == "/" { // a path: of a chart that is called so, too
					continue
				}
				found++
				known, ok := flags[m[1]]
				if !ok {
					t.Errorf("%s: %q: there is no command %s", page, m[0], m[1])
				}
				ours, _, _ := strings.Cut(m[2]+" ", " -- ")
				for _, f := range option.FindAllStringSubmatch(ours, -1) {
					if !slices.Contains(known, f[1]) {
						t.Errorf("%s: %q: there is no flag --%s", page, m[0], f[1])
					}
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("%d commands only: are they still found?", found)
	}
}
