package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/rehearse"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// testReport is what became of the rule tests.
type testReport struct {
	File   string       `json:"file,omitempty"` // "" = there are none
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`
	Faults []testFaults `json:"faults"`
}

type testFaults struct {
	Test  string   `json:"test"`
	Wrong []string `json:"wrong"`
}

// runRuleTests runs the tests of a file; without one given, of that beside the
// config: firewatch.test.toml for firewatch.toml.
func runRuleTests(cfg *config.Config, configFile, given string) (testReport, error) {
	r := testReport{File: given, Faults: []testFaults{}}
	if given == "" {
		beside := strings.TrimSuffix(configFile, ".toml") + ".test.toml"
		if _, err := os.Stat(beside); configFile == "" || errors.Is(err, fs.ErrNotExist) {
			return r, nil
		}
		r.File = beside
	}
	tests, err := rehearse.LoadTests(r.File)
	if err != nil {
		return r, err
	}
	for _, t := range tests {
		wrong := t.Run(cfg.Rules, config.Metrics())
		if len(wrong) == 0 {
			r.Passed++
			continue
		}
		r.Failed++
		r.Faults = append(r.Faults, testFaults{t.Name, wrong})
	}
	return r, nil
}

// print shows what failed, and returns how many.
func (r testReport) print(e env) int {
	for _, f := range r.Faults {
		fmt.Fprintf(e.err, "%s: %s\n", r.File, human.Clean(f.Test, 200))
		for _, w := range f.Wrong {
			fmt.Fprintf(e.err, "  %s\n", human.Clean(w, 400))
		}
	}
	if r.File != "" && r.Failed == 0 {
		fmt.Fprintf(e.out, "%s: %d rule tests passed\n", r.File, r.Passed)
	}
	if r.Failed > 0 {
		fmt.Fprintf(e.err, "%s: %d of %d rule tests failed\n", r.File, r.Failed, r.Failed+r.Passed)
	}
	return r.Failed
}
