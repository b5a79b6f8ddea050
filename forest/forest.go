package forest

// Features returns d, the number of features of a row.
func (f *Forest) Features() int { return f.features }

// Options returns the options of the forest with the defaults filled in.
func (f *Forest) Options() Options { return f.opt }

// Bytes returns the memory that the trees occupy, in bytes.
func (f *Forest) Bytes() int { return f.bytes() }

// Score returns how isolated x, of length d, is among the training rows: in
// (0, 1], 0.5 for the average row, towards 1 the fewer cuts part it from them:
//
//	2^(−E(h(x))/c(n))
//
// (Liu, Ting and Zhou 2008, doi:10.1109/ICDM.2008.17, eq. 2), where h is depth
// plus c(rows of the leaf), averaged over the trees, and n the rows per tree.
// This is scikit-learn's −score_samples.
//
// With Options.Boxes, h is the expected depth that x would have if it were
// inserted into the tree, and n counts x: unlike the score above, this one
// keeps rising as x moves away from the data.
//
// NaN values of x are missing (see Train). The result is NaN if x holds an
// infinity or has not d values. Score allocates nothing (with Boxes: up to 256
// features) and is safe for concurrent use.
func (f *Forest) Score(x []float64) float64 {
	if len(x) != f.features {
		return nan
	}
	return f.score(x)
}
