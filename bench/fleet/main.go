// Command fleet has 10 000 agents raise a critical alert at the same instant
// against one receiver that takes only so many requests a second, as when a
// database or a network that all of them use goes down. Each agent is the real
// outbox with a state directory of its own; time is simulated, so that minutes
// cost seconds and the load of this machine is not in the figures. It prints
// how long the alerts took, how many requests that cost the receiver, and
// whether any was lost or told twice, and writes bench/results/fleet.json.
//
// usage: TMPDIR=/dev/shm go run ./bench/fleet [-agents 10000] [-print]
//
// 64 spare files of 4 KiB for each agent go to the temporary directory (2.6 GB
// for 10 000), and away again.
package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// result is bench/results/fleet.json.
type result struct {
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Agents  int     `json:"agents"`
	Seconds float64 `json:"wall_seconds"`
	Rows    []row   `json:"rows"`
}

// row is what became of one case. Times are seconds from the instant at which
// all agents fire to the receiver's acceptance, in simulated time.
type row struct {
	Case
	Delivered int     `json:"delivered"`
	Twice     int     `json:"told_twice"`
	Dead      int     `json:"dead_letters"`
	Requests  int     `json:"requests"`
	Peak      int     `json:"peak_requests_per_second"` // of any second but the first
	First     int     `json:"requests_in_first_second"`
	P50       float64 `json:"p50_seconds"`
	P99       float64 `json:"p99_seconds"`
	Last      float64 `json:"last_seconds"`
	Ideal     float64 `json:"ideal_seconds"` // agents / rate
}

func main() {
	agents := flag.Int("agents", 10_000, "agents that fire at once")
	only := flag.String("only", "", "one case only")
	show := flag.Bool("print", false, "print the table of the result file, run nothing")
	out := flag.String("out", "bench/results/fleet.json", "result `file`")
	testing.Init() // synctest, which simulates time, wants a test: this program makes itself one
	flag.Parse()
	if *show {
		exit(print(*out))
		return
	}
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "fleet", F: func(t *testing.T) {
		exit(runAll(t, *agents, *only, *out))
		exit(print(*out))
	}}}, nil, nil)
}

// exit ends the program at an error.
func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func runAll(t *testing.T, agents int, only, out string) error {
	r := result{Commit: report.Commit(), Machine: report.Machine(), Agents: agents}
	began := time.Now()
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, c := range cases {
		if only != "" && c.Name != only {
			continue
		}
		got, err := simulate(t, c, agents, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		fmt.Fprintf(os.Stderr, "%s: %d of %d after %.0f s\n", c.Name, got.Delivered, agents, time.Since(began).Seconds())
		r.Rows = append(r.Rows, got)
	}
	r.Seconds = time.Since(began).Seconds()
	return report.Write(out, r)
}

func print(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("%d agents fire at once (commit %s)\n\n| receiver | rate | told | p50 | p99 | last | ideal | requests | first second | peak later | twice | lost |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n", r.Agents, r.Commit)
	for _, x := range r.Rows {
		lost := fmt.Sprint(r.Agents - x.Delivered)
		if x.Window > 0 && x.Delivered < r.Agents {
			lost = "0 (owed: " + lost + ")"
		}
		fmt.Printf("| %s | %d/s | %d | %.1f s | %.1f s | %.1f s | %.1f s | %d | %d | %d/s | %d | %s |\n", x.Name, x.Rate, x.Delivered, x.P50, x.P99, x.Last, x.Ideal, x.Requests, x.First, x.Peak, x.Twice, lost)
	}
	return nil
}
