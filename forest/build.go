package forest

import "math"

// builder grows one tree at a time and keeps its buffers from tree to tree.
type builder struct {
	opt      Options
	features int
	missing  bool    // rows may hold NaN
	table    []fixed // c(n), up to opt.Sample+1
	picker   picker
	rng      rng
	limit    int // of depth

	buf    [][]float64 // room for a sample
	sample [][]float64
	order  []uint16  // the sample's rows; a node owns order[lo:hi]
	side   []uint16  // scratch of partition
	values []float64 // of the feature being cut, along order
	feats  []uint16  // a node's varying features are feats[:active]

	nodes []node // the tree; children are indices from its root
	depth int    // of its deepest leaf
	box   boxBuilder
}

func newBuilder(o Options, features int, missing bool) *builder {
	b := &builder{
		opt: o, features: features, missing: missing,
		table:  pathTable(o.Sample + 1),
		buf:    make([][]float64, o.Sample),
		order:  make([]uint16, o.Sample),
		side:   make([]uint16, o.Sample),
		values: make([]float64, o.Sample),
		feats:  make([]uint16, features),
	}
	b.box.init(o, features)
	return b
}

// build grows the tree with the given generator from rows of data. The result
// is valid until the next build.
func (b *builder) build(data [][]float64, r rng) grown {
	b.rng = r
	b.sample = b.picker.draw(b.buf, data, &b.rng)
	m := len(b.sample)
	b.limit = b.opt.depthLimit(m)
	for i := range m {
		b.order[i] = uint16(i)
	}
	for j := range b.feats {
		b.feats[j] = uint16(j)
	}
	b.box.start(b.sample)
	b.depth = 0
	b.nodes = append(b.nodes[:0], node{})
	b.grow(0, 0, m, 0, b.features)
	return grown{
		rows: m, depth: b.depth, norm: b.table[m+b.opt.extra()],
		nodes: b.nodes, sides: b.box.sides, frame: b.box.keptFrame(),
	}
}

// grow makes nodes[at] of order[lo:hi]. Features outside feats[:active] are
// known to be constant there; children only permute feats[:active], so the set
// is intact when the second child is grown.
func (b *builder) grow(at uint32, lo, hi, depth, active int) {
	b.nodes[at].size = uint16(hi - lo)
	var feat uint16
	var split float64
	ok := false
	if hi-lo > 1 && depth < b.limit {
		if b.opt.Split == Proportional {
			feat, split, active, ok = b.cutProportional(lo, hi, active)
		} else {
			feat, split, active, ok = b.cutUniform(lo, hi, active)
		}
	}
	if !ok {
		b.leaf(at, hi-lo, depth)
		return
	}
	nanGoes := uint16(0)
	if b.missing {
		nanGoes = b.routeMissing(lo, hi, split)
	}
	mid := b.partition(lo, hi, split)
	if !b.missing && hi-mid >= mid-lo {
		nanGoes = nanRight
	}
	left := uint32(len(b.nodes))
	b.nodes = append(b.nodes, node{}, node{})
	n := &b.nodes[at]
	n.split, n.feat, n.child = split, feat, left
	n.size |= nanGoes
	b.grow(left, lo, mid, depth+1, active)
	b.grow(left+1, mid, hi, depth+1, active)
	b.box.join(b, left, lo, mid, hi)
}

func (b *builder) leaf(at uint32, rows, depth int) {
	b.depth = max(b.depth, depth)
	n := &b.nodes[at]
	n.child = at
	n.split = leafSplit(fixed(depth)*fixedOne + b.table[rows+b.opt.extra()])
}

// cutUniform draws features until one varies in order[lo:hi]. It leaves the
// values of that feature in b.values[lo:hi].
func (b *builder) cutUniform(lo, hi, active int) (feat uint16, split float64, left int, ok bool) {
	for active > 0 {
		k := b.rng.below(active)
		feat = b.feats[k]
		least, greatest := b.gather(feat, lo, hi)
		if least < greatest {
			return feat, b.between(least, greatest), active, true
		}
		active--
		b.feats[k], b.feats[active] = b.feats[active], feat
	}
	return 0, 0, 0, false
}

// cutProportional draws a feature with probability proportional to its range
// in order[lo:hi], measured in the tree's frame so that no sum overflows.
func (b *builder) cutProportional(lo, hi, active int) (feat uint16, split float64, left int, ok bool) {
	widths := b.box.widths
	total := 0.0
	for k := 0; k < active; {
		f := b.feats[k]
		least, greatest := b.gather(f, lo, hi)
		if !(least < greatest) {
			active--
			b.feats[k], b.feats[active] = b.feats[active], f
			continue
		}
		widths[k] = b.box.width(int(f), least, greatest)
		total += widths[k]
		k++
	}
	if active == 0 {
		return 0, 0, 0, false
	}
	at, k := total*b.rng.unit(), 0
	for k < active-1 && at > widths[k] {
		at -= widths[k]
		k++
	}
	least, greatest := b.gather(b.feats[k], lo, hi)
	return b.feats[k], b.between(least, greatest), active, true
}

// gather copies feature f of order[lo:hi] to b.values and returns its least and
// greatest value; +Inf and −Inf where all are NaN.
func (b *builder) gather(f uint16, lo, hi int) (least, greatest float64) {
	least, greatest = math.Inf(1), math.Inf(-1)
	values := b.values[lo:hi]
	for k, i := range b.order[lo:hi] {
		v := b.sample[i][f]
		values[k] = v
		if v < least {
			least = v
		}
		if v > greatest {
			greatest = v
		}
	}
	return least, greatest
}

// between draws a split in (least, greatest]: neither side is empty, and the
// weighted form does not overflow near ±MaxFloat64.
func (b *builder) between(least, greatest float64) float64 {
	u := b.rng.unit()
	s := least*(1-u) + greatest*u
	if s > least && s <= greatest {
		return s
	}
	return greatest // rounding left nothing in between
}

// routeMissing decides where NaN goes: with the greater part of the rows that
// have a value, right if equal. It writes that into b.values[lo:hi].
func (b *builder) routeMissing(lo, hi int, split float64) uint16 {
	balance := 0
	for _, v := range b.values[lo:hi] {
		if v >= split {
			balance++
		} else if v < split {
			balance--
		}
	}
	stand, goes := math.Inf(-1), uint16(0)
	if balance >= 0 {
		stand, goes = math.Inf(1), nanRight
	}
	for k, v := range b.values[lo:hi] {
		if v != v {
			b.values[lo+k] = stand
		}
	}
	return goes
}

// partition moves the rows of order[lo:hi] whose value is below split to the
// front, keeping their order on both sides, and returns the border.
func (b *builder) partition(lo, hi int, split float64) int {
	order, values, side := b.order[lo:hi], b.values[lo:hi], b.side[:hi-lo]
	l, r := 0, 0
	for k, i := range order {
		order[l], side[r] = i, i
		above := int(right(values[k], split))
		l += 1 - above
		r += above
	}
	copy(order[l:], side[:r])
	return lo + l
}
