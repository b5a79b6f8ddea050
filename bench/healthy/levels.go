package main

import (
	"fmt"
	"maps"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/collect"
)

// printLevels prints what each metric is at 1 s and as 10 s means, all targets
// together: a threshold belongs beyond all of it.
func printLevels(path string) error {
	type run struct{ one, ten []float64 }
	all := map[string]*run{}
	sums := map[[2]string][]float64{}
	if _, err := frames(path, func(f collect.Frame) {
		for _, s := range f.Samples {
			r := all[s.Metric]
			if r == nil {
				r = &run{}
				all[s.Metric] = r
			}
			r.one = append(r.one, s.Value)
			k := [2]string{s.Metric, s.Target}
			if sums[k] = append(sums[k], s.Value); len(sums[k]) == 10 {
				r.ten = append(r.ten, stat.Mean(sums[k], nil))
				sums[k] = sums[k][:0]
			}
		}
	}); err != nil {
		return err
	}
	fmt.Printf("| metric | p1 | p50 | p90 | p99 | max | p99 of 10 s | max of 10 s |\n|---|---|---|---|---|---|---|---|\n")
	for _, m := range slices.Sorted(maps.Keys(all)) {
		r := all[m]
		slices.Sort(r.one)
		slices.Sort(r.ten)
		q := func(v []float64, p float64) float64 {
			if len(v) == 0 {
				return 0
			}
			return stat.Quantile(p, stat.Empirical, v, nil)
		}
		fmt.Printf("| %s | %.4g | %.4g | %.4g | %.4g | %.4g | %.4g | %.4g |\n", m, q(r.one, 0.01), q(r.one, 0.5), q(r.one, 0.9), q(r.one, 0.99), q(r.one, 1), q(r.ten, 0.99), q(r.ten, 1))
	}
	return nil
}
