// Command record measures package record on frames recorded from a real host
// under load, tiled to 150 series, writes bench/results/record.json and prints
// its table from that file:
//
//	go run ./bench/record                  # everything, about five minutes
//	go run ./bench/record -parts kill -kills 200
//	go run ./bench/record -print           # the table again, nothing is measured
//	go run ./bench/record -capture F -for 30m -command "what loads the host"
//
// It runs in the root of the checkout. The part "full" mounts a small tmpfs
// and so needs root; it says so where it cannot.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

type config struct {
	fixture, out, parts string
	series, days, kills int
	flips               int
	seed                uint64
	dir                 string // where histories are made
}

// result is bench/results/record.json.
type result struct {
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Seed    uint64    `json:"seed"`
	Fixture string    `json:"fixture"`
	Seconds float64   `json:"wall_seconds"`
	Rows    []measure `json:"rows"`
}

// measure is one figure, with what it must be.
type measure struct {
	Part   string    `json:"part"`
	What   string    `json:"what"`
	Value  float64   `json:"value"`
	Unit   string    `json:"unit"`
	Limit  float64   `json:"limit,omitempty"` // at most; 0 = none
	N      int       `json:"n,omitempty"`
	Raw    []float64 `json:"raw,omitempty"`
	Remark string    `json:"remark,omitempty"`
}

type part struct {
	name string
	run  func(config) ([]measure, error)
}

var parts = []part{
	{"codec", codecs}, {"history", history}, {"cpu", cpu}, {"rss", rss}, {"flip", flips}, {"kill", kills}, {"full", full},
}

func main() {
	var c config
	var capturePath, command, child string
	var span time.Duration
	var printOnly bool
	flag.StringVar(&c.fixture, "fixture", "bench/record/testdata/linux-6.18-builds-and-load.rec", "recording that the frames are made of")
	flag.StringVar(&c.out, "out", "bench/results/record.json", "result file")
	flag.StringVar(&c.parts, "parts", "codec,history,cpu,rss,flip,kill,full", "what to measure; what is left out is missing in the result file")
	flag.IntVar(&c.series, "series", 150, "series in a frame")
	flag.IntVar(&c.days, "days", 14, "days of history")
	flag.IntVar(&c.kills, "kills", 5000, "SIGKILLs")
	flag.IntVar(&c.flips, "flips", 1000, "flipped bits")
	flag.Uint64Var(&c.seed, "seed", 1, "of everything that is drawn")
	flag.BoolVar(&printOnly, "print", false, "print the table of the result file and stop")
	flag.StringVar(&capturePath, "capture", "", "record this host to a file and stop")
	flag.DurationVar(&span, "for", 30*time.Minute, "how long to capture")
	flag.StringVar(&command, "command", "", "what loads the host meanwhile")
	flag.StringVar(&child, "child", "", "used by the command itself")
	flag.Parse()
	var err error
	switch {
	case child != "":
		err = runChild(child, flag.Args())
	case capturePath != "":
		err = capture(capturePath, span, command)
	case printOnly:
		err = printTable(c.out)
	default:
		if err = measureAll(c); err == nil {
			err = printTable(c.out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/record:", err)
		os.Exit(1)
	}
}

func measureAll(c config) error {
	dir, err := os.MkdirTemp("", "firewatch-bench-record-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c.dir = dir
	start := time.Now()
	r := result{Commit: report.Commit(), Machine: report.Machine(), Seed: c.seed, Fixture: c.fixture}
	for _, p := range parts {
		if !slices.Contains(strings.Split(c.parts, ","), p.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s…\n", p.name)
		rows, err := p.run(c)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		for _, m := range rows {
			m.Part = p.name
			r.Rows = append(r.Rows, m)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return report.Write(c.out, r)
}

// printTable prints the rows, and fails if one is over its limit.
func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("commit %s, %s, seed %d, %.0f s\n\n", r.Commit, r.Machine, r.Seed, r.Seconds)
	fmt.Printf("| part | figure | value | at most |\n|---|---|---|---|\n")
	over := 0
	for _, m := range r.Rows {
		limit, what := "", m.What
		if m.Limit > 0 {
			limit = fmt.Sprintf("%g", m.Limit)
			if m.Value > m.Limit {
				limit += " EXCEEDED"
				over++
			}
		}
		if m.Remark != "" {
			what += " (" + m.Remark + ")"
		}
		fmt.Printf("| %s | %s | %.4g %s | %s |\n", m.Part, what, m.Value, m.Unit, limit)
	}
	if over > 0 {
		return fmt.Errorf("%d figures are over their limit", over)
	}
	return nil
}
