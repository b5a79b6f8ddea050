// Command kill sends SIGKILL to the real agent, at random moments under load
// and during its start, while the services behind its sinks are healthy, answer
// 503, hang, reset, answer and then reset, or throttle. Then it lets the agent
// deliver, and judges what people saw against what was accepted. It writes
// bench/results/kill.json and prints its table from that file:
//
//	go run ./bench/kill                            # 1000 kills under load, 1000 at the start
//	go run ./bench/kill -load 60 -start 60 -modes healthy,ambiguous
//	go run ./bench/kill -print
//
// It runs in the root of the checkout and uses loopback alone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// modes of the services.
var modes = []string{"healthy", "503", "hanging", "resetting", "ambiguous", "throttling"}

// result is bench/results/kill.json.
type result struct {
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Seed    uint64    `json:"seed"`
	Seconds float64   `json:"wall_seconds"`
	Rows    []outcome `json:"rows"`
}

// outcome is what became of one mode.
type outcome struct {
	Mode        string         `json:"mode"`
	LoadKills   int            `json:"load_kills"`
	StartKills  int            `json:"start_kills"`
	Accepted    int            `json:"accepted"` // firing alerts that were promised (202 or 200)
	Resolved    int            `json:"resolved"` // resolutions that were promised
	Lost        int            `json:"lost"`
	ResolveLost int            `json:"resolves_lost"`
	Disorder    int            `json:"out_of_order"`
	Shown       map[string]int `json:"shown"`        // messages that people see, by service
	Sent        map[string]int `json:"sent"`         // messages that arrived, by service
	Twice       map[string]int `json:"twice"`        // of those shown, seen before, and the service had answered: a kill did it
	Unheard     map[string]int `json:"unheard"`      // … and the service's answer was cut off: a repeat that no kill is needed for
	Marked      int            `json:"marked"`       // SNS messages repeated after its 5 minutes, and marked possible_repeat
	Digested    int            `json:"digested"`     // told by a digest
	Problems    []string       `json:"problems"`     // of outbox check, but for what a kill left half written
	Steps       map[string]int `json:"kills_at"`     // kills that found at least one incident at this step
	Drain       float64        `json:"drain_s"`      // from mended services to nothing owed
	Examples    []string       `json:"examples"`     // of what is wrong
	HalfWritten int            `json:"half_written"` // files in quarantine that a kill left
}

func main() {
	var c config
	var list, out string
	var printOnly bool
	flag.IntVar(&c.load, "load", 1000, "SIGKILLs under load, over all modes")
	flag.IntVar(&c.start, "start", 1000, "SIGKILLs during the start, over all modes")
	flag.IntVar(&c.side, "side", 3, "modes in which agents are killed at the same time; all the others deliver meanwhile")
	flag.StringVar(&list, "modes", strings.Join(modes, ","), "modes of the services")
	flag.StringVar(&out, "out", "bench/results/kill.json", "result file")
	flag.Uint64Var(&c.seed, "seed", 1, "of all chance")
	flag.BoolVar(&printOnly, "print", false, "print the table of the result file and stop")
	flag.Parse()
	if err := run(c, strings.Split(list, ","), out, printOnly); err != nil {
		fmt.Fprintln(os.Stderr, "bench/kill:", err)
		os.Exit(1)
	}
}

func run(c config, list []string, out string, printOnly bool) error {
	if !printOnly {
		dir, err := os.MkdirTemp("", "firewatch-bench-kill-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		c.dir, c.binary = dir, filepath.Join(dir, "firewatch")
		build := exec.Command("go", "build", "-trimpath", "-o", c.binary, "./cmd/agent")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, b)
		}
		began := time.Now()
		r := result{Commit: report.Commit(), Machine: report.Machine(), Seed: c.seed}
		c.load, c.start = (c.load+len(list)-1)/len(list), (c.start+len(list)-1)/len(list)
		fmt.Fprintf(os.Stderr, "in each of %d modes: %d kills under load, %d at the start…\n", len(list), c.load, c.start)
		if r.Rows, err = c.all(list); err != nil {
			return err
		}
		r.Seconds = time.Since(began).Seconds()
		if err := report.Write(out, r); err != nil {
			return err
		}
	}
	return printTable(out)
}

