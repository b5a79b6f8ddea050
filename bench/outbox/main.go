// Command outbox measures the delivery promise on the real agent, part by part,
// each on a state directory of its own: how fast alerts are accepted and told,
// failover, a long outage, disks that fail, fill or hang, a state directory that
// is damaged, and what 10 000 failed deliveries leave behind. It writes
// bench/results/outbox.json and prints its table from that file:
//
//	go run ./bench/outbox                          # everything, about 20 minutes; some parts need root
//	go run ./bench/outbox -parts accept,damage     # these again, what the others found stays
//	go run ./bench/outbox -print
//
// It runs in the root of the checkout and uses loopback alone. A part that
// cannot run here says so in its row and counts as not reached.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// row is one figure with its bar.
type row struct {
	Part   string  `json:"part"`
	Figure string  `json:"figure"`
	Value  float64 `json:"value"`
	Bar    float64 `json:"bar"`
	Least  bool    `json:"at_least,omitempty"` // the bar is the least, not the most
	N      int     `json:"n,omitempty"`        // samples
	Error  string  `json:"error,omitempty"`    // the part could not run, or broke

	Commit string    `json:"commit"`
	Load   string    `json:"load_average"`   // as the part began: others may use the machine
	Nice   int       `json:"nice,omitempty"` // below 0: ahead of what else the machine does
	At     time.Time `json:"at"`
}

func (r row) reached() bool {
	return r.Error == "" && (r.Least && r.Value >= r.Bar || !r.Least && r.Value <= r.Bar)
}

// result is bench/results/outbox.json.
type result struct {
	Machine string  `json:"machine"`
	Seconds float64 `json:"wall_seconds"` // of the last run
	Rows    []row   `json:"rows"`
}

// part is one experiment; dir is its own.
type part struct {
	name string
	run  func(b *bench, dir string) ([]row, error)
}

var parts = []part{
	{"accept", accept}, {"damage", damage}, {"failover", failover}, {"latency", latency},
	{"fsync-storm", fsyncStorm}, {"bad-disk", badDisk}, {"throttle", throttle}, {"leaks", leaks}, {"outage", outage}, {"fsync-hangs", fsyncHangs},
}

// bench is what the parts share.
type bench struct{ binary string }

func main() {
	var list, out string
	var printOnly bool
	flag.StringVar(&list, "parts", "", "parts to run, with commas between; default all")
	flag.StringVar(&out, "out", "bench/results/outbox.json", "result file")
	flag.DurationVar(&hangs, "hang", hangs, "how long an fsync does not return")
	flag.BoolVar(&printOnly, "print", false, "print the table of the result file and stop")
	flag.Parse()
	if !printOnly {
		if err := run(list, out); err != nil {
			fmt.Fprintln(os.Stderr, "bench/outbox:", err)
			os.Exit(1)
		}
	}
	if err := printTable(out); err != nil {
		fmt.Fprintln(os.Stderr, "bench/outbox:", err)
		os.Exit(1)
	}
}

func run(list, out string) error {
	dir, err := os.MkdirTemp("", "firewatch-bench-outbox-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{binary: filepath.Join(dir, "firewatch")}
	build := exec.Command("go", "build", "-trimpath", "-o", b.binary, "./cmd/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, said)
	}
	r := result{Machine: report.Machine()}
	if list != "" { // what other parts found stays
		if err := report.Read(out, &r); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	began := time.Now()
	for _, p := range parts {
		if list != "" && !slices.Contains(strings.Split(list, ","), p.name) {
			continue
		}
		r.Rows = slices.DeleteFunc(r.Rows, func(x row) bool { return x.Part == p.name })
		at, load, of := time.Now().UTC().Round(time.Second), report.Load(), report.Commit()
		fmt.Fprintf(os.Stderr, "%s…\n", p.name)
		own := filepath.Join(dir, p.name)
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		rows, err := p.run(b, own)
		if err != nil {
			rows = append(rows, row{Figure: "ran to its end", Error: err.Error()})
		}
		for i := range rows {
			rows[i].Part, rows[i].At, rows[i].Load, rows[i].Commit = p.name, at, load, of
			if p, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil {
				rows[i].Nice = 20 - p
			}
		}
		r.Rows = append(r.Rows, rows...)
		r.Seconds = time.Since(began).Round(time.Second).Seconds()
		if err := report.Write(out, r); err != nil { // after each part: one that is cut short leaves what there is
			return err
		}
	}
	return nil
}

// printTable prints the result, and fails where a bar was not reached.
func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("%s\n\n%-12s %-62s %10s %10s\n", r.Machine, "part", "figure", "value", "bar")
	missed, was := 0, ""
	for _, x := range r.Rows {
		if x.Part != was {
			was = x.Part
			fmt.Printf("  %s: commit %s, load %s, nice %d, %s\n", x.Part, x.Commit, x.Load, x.Nice, x.At.Format(time.RFC3339))
		}
		sign, mark := "≤", ""
		if x.Least {
			sign = "≥"
		}
		if !x.reached() {
			mark = "  NOT REACHED " + x.Error
			missed++
		}
		fmt.Printf("%-12s %-62s %10.4g %s %8.4g%s\n", x.Part, x.Figure, x.Value, sign, x.Bar, mark)
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d bars were not reached", missed, len(r.Rows))
	}
	return nil
}

// p99 of xs, by the nearest rank; 0 where there is nothing.
func p99(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	return s[min(len(s)-1, int(0.99*float64(len(s))))]
}
