package forest

import "math"

// PathLength returns c(n) = 2·H(n−1) − 2·(n−1)/n, the average path length of an
// unsuccessful search in a binary search tree of n keys, which normalises
// isolation depths: Liu, Ting and Zhou 2008, doi:10.1109/ICDM.2008.17, eq. 1
// (2012, doi:10.1145/2133360.2133363, eq. 1). H is the exact harmonic number,
// not ln+γ, so c(2) = 1 without a special case. c(n) = 0 for n ≤ 1.
func PathLength(n int) float64 {
	if n <= 1 {
		return 0
	}
	m := float64(n - 1)
	return 2*harmonic(n-1) - 2*m/float64(n)
}

// harmonic returns H(n): the sum itself up to 64, beyond that the first terms
// of its asymptotic series, whose error is below 1e-14 there
// (https://dlmf.nist.gov/5.11.E2).
func harmonic(n int) float64 {
	if n <= 64 {
		var h float64
		for k := n; k > 0; k-- {
			h += 1 / float64(k)
		}
		return h
	}
	const eulerGamma = 0.57721566490153286060651209008240243
	x := float64(n)
	y := 1 / (x * x)
	return math.Log(x) + eulerGamma + 1/(2*x) - y*(1.0/12-y*(1.0/120-y/252))
}

// fixed is a path length in units of 2^-40. Sums of fixed do not depend on
// their order, so every way of walking the trees gives the same bits.
type fixed int64

const fixedOne = 1 << 40

func (v fixed) float() float64 { return float64(v) * 0x1p-40 }

func toFixed(v float64) fixed { return fixed(math.RoundToEven(v * fixedOne)) }

// pathTable returns c(0)…c(n) as fixed.
func pathTable(n int) []fixed {
	t := make([]fixed, n+1)
	for i := range t {
		t[i] = toFixed(PathLength(i))
	}
	return t
}

// score is 2^(−sum/norm) (Liu et al. 2008, eq. 2), where sum and norm are the
// path lengths and the c(n) added up over the same trees. Nothing to compare
// with (norm 0: no trees, or one row) is 0.5.
func score(sum, norm float64) float64 {
	if norm <= 0 {
		return 0.5
	}
	return math.Exp2(-sum / norm)
}