// all runs the modes side by side, each with its own agents, services and
// directory: they wait more than they work. Only some kill at the same time.
func (c config) all(list []string) ([]outcome, error) {
	rows, errs := make([]outcome, len(list)), make([]error, len(list))
	c.turns = make(chan struct{}, c.side)
	var running sync.WaitGroup
	for i, mode := range list {
		running.Go(func() {
			began := time.Now()
			if rows[i], errs[i] = c.mode(mode); errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %w", mode, errs[i])
			}
			fmt.Fprintf(os.Stderr, "%s: %.0f s, of which %.0f to deliver the rest\n", mode, time.Since(began).Seconds(), rows[i].Drain)
		})
	}
	running.Wait()
	return rows, errors.Join(errs...)
}

// printTable prints the result, and fails where a promise was broken.
func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("commit %s, %s, seed %d, %.0f s\n\n", r.Commit, r.Machine, r.Seed, r.Seconds)
	fmt.Printf("%-11s %6s %6s %9s %9s %5s %8s %6s %9s %6s\n", "mode", "kills", "start", "accepted", "resolved", "lost", "resolves", "order", "digested", "drain")
	steps, kills := map[string]int{}, 0
	bad := false
	for _, o := range r.Rows {
		fmt.Printf("%-11s %6d %6d %9d %9d %5d %8d %6d %9d %4.0f s\n", o.Mode, o.LoadKills, o.StartKills, o.Accepted, o.Resolved, o.Lost, o.ResolveLost, o.Disorder, o.Digested, o.Drain)
		for k, n := range o.Steps {
			steps[k] += n
		}
		kills += o.LoadKills + o.StartKills
		bad = bad || o.Lost+o.ResolveLost+o.Disorder+len(o.Problems) > 0
		for _, e := range append(o.Examples, o.Problems...) {
			fmt.Println("   !", e)
		}
	}
	bad = twice(r) || bad
	fmt.Printf("\nof %d kills, those that found an incident at this step:\n", kills)
	for _, k := range stepNames {
		fmt.Printf("  %-44s %d\n", k, steps[k])
		bad = bad || steps[k] < minAtStep && kills >= 2000
	}
	if bad {
		return fmt.Errorf("a promise was broken, or a step was hit by fewer than %d kills", minAtStep)
	}
	return nil
}

const (
	minAtStep = 20  // kills that a whole run needs at each step
	mostTwice = 0.5 // messages seen twice for each kill, where a service takes no key
)

// twice prints what people saw twice, and reports whether that is too much:
// never where the service takes a key or can be asked.
func twice(r result) (bad bool) {
	fmt.Printf("\nmessages seen twice because of a kill (and because an answer was cut off, for which no kill is needed; of all that arrived):\n%-11s", "mode")
	for _, n := range names {
		fmt.Printf(" %22s", n)
	}
	fmt.Println()
	for _, o := range r.Rows {
		fmt.Printf("%-11s", o.Mode)
		for _, n := range names {
			fmt.Printf(" %22s", fmt.Sprintf("%d (%d; %d)", o.Twice[n], o.Unheard[n], o.Sent[n]))
			most := 0.0
			if n == "slack-blind" { // a post takes no key, and it cannot be looked for; an edit is no second message
				most = mostTwice * float64(o.LoadKills+o.StartKills)
			}
			bad = bad || float64(o.Twice[n]) > most
		}
		fmt.Println()
	}
	marked := 0
	for _, o := range r.Rows {
		marked += o.Marked
	}
	fmt.Printf("\nSNS messages repeated after the 5 minutes that a FIFO topic knows a key, each marked possible_repeat: %d\n", marked)
	return bad
}
