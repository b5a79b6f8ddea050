package forest

import "fmt"

// chunkRows is how many rows one goroutine takes at a time; chunks are the unit
// of work of ScoreBatch.
const chunkRows = 256

// ScoreBatch writes the score of each row (see Score) to dst and uses
// Options.Workers goroutines. The scores are those of Score, bit for bit.
// dst and rows must have the same length, every row d values and no infinity:
// otherwise ErrInput, and what dst holds is undefined.
func (f *Forest) ScoreBatch(dst []float64, rows [][]float64) error {
	if len(dst) != len(rows) {
		return fmt.Errorf("score batch: %w: %d rows into %d places", ErrInput, len(rows), len(dst))
	}
	for i, row := range rows {
		if len(row) != f.features {
			return fmt.Errorf("score batch: %w: row %d has %d features, want %d", ErrInput, i, len(row), f.features)
		}
	}
	chunks := (len(rows) + chunkRows - 1) / chunkRows
	inParallel(f.opt.workers(chunks), chunks, func() func(int) {
		b := f.newBatcher()
		return func(k int) {
			from := k * chunkRows
			to := min(from+chunkRows, len(rows))
			b.score(dst[from:to], rows[from:to])
		}
	})
	for i, s := range dst {
		if s != s {
			return fmt.Errorf("score batch: %w: row %d holds an infinity", ErrInput, i)
		}
	}
	return nil
}

// batcher scores rows in blocks that fit the nearest cache together with a
// tree: tree after tree over the block, eight rows at a time.
type batcher struct {
	f     *Forest
	block []lanes // groups of eight rows, feature by feature
	sums  [][8]fixed
	odd   [][8]bool // rows that are not finite
}

func (f *Forest) newBatcher() *batcher {
	const blockBytes = 16 << 10
	if f.boxes != nil {
		return &batcher{f: f}
	}
	groups := max(1, min(chunkRows/8, blockBytes/(64*f.features)))
	return &batcher{
		f:     f,
		block: make([]lanes, groups*f.features),
		sums:  make([][8]fixed, groups),
		odd:   make([][8]bool, groups),
	}
}

func (b *batcher) score(dst []float64, rows [][]float64) {
	for size := 8 * len(b.sums); size > 0 && len(rows) >= 8; {
		n := min(size, len(rows)&^7)
		b.scoreBlock(dst[:n], rows[:n])
		dst, rows = dst[n:], rows[n:]
	}
	for i, row := range rows {
		dst[i] = b.f.score(row)
	}
}

// scoreBlock scores a multiple of eight rows.
func (b *batcher) scoreBlock(dst []float64, rows [][]float64) {
	f, d := b.f, b.f.features
	groups := len(rows) / 8
	for g := range groups {
		b.load(g, rows[8*g:8*g+8])
	}
	for _, t := range f.trees {
		for g := range groups {
			pathSum8(f.nodes, t, b.block[g*d:(g+1)*d], &b.sums[g])
		}
	}
	norm := f.norm.float()
	for i, row := range rows {
		if b.odd[i/8][i%8] { // the walk above was for nothing
			dst[i] = f.score(row)
		} else {
			dst[i] = score(b.sums[i/8][i%8].float(), norm)
		}
	}
}

// load makes eight rows group g. What is not finite is replaced by a key that
// every node knows: that of a NaN may lie above a leaf's.
func (b *batcher) load(g int, rows [][]float64) {
	b.sums[g], b.odd[g] = [8]fixed{}, [8]bool{}
	d := b.f.features
	block := b.block[g*d : (g+1)*d]
	for lane, row := range rows {
		for j := range block {
			k := toKey(row[j])
			if !finiteKey(k) {
				k, b.odd[g][lane] = keyLeast, true
			}
			block[j][lane] = k
		}
	}
}
