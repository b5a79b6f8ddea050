// Command healthy replays a recording of a host on which nothing was wrong
// through the shipped rules, and says how many pages and warnings that gives
// and what it proves:
//
//	firewatch run --record healthy.rec     # two hours or more, while the host compiles, tests and idles
//	go run ./bench/healthy -rec healthy.rec
//	go run ./bench/healthy -rec healthy.rec -levels   # what its series are, for choosing thresholds
//	go run ./bench/healthy -rec healthy.rec -same     # a day of it gives the same, bit for bit
//	go run ./bench/healthy -print                     # the table again
//
// The bound is the exact one for a Poisson rate (Garwood 1936,
// doi:10.1093/biomet/28.3-4.437): with k alerts in t weeks, the rate is below
// χ²(0.95, 2k+2) / 2t a week at 95 % confidence; for k = 0 that is the rule of
// three, 3/t. Two quiet hours prove little, and the table says how little.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/record"
)

// result is bench/results/healthy.json.
type result struct {
	Commit    string   `json:"commit"`
	Recording string   `json:"recording"`
	Kernel    string   `json:"kernel"`
	Command   string   `json:"what_ran"`
	Frames    int      `json:"frames"`
	Hours     float64  `json:"hours"`
	Learning  float64  `json:"hours_learning"` // of those, in which anomaly rules were silent because they learnt
	Passes    int      `json:"passes"`
	Until     string   `json:"until,omitempty"`
	Pages     int      `json:"pages"`
	Warnings  int      `json:"warnings"`
	Alerts    []raised `json:"alerts"`
	Seconds   float64  `json:"wall_seconds"`
}

type raised struct {
	At       string         `json:"at"`
	Severity alert.Severity `json:"severity"` // the worst it came to
	Rule     string         `json:"rule"`
	Lasted   string         `json:"lasted,omitempty"`
	Summary  string         `json:"summary"`
}

