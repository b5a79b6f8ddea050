// Package forest finds rows of numbers that are easily told apart from the
// others: isolation forests (Liu, Ting and Zhou 2008,
// doi:10.1109/ICDM.2008.17; 2012, doi:10.1145/2133360.2133363) for data at rest
// and for streams, in Go with the standard library alone.
//
// Which type for which need:
//
//   - Rows at rest, or a model to keep: [Train] gives a [Forest]; score with
//     [Forest.Score] or, for many rows, [Forest.ScoreBatch]; flag with
//     [Forest.Predict], whose threshold is scikit-learn's.
//   - Rows that keep coming, judged by those before them: [NewStream] gives a
//     [Stream] that learns with [Stream.Update] or [Stream.Observe].
//   - One number that keeps coming: [NewLine] gives a [Line], the exact limit of
//     infinitely many trees, without noise and without a model to train.
//   - Which feature is to blame: Contributions of Forest or Stream.
//   - How far out, and not only that it is out: [Options].Boxes. A plain forest
//     gives all rows beyond its data the same score; with boxes, and in a Line,
//     scores rise with the distance.
//   - Features that share a unit and in which only distance counts: [Proportional]
//     cuts. Otherwise [Uniform], which does not care about units.
//
// A score is in (0, 1]: 0.5 is the average row, the usual rows of a dense
// cluster lie around 0.4, 0.6 is worth a look, 0.8 is far out. A row that is
// unusual in one of several features may stay near 0.5 without boxes, because
// few cuts ask about that feature beyond its range; with boxes it does not.
// Scores depend on the seed, by about 0.01 with 100 trees.
//
// What holds for all types: NaN is a missing value and never a fault; an
// infinity is an error, or a score of NaN. No method panics on data. The same
// input, options and seed give the same bits on one GOARCH, whatever the number
// of processors. Scoring allocates nothing for up to 256 features; updates
// allocate nothing in the steady state. Encode and the Decode functions carry
// the whole state of a type, from one version of this package to the next.
//
// What is not here: kernels, extended (oblique) cuts, categorical features,
// training on labels. Features beyond a dozen or two dilute each other: split
// them into groups that belong together.
package forest
