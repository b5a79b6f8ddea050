package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/bench/report"

	"gonum.org/v1/gonum/stat"
)

// printTable prints the three (and the live) verdicts; an error where a bar is
// missed.
func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("commit %s, %s, seed %d, models from %s, %d faults made, %.0f s\n\n", r.Commit, r.Machine, r.Seed, r.Healthy, len(r.Events), r.Seconds)
	fmt.Println("Expected, written down before the run:\n\n| fault | a message must name one of | on | process |\n|---|---|---|---|")
	for _, f := range faults() {
		fmt.Printf("| %s | %s | %s | %s |\n", f.name, strings.Join(f.series, " "), f.object, f.process)
	}
	for _, s := range r.Skipped {
		fmt.Printf("\nnot made: %s: %s\n", s.Fault, s.Why)
	}
	var missed []string
	perFault := map[variant]map[string]bool{}
	fmt.Printf("\n| rules | recall | sharp faults: median s | kinds found | messages right | with process | messages outside faults |\n|---|---|---|---|---|---|---|\n")
	for _, v := range []variant{thresholds, anomaly, both, liveBoth} {
		missed = append(missed, summarize(v, r, perFault)...)
	}
	only := 0
	for name := range perFault[anomaly] {
		if !perFault[thresholds][name] {
			only++
		}
	}
	fmt.Printf("\nfound by anomaly detection and by no threshold: %d kinds\n", only)
	if only < 2 {
		missed = append(missed, fmt.Sprintf("%d kinds found by anomaly detection alone, bar 2", only))
	}
	printRows(r)
	if len(missed) > 0 {
		return fmt.Errorf("bars missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

// summarize prints one variant's line and says which bars it misses.
func summarize(v variant, r result, perFault map[variant]map[string]bool) []string {
	var n, found, any, right, process int
	var seconds []float64
	perFault[v] = map[string]bool{}
	for _, x := range r.Rows {
		if x.Variant != v {
			continue
		}
		n++
		if x.Found {
			found++
			perFault[v][x.Fault] = true
			if x.Sharp {
				seconds = append(seconds, x.Seconds)
			}
		}
		if x.Any {
			any++
		}
		if x.Right {
			right++
		}
		if x.Process {
			process++
		}
	}
	if n == 0 {
		return nil
	}
	median := 0.0
	if slices.Sort(seconds); len(seconds) > 0 {
		median = stat.Quantile(0.5, stat.LinInterp, seconds, nil)
	}
	fmt.Printf("| %s | %d of %d | %.1f | %d | %d of %d | %d | %d |\n", v, found, n, median, len(perFault[v]), right, any, process, r.Others[v])
	var missed []string
	switch {
	case v == both || v == liveBoth:
		if float64(found) < 0.95*float64(n) {
			missed = append(missed, fmt.Sprintf("%s: recall %.0f %%, bar 95 %%", v, 100*float64(found)/float64(n)))
		}
		if median > 15 {
			missed = append(missed, fmt.Sprintf("%s: median %.1f s, bar 15 s", v, median))
		}
		if float64(right) < 0.8*float64(any) {
			missed = append(missed, fmt.Sprintf("%s: %d of %d messages right, bar 80 %%", v, right, any))
		}
	case v == anomaly && len(perFault[v]) < 8:
		missed = append(missed, fmt.Sprintf("%s: %d kinds, bar 8", v, len(perFault[v])))
	}
	return missed
}

// printRows prints what came of each fault.
func printRows(r result) {
	fmt.Printf("\n| fault | %s | %s | %s | %s | first message of both |\n|---|---|---|---|---|---|\n", thresholds, anomaly, both, liveBoth)
	for _, f := range faults() {
		cells, first := map[variant][]string{}, ""
		for _, x := range r.Rows {
			if x.Fault != f.name {
				continue
			}
			cell := "–"
			if x.Found {
				cell = fmt.Sprintf("%.0f", x.Seconds)
			}
			cells[x.Variant] = append(cells[x.Variant], cell)
			if x.Variant == both && first == "" {
				first = x.First
			}
		}
		if len(cells) == 0 {
			continue
		}
		fmt.Printf("| %s | %s | %s | %s | %s | %.160s |\n", f.name, strings.Join(cells[thresholds], " "), strings.Join(cells[anomaly], " "), strings.Join(cells[both], " "), strings.Join(cells[liveBoth], " "), first)
	}
}
