// Command detect runs the real `firewatch score` over the detection data and has
// the scorers of that data (Python) judge what it wrote. It writes
// bench/results/detect.json and prints its table, with the bars:
//
//	go run ./bench/detect -data ../shared/data/detection -eval ../shared/eval
//	go run ./bench/detect -parts nab -seeds 1     # only a part
//	go run ./bench/detect -print                  # the table again, nothing is run
//
// It runs in the root of the checkout and needs python3. A figure is the mean over
// the seeds; of the made hosts over the first three, and what is only shown beside a
// figure is of the first.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

type config struct {
	data, eval, out, parts string
	seeds                  int
	binary, dir            string
}

// figure is one line of the table. Raw has one value for each seed.
type figure struct {
	What string    `json:"what"`
	Bar  float64   `json:"bar,omitempty"` // at least; negative: at most the amount; 0 = shown only
	Of   int       `json:"of,omitempty"`
	Mean float64   `json:"mean"`
	Raw  []float64 `json:"raw"`
}

type result struct {
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"`
	Seeds   int       `json:"seeds"`
	Seconds float64   `json:"wall_seconds"`
	Figures []*figure `json:"figures"`
}

func main() {
	var c config
	var show bool
	flag.StringVar(&c.data, "data", "../shared/data/detection", "folder of the data")
	flag.StringVar(&c.eval, "eval", "../shared/eval", "folder of the Python scorers")
	flag.StringVar(&c.out, "out", "bench/results/detect.json", "result file")
	flag.StringVar(&c.parts, "parts", "nab,ms,smd,asd,made", "what to run")
	flag.IntVar(&c.seeds, "seeds", 5, "seeds 1…n")
	flag.BoolVar(&show, "print", false, "print the table of the result file and stop")
	flag.Parse()
	err := run(c, show)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/detect:", err)
		os.Exit(1)
	}
}

func run(c config, show bool) error {
	var r result
	if show {
		if err := report.Read(c.out, &r); err != nil {
			return err
		}
		r.print()
		return nil
	}
	began := time.Now()
	var err error
	if c.dir, err = os.MkdirTemp("", "firewatch-detect-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.dir)
	c.binary = filepath.Join(c.dir, "firewatch")
	if out, err := exec.Command("go", "build", "-o", c.binary, "./cmd/agent").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	r = result{Commit: report.Commit(), Machine: report.Machine(), Seeds: c.seeds}
	for seed := 1; seed <= c.seeds; seed++ {
		for _, p := range strings.Split(c.parts, ",") {
			judge, ok := parts[p]
			if !ok {
				return fmt.Errorf("no part %q", p)
			}
			if err := judge(c, seed, r.add); err != nil {
				return fmt.Errorf("%s, seed %d: %w", p, seed, err)
			}
			r.Seconds = time.Since(began).Seconds()
			if err := r.save(c.out); err != nil { // what is done is kept
				return err
			}
		}
	}
	r.print()
	return nil
}

func (r *result) save(path string) error {
	return report.Write(path, r)
}

// add puts a seed's value to its figure.
func (r *result) add(what string, value, bar float64, of int) {
	for _, f := range r.Figures {
		if f.What == what {
			f.Raw = append(f.Raw, value)
			f.Mean += (value - f.Mean) / float64(len(f.Raw))
			return
		}
	}
	r.Figures = append(r.Figures, &figure{What: what, Bar: bar, Of: of, Mean: value, Raw: []float64{value}})
}

func (r *result) print() {
	fmt.Printf("%s, %d seeds, %s, %.0f s\n", r.Commit, r.Seeds, r.Machine, r.Seconds)
	fmt.Printf("%-72s %8s %6s %6s  %s\n", "figure (mean of the seeds)", "is", "of", "bar", "")
	for _, f := range r.Figures {
		of, bar, word := "", "", ""
		if f.Of > 0 {
			of = fmt.Sprint(f.Of)
		}
		switch {
		case f.Bar > 0 && f.Mean >= f.Bar, f.Bar < 0 && f.Mean <= -f.Bar:
			word = "reached"
		case f.Bar != 0:
			word = "MISSED"
		}
		if f.Bar < 0 {
			bar = fmt.Sprint("≤ ", -f.Bar)
		} else if f.Bar > 0 {
			bar = fmt.Sprint(f.Bar)
		}
		fmt.Printf("%-72s %8.2f %6s %6s  %s\n", f.What, f.Mean, of, bar, word)
	}
}
