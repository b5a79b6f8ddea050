package forest

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// The errors of this package wrap one of these, for errors.Is.
var (
	// ErrOptions: an option is out of its range.
	ErrOptions = errors.New("bad option")
	// ErrInput: no rows, a row of the wrong length, or an infinite value.
	ErrInput = errors.New("bad input")
	// ErrFormat: encoded bytes are damaged, too large, or of an unknown version.
	ErrFormat = errors.New("bad encoding")
)

// Limits of the options. They keep a node at 16 bytes and every sum of path
// lengths exact (see node).
const (
	MaxTrees    = 4096    // trees in a forest
	MaxSample   = 32767   // rows per tree
	MaxFeatures = 4096    // columns
	MaxDepth    = 1024    // levels of a tree, also when Options.MaxDepth is negative
	MaxWindow   = 1 << 20 // rows or values that a stream or line keeps
)

// Split says how a node's feature is drawn. In both kinds the split value is
// uniform between the least and the greatest value in the node, and a feature
// that is constant in the node is never split on.
type Split uint8

const (
	// Uniform draws each feature that varies in the node with the same
	// probability: Liu, Ting and Zhou's isolation forest. Scaling a feature
	// changes nothing.
	Uniform Split = iota
	// Proportional draws a feature with probability proportional to its range
	// in the node: the random cut of Guha et al. (2016),
	// https://proceedings.mlr.press/v48/guha16.html. The features must share a unit.
	Proportional
)

// Options configure Train and, within StreamOptions, NewStream. The zero value
// is the usual forest: 100 trees of 256 rows, threshold 0.5.
type Options struct {
	// Trees is the number of trees, 1…4096; 0 means 100.
	Trees int
	// Sample is the number of rows per tree, drawn without replacement,
	// 1…32767; 0 means 256. With fewer rows every tree uses them all, and
	// depth and normalisation follow the real number.
	Sample int
	// MaxDepth is the greatest number of splits above a leaf. 0 means
	// ⌈log2(rows in the tree)⌉ and at least 1; negative means until every row
	// is alone or equals its neighbours, at most 1024.
	MaxDepth int
	// Leaf is the number of rows that are not split any more, 1…Sample; 0 means
	// 1. A leaf of n rows counts as c(n) levels, so scores are coarser where
	// the rows are dense, and a tree has a fraction of the nodes: of 256 rows,
	// with Leaf 8, about a quarter.
	Leaf int
	// Seed fixes every random choice: the same rows, options and seed give the
	// same forest bit for bit on one GOARCH, whatever GOMAXPROCS and Workers.
	Seed uint64
	// Split is how a node's feature is drawn.
	Split Split
	// Boxes keeps the bounding box of the rows at every inner node and scores a
	// row as if it were inserted (see Forest.Score): scores keep rising with
	// the distance from the data, at 10 to 30 times the cost of a score and
	// 8 bytes per feature and inner node.
	Boxes bool
	// Contamination is the share of the training rows to flag, in (0, 0.5]:
	// the threshold becomes the linearly interpolated 1−Contamination quantile
	// of their scores. 0 means "auto", the threshold 0.5. Stream ignores it.
	Contamination float64
	// Workers is the number of goroutines Train and ScoreBatch use; 0 means
	// GOMAXPROCS. It never changes a result.
	Workers int
}

// withDefaults fills in the defaults and checks the ranges.
func (o Options) withDefaults() (Options, error) {
	if o.Trees == 0 {
		o.Trees = 100
	}
	if o.Sample == 0 {
		o.Sample = 256
	}
	if o.Leaf == 0 {
		o.Leaf = 1
	}
	switch {
	case o.Trees < 0 || o.Trees > MaxTrees:
		return o, fmt.Errorf("%w: Trees %d is not in 1…%d", ErrOptions, o.Trees, MaxTrees)
	case o.Sample < 0 || o.Sample > MaxSample:
		return o, fmt.Errorf("%w: Sample %d is not in 1…%d", ErrOptions, o.Sample, MaxSample)
	case o.Leaf < 0 || o.Leaf > o.Sample:
		return o, fmt.Errorf("%w: Leaf %d is not in 1…Sample %d", ErrOptions, o.Leaf, o.Sample)
	case o.MaxDepth > MaxDepth:
		return o, fmt.Errorf("%w: MaxDepth %d is over %d", ErrOptions, o.MaxDepth, MaxDepth)
	case o.Split > Proportional:
		return o, fmt.Errorf("%w: Split %d is unknown", ErrOptions, o.Split)
	case math.IsNaN(o.Contamination) || o.Contamination < 0 || o.Contamination > 0.5:
		return o, fmt.Errorf("%w: Contamination %v is not in [0, 0.5]", ErrOptions, o.Contamination)
	case o.Workers < 0:
		return o, fmt.Errorf("%w: Workers %d is negative", ErrOptions, o.Workers)
	}
	return o, nil
}

// depthLimit is the depth limit of a tree of n rows.
func (o Options) depthLimit(n int) int {
	switch {
	case o.MaxDepth < 0:
		return MaxDepth
	case o.MaxDepth > 0:
		return o.MaxDepth
	}
	return max(1, bits.Len(uint(n-1))) // ⌈log2 n⌉
}

// extra is 1 where the row that is scored counts as one of a node's rows.
func (o Options) extra() int {
	if o.Boxes {
		return 1
	}
	return 0
}
