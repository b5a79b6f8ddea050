package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	b.WriteString("# Metrics and built-in rules\n\nGenerated from the code: `go test ./cmd/agent -run TestMetricsReference -update`. Disk I/O and network metrics are rates per second\ninside the agent. A reading that cannot be had is missing, never zero.\n\n## Metrics\n\n| metric | unit | subsystem | what |\n|---|---|---|---|\n")
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

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinksResolve: no relative link in the docs is dead.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, more...) {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s is dead", filepath.Base(page), m[1])
			}
		}
	}
}
