// Command forest compares package forest with hed1ad/goguardml and
// scikit-learn on the same data in one run, writes bench/results/forest.json
// and prints its tables from that file:
//
//	sh bench/forest/run.sh         # installs python3-sklearn where it is missing
//	go run ./bench/forest          # the same without that
//	go run ./bench/forest -print   # the tables again, nothing is measured
//
// It runs in the root of the checkout and needs the data sets (-data) and, for
// goguardml, the Go module proxy.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var quiet bool

func progress(format string, args ...any) {
	if !quiet {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

type config struct {
	data, out, python string
	parts             string
	rounds            int
	seeds, peerSeeds  int
}

func main() {
	var c config
	var printOnly bool
	flag.StringVar(&c.data, "data", "../shared/data/forest", "folder of the data sets and reference.tsv")
	flag.StringVar(&c.out, "out", "bench/results/forest.json", "result file")
	flag.StringVar(&c.python, "python", "/usr/bin/python3", "the Python that has scikit-learn")
	flag.StringVar(&c.parts, "parts", "own,speed,accuracy", "what to measure; what is left out is missing in the result file")
	flag.IntVar(&c.rounds, "rounds", 5, "repetitions of every timing")
	flag.IntVar(&c.seeds, "seeds", 30, "our seeds per data set")
	flag.IntVar(&c.peerSeeds, "peer-seeds", 5, "the peers' seeds per data set")
	flag.BoolVar(&printOnly, "print", false, "print the tables of the result file and stop")
	flag.BoolVar(&quiet, "quiet", false, "no progress on standard error")
	flag.Parse()
	if !printOnly {
		if err := measure(c); err != nil {
			fmt.Fprintln(os.Stderr, "bench/forest:", err)
			os.Exit(1)
		}
	}
	if err := printTables(c.out); err != nil {
		fmt.Fprintln(os.Stderr, "bench/forest:", err)
		os.Exit(1)
	}
}

func measure(c config) error {
	begin := time.Now()
	tmp, err := os.MkdirTemp("", "bench-forest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	libs, err := startAll(c, tmp)
	if err != nil {
		return err
	}
	defer func() {
		for _, lib := range libs {
			lib.close()
		}
	}()
	r := newResult(c)
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"own", func() error { return r.own(c.rounds) }},
		{"speed", func() error { return r.compare(libs, c.rounds) }},
		{"accuracy", func() error { return r.accuracies(libs, c) }},
	} {
		if !strings.Contains(c.parts, part.name) {
			continue
		}
		if err := part.run(); err != nil {
			return fmt.Errorf("measure %s: %w", part.name, err)
		}
	}
	r.WallSeconds = time.Since(begin).Seconds()
	return r.save(c.out)
}

// startAll builds goguardml's runner and starts both peers.
func startAll(c config, tmp string) ([]library, error) {
	bin := filepath.Join(tmp, "peer")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir, build.Stderr = "bench/forest/peer", os.Stderr
	if err := build.Run(); err != nil {
		return nil, fmt.Errorf("build goguardml's runner: %w", err)
	}
	goguard, err := startPeer("goguardml", tmp, "", bin)
	if err != nil {
		return nil, err
	}
	sklearn, err := startPeer("scikit-learn", tmp, "", c.python, "bench/forest/sklearn_peer.py")
	if err != nil {
		return nil, err
	}
	return []library{
		&ours{title: "firewatch", workers: 1}, goguard, sklearn,
		&ours{title: "firewatch, all cores"},
	}, nil
}

func (r *result) compare(libs []library, rounds int) error {
	for _, s := range []set{made(3600, 12), made(100_000, 6), made(100_000, 40)} {
		t, err := measureSpeed(libs, s, rounds)
		if err != nil {
			return err
		}
		r.Timings = append(r.Timings, t...)
	}
	return nil
}

func (r *result) own(rounds int) error {
	for _, m := range []func(int) ([]timing, error){measureOwn, measureSize} {
		t, err := m(rounds)
		if err != nil {
			return err
		}
		r.Timings = append(r.Timings, t...)
	}
	return nil
}

func (r *result) accuracies(libs []library, c config) error {
	sets, err := loadSets(c.data)
	if err != nil {
		return err
	}
	if r.Reference, err = loadReference(c.data); err != nil {
		return err
	}
	libs = append(slices.Clone(libs[:3]), &ours{title: "firewatch, boxes", boxes: true})
	for k, lib := range libs {
		a, err := measureAccuracy(lib, sets, func(s set) int {
			switch {
			case k > 0:
				return c.peerSeeds
			case s.name == "http_20k":
				return max(c.seeds, 50)
			}
			return c.seeds
		})
		if err != nil {
			return err
		}
		r.Accuracies = append(r.Accuracies, a...)
	}
	return nil
}
