package forest

// picker draws rows without replacement with Floyd's algorithm (Bentley and
// Floyd 1987, doi:10.1145/30401.315746), whose cost depends on the number
// drawn, not on the number of rows.
type picker struct {
	taken []uint64 // a bit per row, all zero between draws
	drawn []int
}

// draw copies m different rows of n one after the other to dst, all rows if there
// are no more than m; row is the i-th. It returns how many it copied.
func (p *picker) draw(dst []float64, n int, row func(i int) []float64, m int, r *rng) int {
	d := len(row(0))
	if m >= n {
		for i := range n {
			copy(dst[i*d:], row(i))
		}
		return n
	}
	if words := (n + 63) / 64; len(p.taken) < words {
		p.taken = make([]uint64, words)
	}
	p.drawn = p.drawn[:0]
	for j := n - m; j < n; j++ {
		i := r.below(j + 1)
		if p.taken[i/64]&(1<<(i%64)) != 0 {
			i = j
		}
		p.taken[i/64] |= 1 << (i % 64)
		p.drawn = append(p.drawn, i)
	}
	for k, i := range p.drawn {
		p.taken[i/64] = 0
		copy(dst[k*d:(k+1)*d], row(i))
	}
	return m
}
