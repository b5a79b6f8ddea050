package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/forest"
)

// timing is one figure: seconds (or bytes) per repetition, in the order they
// were taken.
type timing struct {
	Figure  string    `json:"figure"`
	Set     string    `json:"set"`
	Library string    `json:"library"`
	Unit    string    `json:"unit"`
	Values  []float64 `json:"values"`
	Allocs  float64   `json:"allocs"` // per call, where counted
}

// measureSpeed times fit, batch score and single rows of all libraries on one
// set; each round visits every library, so that a busy machine hits them alike.
func measureSpeed(libs []library, s set, rounds int) ([]timing, error) {
	figures := []string{"fit", "score", "one row"}
	all := make([]timing, 0, len(figures)*len(libs))
	for _, lib := range libs {
		if err := lib.load(s); err != nil {
			return nil, err
		}
		for _, figure := range figures {
			all = append(all, timing{Figure: figure, Set: s.name, Library: lib.name(), Unit: "s"})
		}
	}
	for round := range rounds {
		for k, lib := range libs {
			calls := 2000
			if lib.name() == "scikit-learn" {
				calls = 20
			}
			for i, measure := range []func() (float64, error){
				func() (float64, error) { return lib.fit(round + 1) },
				lib.score,
				func() (float64, error) { return lib.one(calls) },
			} {
				v, err := measure()
				if err != nil {
					return nil, err
				}
				t := &all[k*len(figures)+i]
				t.Values = append(t.Values, v)
			}
		}
		progress("speed %s: round %d of %d", s.name, round+1, rounds)
	}
	return all, nil
}

// perCall repeats do in rounds of about 20 ms and notes the seconds per call.
func perCall(figure, set string, rounds int, do func()) timing {
	t := timing{Figure: figure, Set: set, Library: "firewatch", Unit: "s"}
	calls := 1
	for {
		begin := time.Now()
		for range calls {
			do()
		}
		if time.Since(begin) > 20*time.Millisecond {
			break
		}
		calls *= 2
	}
	for range rounds {
		begin := time.Now()
		for range calls {
			do()
		}
		t.Values = append(t.Values, time.Since(begin).Seconds()/float64(calls))
	}
	t.Allocs = testing.AllocsPerRun(calls, do)
	return t
}

// measureOwn times what only this package has.
func measureOwn(rounds int) ([]timing, error) {
	s := made(3600, 12)
	i := 0
	next := func(rows [][]float64) []float64 { i++; return rows[i%len(rows)] }
	stream, err := warmStream(s.rows, forest.Options{})
	if err != nil {
		return nil, err
	}
	dst := make([]float64, 12)
	all := []timing{
		perCall("stream update", "100×256×12", rounds, func() { _ = stream.Update(next(s.rows)) }),
		perCall("stream score", "100×256×12", rounds, func() { stream.Score(next(s.rows)) }),
		perCall("stream attribution", "100×256×12", rounds, func() { stream.Contributions(dst, next(s.rows)) }),
	}
	for _, c := range []struct {
		name                    string
		trees, sample, features int
	}{{"10×256×4", 10, 256, 4}, {"30×1024×12", 30, 1024, 12}} {
		rows := made(3600, c.features).rows
		for _, deep := range []struct {
			suffix string
			depth  int
		}{{"", 0}, {", full depth", -1}} {
			stream, err := warmStream(rows, forest.Options{
				Trees: c.trees, Sample: c.sample, MaxDepth: deep.depth, Boxes: true,
			})
			if err != nil {
				return nil, err
			}
			all = append(all,
				perCall("box score + update", c.name+deep.suffix, rounds, func() { _, _ = stream.Observe(next(rows)) }),
				perCall("box score", c.name+deep.suffix, rounds, func() { stream.Score(next(rows)) }))
		}
	}
	line, err := forest.NewLine(forest.LineOptions{Window: 4096})
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 8192 {
		_ = line.Insert(r.NormFloat64())
	}
	return append(all,
		perCall("line score", "4096", rounds, func() { line.Score(r.NormFloat64()) }),
		perCall("line insert", "4096", rounds, func() { _ = line.Insert(r.NormFloat64()) }),
	), nil
}

// boxEvery is how many rows pass between two trees in the streams with boxes.
const boxEvery = 8

func warmStream(rows [][]float64, o forest.Options) (*forest.Stream, error) {
	so := forest.StreamOptions{Options: o, Features: len(rows[0]), Window: len(rows)}
	if o.Boxes {
		so.Every = boxEvery
	}
	s, err := forest.NewStream(so)
	if err != nil {
		return nil, err
	}
	for range 2 {
		for _, row := range rows {
			if err := s.Update(row); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// measureSize notes the memory of a model of 100 trees × 256 rows.
func measureSize(int) ([]timing, error) {
	var all []timing
	for _, d := range []int{6, 12} {
		s := made(3600, d)
		for _, boxes := range []bool{false, true} {
			f, err := forest.Train(s.rows, forest.Options{Seed: 1, Boxes: boxes})
			if err != nil {
				return nil, err
			}
			figure := "model"
			if boxes {
				figure = "model with boxes"
			}
			all = append(all, timing{
				Figure: figure, Set: s.name, Library: "firewatch", Unit: "bytes",
				Values: []float64{float64(f.Bytes())},
			})
		}
	}
	return all, nil
}
