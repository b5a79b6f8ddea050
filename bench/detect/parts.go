package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// add takes one figure of one seed.
type add func(what string, value, bar float64, of int)

var parts = map[string]func(c config, seed int, to add) error{"nab": nab, "ms": ms, "smd": smd, "asd": asd, "made": made}

// job is one run of `firewatch score`.
type job struct{ in, out, train, channel, step, budget string }

// score runs jobs, as many at a time as there are CPUs.
func (c config) score(jobs []job, seed int) error {
	queue := make(chan job)
	errs := make([]error, runtime.NumCPU())
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for j := range queue {
				if err := c.one(j, seed); err != nil {
					errs[i] = err
				}
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	wg.Wait()
	return errors.Join(errs...)
}

func (c config) one(j job, seed int) error {
	if err := os.MkdirAll(filepath.Dir(j.out), 0o755); err != nil {
		return err
	}
	args := []string{"score", "--in", j.in, "--out", j.out, "--channel", j.channel, "--seed", strconv.Itoa(seed)}
	if j.train != "" {
		args = append(args, "--train", j.train)
	}
	if j.step != "" {
		args = append(args, "--step", j.step)
	}
	if j.budget != "" {
		args = append(args, "--budget", j.budget)
	}
	if out, err := exec.Command(c.binary, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("score %s: %w: %s", j.in, err, out)
	}
	return nil
}

// python runs a scorer and returns what it printed.
func (c config) python(script string, args ...string) (string, error) {
	out, err := exec.Command("python3", append([]string{filepath.Join(c.eval, script)}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", script, err, out)
	}
	return string(out), nil
}

// nabScores is what nab_score.py writes, as far as it is needed.
type nabScores map[string]struct {
	Score     float64 `json:"score"`
	Raw       float64 `json:"raw"`
	Threshold float64 `json:"threshold"`
	Windows   int     `json:"windows"`
	Hit       int     `json:"windows_hit"`
	False     int     `json:"false_alarm_rows"`
	Rows      int     `json:"rows"`
}

func (c config) nabScore(dir string, args ...string) (nabScores, error) {
	file := filepath.Join(c.dir, "nab.json")
	args = append([]string{dir, "--windows", filepath.Join(c.data, "nab/labels/windows.json"), "--json", file}, args...)
	if _, err := c.python("nab_score.py", args...); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b = bytes.ReplaceAll(b, []byte("NaN"), []byte("null")) // the score of files without a window
	var out nabScores
	return out, json.Unmarshal(b, &out)
}

func nab(c config, seed int, to add) error {
	text, err := os.ReadFile(filepath.Join(c.data, "nab_dev.list"))
	if err != nil {
		return err
	}
	names := strings.Fields(string(text))
	for _, channel := range []string{"value+shape", "all"} {
		dir := filepath.Join(c.dir, "nab", channel)
		var jobs []job
		for _, n := range names {
			jobs = append(jobs, job{in: filepath.Join(c.data, "nab/data", n), out: filepath.Join(dir, n), channel: channel})
		}
		if err := c.score(jobs, seed); err != nil {
			return err
		}
		bars := [3]float64{74, 66, 71}
		if channel == "all" {
			bars = [3]float64{}
		}
		got, err := c.nabScore(dir, "--files", filepath.Join(c.data, "nab_dev.list"))
		if err != nil {
			return err
		}
		to("NAB, "+channel+", standard", got["standard"].Score, bars[0], 100)
		to("NAB, "+channel+", low FP", got["reward_low_FP_rate"].Score, bars[1], 100)
		apart, err := c.nabApart(dir, names)
		if err != nil {
			return err
		}
		to("NAB, "+channel+", standard, threshold of other folders", apart, bars[2], 100)
		if err := c.nabShipped(dir, channel, got["standard"].Hit, to); err != nil {
			return err
		}
	}
	return nil
}

// nabApart is the standard score where each folder has the threshold that is best
// on the others.
func (c config) nabApart(dir string, names []string) (float64, error) {
	folders := map[string][]string{}
	for _, n := range names {
		folders[filepath.Dir(n)] = append(folders[filepath.Dir(n)], n)
	}
	raw, windows := 0.0, 0
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		var others []string
		for other, files := range folders {
			if other != folder {
				others = append(others, files...)
			}
		}
		rest, err := c.nabOf(dir, others)
		if err != nil {
			return 0, err
		}
		here, err := c.nabOf(dir, folders[folder], "--threshold", strconv.FormatFloat(rest["standard"].Threshold, 'g', -1, 64))
		if err != nil {
			return 0, err
		}
		raw += here["standard"].Raw
		windows += here["standard"].Windows
	}
	n := float64(windows)
	return 100 * (raw + n) / (2 * n), nil // as nab_score.py scales
}

func (c config) nabOf(dir string, names []string, args ...string) (nabScores, error) {
	list := filepath.Join(c.dir, "some.list")
	if err := os.WriteFile(list, []byte(strings.Join(names, "\n")), 0o644); err != nil {
		return nil, err
	}
	return c.nabScore(dir, append(args, "--files", list)...)
}

var msLine = regexp.MustCompile(`found (\d+), z-score (\d+), of (\d+) events; ratio ([\d.]+)`)

func ms(c config, seed int, to add) error {
	data := filepath.Join(c.data, "ms")
	files, err := filepath.Glob(filepath.Join(data, "*", "*.csv"))
	if err != nil {
		return err
	}
	dir := filepath.Join(c.dir, "ms")
	var jobs []job
	for _, f := range files {
		rel, err := filepath.Rel(data, f)
		if err != nil {
			return err
		}
		jobs = append(jobs, job{in: f, out: filepath.Join(dir, rel), channel: "all"})
	}
	if err := c.score(jobs, seed); err != nil {
		return err
	}
	text, err := c.python("ms_score.py", dir, "--data", data)
	if err != nil {
		return err
	}
	m := msLine.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("ms_score.py printed %q", text)
	}
	to("Microsoft, all, ratio to the trailing z-score", float(m[1])/float(m[2]), 1.05, 0)
	to("Microsoft, all, events", float(m[1]), 0, int(float(m[3])))
	return nil
}

