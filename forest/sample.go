package forest

import "math/bits"

// picker draws rows without replacement with Floyd's algorithm (Bentley and
// Floyd 1987, doi:10.1145/30401.315746), whose cost depends on the number
// drawn, not on the number of rows.
type picker struct{ taken []uint64 } // a bit per row, all zero between draws

// draw fills dst with different rows of data; with too few rows, all of them.
// It returns the part of dst that it filled.
func (p *picker) draw(dst, data [][]float64, r *rng) [][]float64 {
	n, m := len(data), len(dst)
	if m >= n {
		return dst[:copy(dst, data)]
	}
	if words := (n + 63) / 64; len(p.taken) < words {
		p.taken = make([]uint64, words)
	}
	for k := range dst {
		j := n - m + k
		i := r.below(j + 1)
		if p.taken[i/64]&(1<<(i%64)) != 0 {
			i = j
		}
		p.taken[i/64] |= 1 << (i % 64)
	}
	p.collect(dst, data)
	return dst
}

// collect copies the rows whose bits are set to dst, in order, and clears them.
func (p *picker) collect(dst, data [][]float64) {
	k := 0
	for w := range p.taken[:(len(data)+63)/64] {
		for set := p.taken[w]; set != 0; set &= set - 1 {
			dst[k] = data[w*64+bits.TrailingZeros64(set)]
			k++
		}
		p.taken[w] = 0
	}
}
