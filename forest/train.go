package forest

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Forest is a trained isolation forest. It does not change after Train, apart
// from SetThreshold, and all its methods but that one may run concurrently.
type Forest struct {
	grove
	opt       Options
	threshold float64
}

// Train grows a forest from rows, each of the same length d in 1…4096. It
// reads rows and keeps none of them.
//
// NaN is a missing value: it takes no part in a node's range and goes with the
// greater part of the node's rows that have the value, in training and in
// scoring. An infinity anywhere, no rows, or rows of different lengths are
// ErrInput; options out of range are ErrOptions. One row, constant rows and
// duplicates are fine: what cannot be told apart scores 0.5.
func Train(rows [][]float64, o Options) (*Forest, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("train forest: %w", err)
	}
	missing, err := checkRows(rows, o.workers(len(rows)))
	if err != nil {
		return nil, fmt.Errorf("train forest: %w", err)
	}
	f := &Forest{opt: o, threshold: 0.5}
	f.assemble(len(rows[0]), plant(rows, o, missing))
	if o.Contamination > 0 {
		scores := make([]float64, len(rows))
		if err := f.ScoreBatch(scores, rows); err != nil {
			return nil, fmt.Errorf("train forest: %w", err)
		}
		f.threshold = quantile(scores, 1-o.Contamination)
	}
	return f, nil
}

// checkRows checks all rows on several goroutines and reports whether some
// value is NaN. Of several faults it names the first.
func checkRows(rows [][]float64, workers int) (missing bool, err error) {
	if len(rows) == 0 {
		return false, fmt.Errorf("%w: no rows", ErrInput)
	}
	d := len(rows[0])
	if d == 0 || d > MaxFeatures {
		return false, fmt.Errorf("%w: rows have %d features, want 1…%d", ErrInput, d, MaxFeatures)
	}
	chunks := (len(rows) + checkChunk - 1) / checkChunk
	bad, holes := make([]int, chunks), make([]bool, chunks)
	inParallel(min(workers, chunks), chunks, func() func(int) {
		return func(k int) {
			from := k * checkChunk
			bad[k], holes[k] = checkChunkRows(rows[from:min(from+checkChunk, len(rows))], d)
		}
	})
	for k, i := range bad {
		missing = missing || holes[k]
		if i < 0 {
			continue
		}
		i += k * checkChunk
		if len(rows[i]) != d {
			return false, fmt.Errorf("%w: row %d has %d features, row 0 has %d", ErrInput, i, len(rows[i]), d)
		}
		return false, fmt.Errorf("%w: row %d holds an infinity", ErrInput, i)
	}
	return missing, nil
}

const checkChunk = 4096 // rows

// checkChunkRows returns the first row that is not d finite numbers or NaN, or
// −1, and whether one holds NaN.
func checkChunkRows(rows [][]float64, d int) (bad int, missing bool) {
	for i, row := range rows {
		if len(row) != d {
			return i, missing
		}
		switch classify(row) {
		case holdsInf:
			return i, missing
		case holdsNaN:
			missing = true
		}
	}
	return -1, missing
}

// plant grows the trees, each from its own seed.
func plant(rows [][]float64, o Options, missing bool) []grown {
	o.Sample = min(o.Sample, len(rows))
	trees := make([]grown, o.Trees)
	row := func(i int) []float64 { return rows[i] }
	inParallel(o.workers(o.Trees), o.Trees, func() func(int) {
		b := newBuilder(o, len(rows[0]), missing)
		return func(t int) { trees[t] = b.build(len(rows), row, seedFor(o.Seed, 0, t)).clone() }
	})
	return trees
}

// assemble lays the trees end to end.
func (f *Forest) assemble(features int, trees []grown) {
	total, o := 0, f.opt
	o.Sample = 0
	for _, src := range trees {
		total += len(src.nodes)
		o.Sample = max(o.Sample, src.rows)
	}
	f.grove = newGrove(o, features, total)
	root := uint32(0)
	for t, src := range trees {
		f.put(t, root, src)
		root += uint32(len(src.nodes))
	}
}

// workers is how many goroutines are worth starting for a number of tasks.
func (o Options) workers(tasks int) int {
	n := o.Workers
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, min(n, tasks))
}

// inParallel calls do for every task on several goroutines, each with a
// function of its own that start returns.
func inParallel(workers, tasks int, start func() func(task int)) {
	if workers == 1 {
		do := start()
		for i := range tasks {
			do(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			do := start()
			for i := int(next.Add(1)) - 1; i < tasks; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