func smd(c config, seed int, to add) error { return hosts(c, seed, to, "smd", "1m", 60) }

func asd(c config, seed int, to add) error {
	return hosts(c, seed, to, "asd", "5m", 31, "--per-day", "288", "--cool", "6", "--grace", "6")
}

var mtsLine = regexp.MustCompile(`(?m)^MEAN.* ap ([\d.]+).*@1: (\d+)/(\d+)`)

// hosts scores the machines of one set, after their training rows.
func hosts(c config, seed int, to add, set, step string, bar float64, args ...string) error {
	files, err := filepath.Glob(filepath.Join(c.data, "mts", set, "*_test.csv"))
	if err != nil {
		return err
	}
	for _, channel := range []string{"all", "host", "value+shape"} {
		if channel != "all" && seed > 1 {
			continue // shown only
		}
		dir := filepath.Join(c.dir, set, channel)
		var jobs []job
		for _, f := range files {
			name := strings.TrimSuffix(filepath.Base(f), "_test.csv")
			jobs = append(jobs, job{in: f, out: filepath.Join(dir, name+".csv"), train: strings.TrimSuffix(f, "_test.csv") + "_train.csv", channel: channel, step: step, budget: "1 per day"})
		}
		if err := c.score(jobs, seed); err != nil {
			return err
		}
		args := append([]string{"--no-vus", "--dir", dir, "--labels", filepath.Join(c.data, "mts/labels")}, args...)
		text, err := c.python("mts_score.py", args...)
		if err != nil {
			return err
		}
		m := mtsLine.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("mts_score.py printed %q", text)
		}
		if channel != "all" {
			bar = 0
		}
		to(strings.ToUpper(set)+", "+channel+", events at 1 false alarm a day", float(m[2]), bar, int(float(m[3])))
		to(strings.ToUpper(set)+", "+channel+", average precision", float(m[1]), 0, 0)
		if channel == "all" {
			if err := c.hostsShipped(set, dir, step, float(m[2]), to); err != nil {
				return err
			}
		}
	}
	return nil
}

// float reads what a pattern of digits has matched.
func float(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64)
	return v
}
