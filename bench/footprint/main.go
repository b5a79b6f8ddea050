// Footprint runs node_exporter, Telegraf and this agent side by side, each at
// one second, and prints what they cost: CPU, memory, system calls, switches
// and the time to the first sample. It installs the peers by `go install`,
// writes bench/results/footprint.json and prints the table from it.
//
// The agent is whole: built-in rules, anomaly detection, history and state on
// disk, no configuration. node_exporter has the collectors that read what the
// agent reads, and is scraped each second by this program, as Prometheus would,
// whose own cost does not count. Telegraf has seven inputs, processes every
// 10 s as in the agent, and writes to a file.
//
// usage: go run ./bench/footprint [-warm 30s] [-time 120s] [-rss 10m]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

type config struct {
	warm, span, rss, trace time.Duration
	out, bin               string
}

// result is bench/results/footprint.json.
type result struct {
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Seconds float64 `json:"wall_seconds"`
	Load    string  `json:"load_average"` // at the end: the figures are of this machine as busy as that
	Rows    []row   `json:"rows"`
	Bars    []bar   `json:"bars"`
}

// bar is a ratio or a figure beside what it must reach.
type bar struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Bar   float64 `json:"bar"` // at most
}

func main() {
	var c config
	flag.DurationVar(&c.warm, "warm", 30*time.Second, "time before the measurement")
	flag.DurationVar(&c.span, "time", 120*time.Second, "time of the measurement")
	flag.DurationVar(&c.rss, "rss", 10*time.Minute, "age at which memory is read")
	flag.DurationVar(&c.trace, "trace", 10*time.Second, "time of counting system calls, each; 0 = not")
	flag.StringVar(&c.out, "out", "bench/results/footprint.json", "result `file`")
	flag.StringVar(&c.bin, "bin", ".cache/footprint", "where the peers are installed")
	flag.Parse()
	if err := measureAll(c); err != nil {
		fmt.Fprintln(os.Stderr, "footprint:", err)
		os.Exit(1)
	}
}

func measureAll(c config) error {
	begin := time.Now()
	dir, err := os.MkdirTemp("", "footprint")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs, err := install(c, dir)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	r := result{Commit: report.Commit(), Machine: report.Machine()}
	if r.Rows, err = sideBySide(c, programs, stop); err != nil {
		return err
	}
	for i := range programs {
		if r.Rows[i].FirstMS, err = firstSample(programs[i]); err != nil {
			return err
		}
	}
	ours, node, telegraf := r.Rows[0], r.Rows[1], r.Rows[2]
	r.Bars = []bar{
		{"CPU against node_exporter scraped each second", ours.CPU / node.CPU, "×", 0.5},
		{"CPU against Telegraf with seven inputs", ours.CPU / telegraf.CPU, "×", 0.75},
		{fmt.Sprintf("VmRSS after %s against node_exporter", c.rss), ours.RSS / node.RSS, "×", 1.3},
		{"first sample after start, median of 5", ours.FirstMS, "ms", 40},
		{"complete binary, stripped", ours.Binary, "MB", 18},
	}
	r.Load = report.Load()
	r.Seconds = time.Since(begin).Seconds()
	if err := report.Write(c.out, r); err != nil {
		return err
	}
	return printTable(c.out)
}

func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("%s, commit %s, load %s\n\n", r.Machine, r.Commit, r.Load)
	fmt.Printf("%-14s %12s %10s %14s %14s %14s %12s %10s\n", "", "CPU ms/s", "RSS MB", "working sys/s", "waiting sys/s", "voluntary sw/s", "first ms", "binary MB")
	for _, w := range r.Rows {
		fmt.Printf("%-14s %12.3f %10.1f %14.0f %14.0f %14.1f %12.1f %10.1f\n", w.Name, w.CPU, w.RSS, w.Working, w.Waiting, w.Voluntary, w.FirstMS, w.Binary)
	}
	fmt.Println()
	for _, b := range r.Bars {
		verdict := "reached"
		if !(b.Value <= b.Bar) {
			verdict = "NOT REACHED"
		}
		fmt.Printf("%-55s %8.3f %-3s bar %g: %s\n", b.What, b.Value, b.Unit, b.Bar, verdict)
	}
	return nil
}

func read(path string) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	return string(b)
}