func main() {
	rec := flag.String("rec", "", "recording `file`")
	out := flag.String("out", "", "result `file` (default healthy.json, with -same replay.json, in bench/results)")
	until := flag.String("until", "", "count only what came before this `time`, RFC 3339: what came after was not healthy")
	passes := flag.Int("passes", 1, "2: learn from the whole recording first, and count in a second pass")
	levels := flag.Bool("levels", false, "print quantiles of every metric and stop")
	same := flag.Bool("same", false, "play it over and over for a day, on 1, 2 and 4 CPUs and with a restart, and compare")
	printOnly := flag.Bool("print", false, "print the table of the result file and stop")
	flag.Parse()
	if *out == "" {
		*out = "bench/results/healthy.json"
		if *same {
			*out = "bench/results/replay.json"
		}
	}
	var err error
	switch {
	case *printOnly:
		err = printTable(*out)
	case *rec == "":
		err = errors.New("give -rec FILE")
	case *same:
		err = printSame(*rec, *out)
	case *levels:
		err = printLevels(*rec)
	default:
		if err = measure(*rec, *out, *until, *passes); err == nil {
			err = printTable(*out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/healthy:", err)
		os.Exit(1)
	}
}

// frames calls see with each frame of the recording. One that is still being
// written ends where it ends.
func frames(path string, see func(collect.Frame)) (record.Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return record.Header{}, err
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return record.Header{}, err
	}
	for f, err := range r.Frames() {
		var damage *record.Damage
		switch {
		case errors.As(err, &damage):
		case err != nil:
			return r.Header, err
		default:
			see(f)
		}
	}
	return r.Header, nil
}

// shipped is a detector as an agent without configuration has it.
func shipped(metrics []collect.Metric) (*detect.Detector, error) {
	rules, err := detect.Rules(detect.DefaultRules())
	if err != nil {
		return nil, err
	}
	anomaly, err := detect.NewAnomaly(detect.AnomalyConfig{})
	if err != nil {
		return nil, err
	}
	return detect.New(slices.Concat(rules, anomaly), detect.Options{Metrics: metrics}), nil
}

func measure(path, out, until string, passes int) error {
	start := time.Now()
	end := start
	if until != "" {
		var err error
		if end, err = time.Parse(time.RFC3339, until); err != nil {
			return err
		}
	}
	h, err := frames(path, func(collect.Frame) {})
	if err != nil {
		return err
	}
	d, err := shipped(h.Metrics)
	if err != nil {
		return err
	}
	r := result{Commit: report.Commit(), Recording: path[strings.LastIndex(path, "/")+1:], Kernel: h.Kernel, Command: h.Command, Passes: passes, Until: until, Alerts: []raised{}}
	for range passes - 1 {
		if _, err := frames(path, func(f collect.Frame) {
			if f.Time.Before(end) {
				d.Observe(f)
			}
		}); err != nil {
			return err
		}
	}
	open := map[string]int{}
	if _, err := frames(path, func(f collect.Frame) {
		if !f.Time.Before(end) {
			return
		}
		r.Frames++
		r.Hours += f.Elapsed.Hours()
		if learning(d) {
			r.Learning += f.Elapsed.Hours()
		}
		if passes > 1 && r.Frames == 1 {
			f.Elapsed = time.Minute // the second pass follows the first: its times lie before those seen
		}
		for _, a := range d.Observe(f) {
			r.take(a, open)
		}
	}); err != nil {
		return err
	}
	r.Seconds = time.Since(start).Seconds()
	return report.Write(out, r)
}

// learning is whether any anomaly rule still learns.
func learning(d *detect.Detector) bool {
	return slices.ContainsFunc(d.Status(), func(s detect.RuleStatus) bool { return strings.HasPrefix(s.State, "learning") })
}

// take notes an alert, and counts each incident once, by its worst.
func (r *result) take(a alert.Alert, open map[string]int) {
	i, known := open[a.Origin()]
	switch {
	case a.State == alert.Resolved:
		if known {
			r.Alerts[i].Lasted = a.ResolvedAt.Sub(a.StartedAt).Round(time.Second).String()
			delete(open, a.Origin())
		}
		return
	case !known:
		open[a.Origin()] = len(r.Alerts)
		r.Alerts = append(r.Alerts, raised{a.ChangedAt.UTC().Format(time.RFC3339), a.Severity, a.Rule, "", a.Summary})
	case a.Severity.Rank() > r.Alerts[i].Severity.Rank():
		r.Alerts[i].Severity, r.Alerts[i].Summary = a.Severity, a.Summary
	}
	r.Pages, r.Warnings = 0, 0
	for _, x := range r.Alerts {
		if x.Severity == alert.Critical {
			r.Pages++
		} else {
			r.Warnings++
		}
	}
}

// bound is the 95 % upper bound of a rate of which k events were seen in t.
func bound(k int, t float64) float64 {
	return distuv.ChiSquared{K: float64(2*k + 2)}.Quantile(0.95) / 2 / t
}

func printTable(path string) error {
	var r result
	if err := report.Read(path, &r); err != nil {
		return err
	}
	fmt.Printf("commit %s, recording %s (%s; %s), %d frames, %d pass(es), %.0f s\n\n", r.Commit, r.Recording, r.Kernel, r.Command, r.Frames, r.Passes, r.Seconds)
	weeks := r.Hours / (7 * 24)
	fmt.Printf("| in %.2f h (%.2f h of them with anomaly rules learning) | seen | at most a week, 95 %% |\n|---|---|---|\n", r.Hours, r.Learning)
	fmt.Printf("| pages | %d | %.1f |\n| warnings | %d | %.1f |\n\n", r.Pages, bound(r.Pages, weeks), r.Warnings, bound(r.Warnings, weeks))
	for _, a := range r.Alerts {
		fmt.Printf("%s %s %s (%s): %s\n", a.At, a.Severity, a.Rule, a.Lasted, a.Summary)
	}
	if r.Pages > 0 {
		return fmt.Errorf("%d pages on a healthy host", r.Pages)
	}
	return nil
}
