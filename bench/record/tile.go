package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// epoch is when made histories begin.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// tiles makes frames without end from a recording: where it has too few
// series they are repeated under other targets and shifted in time, and it
// starts over at its end.
type tiles struct {
	jitter []time.Duration
	errors []map[string]string
	series []collect.Sample
	values [][]float64 // of each series; NaN = missing
	i      int
}

const shift = 487 // seconds between a series and its repetition

func newTiles(path string, series int) (*tiles, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := record.NewReader(f)
	if err != nil {
		return nil, err
	}
	t := &tiles{}
	index := map[record.Series]int{}
	var all []collect.Sample
	var columns [][]float64
	n := 0
	for frame, err := range r.Frames() {
		if err != nil {
			return nil, err
		}
		t.jitter = append(t.jitter, time.Duration(frame.Time.Nanosecond()/1000))
		t.errors = append(t.errors, frame.Errors)
		for _, s := range frame.Samples {
			k := record.Series{Metric: s.Metric, Target: s.Target}
			i, ok := index[k]
			if !ok {
				i = len(all)
				index[k] = i
				all = append(all, s)
				columns = append(columns, nil)
			}
			for len(columns[i]) < n {
				columns[i] = append(columns[i], math.NaN())
			}
			columns[i] = append(columns[i], s.Value)
		}
		n++
	}
	if n < 100 {
		return nil, errors.New("the recording is too short")
	}
	for i := range columns {
		for len(columns[i]) < n {
			columns[i] = append(columns[i], math.NaN())
		}
	}
	for i := range series {
		from := i % len(all)
		if series < len(all) {
			from = i * len(all) / series
		}
		s, values := all[from], columns[from]
		if turn := i / len(all); turn > 0 {
			s.Target += fmt.Sprintf("-%d", turn)
			by := turn * shift % n
			values = append(values[by:n:n], values[:by]...)
		}
		t.series, t.values = append(t.series, s), append(t.values, values)
	}
	return t, nil
}

// next makes the next frame, in memory of its own.
func (t *tiles) next() collect.Frame {
	at := t.i % len(t.jitter)
	f := collect.Frame{Time: epoch.Add(time.Duration(t.i)*time.Second + t.jitter[at]), Errors: t.errors[at]}
	if t.i > 0 {
		last := (t.i - 1) % len(t.jitter)
		f.Elapsed = time.Second + t.jitter[at] - t.jitter[last]
	}
	f.Samples = make([]collect.Sample, 0, len(t.series))
	for i, s := range t.series {
		if s.Value = t.values[i][at]; !math.IsNaN(s.Value) {
			f.Samples = append(f.Samples, s)
		}
	}
	t.i++
	return f
}
