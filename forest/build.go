package forest

import "math/bits"

// builder grows one tree at a time and keeps its buffers from tree to tree.
type builder struct {
	opt      Options
	features int
	missing  bool    // rows may hold NaN
	table    []fixed // c(n), up to opt.Sample+1
	picker   picker
	rng      rng
	limit    int // of depth

	sample []float64 // the tree's rows, one after the other
	order  []uint32  // where they begin in sample; a node owns order[lo:hi]
	side   []uint32  // scratch of partition
	keys   []uint64  // of the feature being cut, along order
	feats  []uint16  // a node's varying features are feats[:active]
	packed []byte    // scratch of a stream whose trees are packed

	nodes []node // the tree; children are indices from its root
	depth int    // of its deepest leaf
	box   boxBuilder
}

func newBuilder(o Options, features int, missing bool) *builder {
	b := &builder{
		opt: o, features: features, missing: missing,
		table:  pathTable(o.Sample + 1),
		sample: make([]float64, o.Sample*features),
		order:  make([]uint32, o.Sample),
		side:   make([]uint32, o.Sample),
		keys:   make([]uint64, o.Sample),
		feats:  make([]uint16, features),
	}
	b.box.init(o, features)
	return b
}

// build grows the tree with the given generator from n rows, of which row is the
// i-th. The result is valid until the next build.
func (b *builder) build(n int, row func(i int) []float64, r rng) grown {
	b.rng = r
	m := b.picker.draw(b.sample, n, row, b.opt.Sample, &b.rng)
	b.limit = b.opt.depthLimit(m)
	for i := range m {
		b.order[i] = uint32(i * b.features)
	}
	for j := range b.feats {
		b.feats[j] = uint16(j)
	}
	b.box.start(b.sample[:m*b.features])
	b.depth = 0
	b.nodes = append(b.nodes[:0], node{})
	b.grow(0, 0, m, 0, b.features)
	return grown{
		rows: m, depth: b.depth, norm: b.table[m+b.opt.extra()],
		nodes: b.nodes, sides: b.box.sides, frame: b.box.keptFrame(),
	}
}

// cut is a feature and the key of the split on it.
type cut struct {
	feat  uint16
	split uint64
}

// grow makes nodes[at] of order[lo:hi]. Features outside feats[:active] are
// known to be constant there; children only permute feats[:active], so the set
// is intact when the second child is grown.
func (b *builder) grow(at uint32, lo, hi, depth, active int) {
	b.nodes[at].size = uint16(hi - lo)
	var c cut
	if hi-lo > b.opt.Leaf && depth < b.limit {
		if b.opt.Split == Proportional {
			c, active = b.cutProportional(lo, hi, active)
		} else {
			c, active = b.cutUniform(lo, hi, active)
		}
		if active == 0 && b.opt.Boxes {
			b.twins(at, lo, hi, depth)
			return
		}
	} else {
		active = 0
	}
	if active == 0 {
		b.leaf(at, hi-lo, depth)
		return
	}
	goes := uint16(0)
	if b.missing {
		goes = b.routeMissing(lo, hi, c.split)
	}
	mid := b.partition(lo, hi, c.split)
	if !b.missing && hi-mid >= mid-lo {
		goes = nanRight
	}
	left := uint32(len(b.nodes))
	b.nodes = append(b.nodes, node{}, node{})
	b.nodes[at] = node{key: c.split - 1, child: left, feat: c.feat, size: uint16(hi-lo) | goes}
	b.grow(left, lo, mid, depth+1, active)
	b.grow(left+1, mid, hi, depth+1, active)
	b.box.join(b, left, lo, mid, hi)
}

// twins makes nodes[at] of rows that are all equal, in a tree with boxes. A row
// that differs from them is cut off right there, so the leaf gets a box: it
// becomes the only child that is ever taken of an inner node, at the same depth.
func (b *builder) twins(at uint32, lo, hi, depth int) {
	left := uint32(len(b.nodes))
	rows := uint16(hi - lo)
	b.nodes = append(b.nodes, node{size: rows}, node{})
	b.nodes[at] = node{key: keyTwins, child: left, size: rows}
	b.leaf(left, hi-lo, depth)
	b.leaf(left+1, 0, depth)
	b.box.join(b, left, lo, hi, hi)
}

func (b *builder) leaf(at uint32, rows, depth int) {
	b.depth = max(b.depth, depth)
	n := &b.nodes[at]
	n.child = at
	n.key = leafOf(fixed(depth)*fixedOne + b.table[rows+b.opt.extra()])
}

// cutUniform draws features until one varies in order[lo:hi], and returns how
// many may still vary, 0 if none does. It leaves the keys of the feature in
// b.keys[lo:hi].
func (b *builder) cutUniform(lo, hi, active int) (c cut, left int) {
	for active > 0 {
		k := b.rng.below(active)
		feat := b.feats[k]
		least, greatest := b.gather(feat, lo, hi)
		if least < greatest {
			return cut{feat, b.between(least, greatest)}, active
		}
		active--
		b.feats[k], b.feats[active] = b.feats[active], feat
	}
	return cut{}, 0
}

// cutProportional draws a feature with probability proportional to its range
// in order[lo:hi], measured in the tree's frame so that no sum overflows.
func (b *builder) cutProportional(lo, hi, active int) (c cut, left int) {
	widths := b.box.widths
	total := 0.0
	for k := 0; k < active; {
		f := b.feats[k]
		least, greatest := b.gather(f, lo, hi)
		if least >= greatest {
			active--
			b.feats[k], b.feats[active] = b.feats[active], f
			continue
		}
		widths[k] = b.box.width(int(f), fromKey(least), fromKey(greatest))
		total += widths[k]
		k++
	}
	if active == 0 {
		return cut{}, 0
	}
	at, k := total*b.rng.unit(), 0
	for k < active-1 && at > widths[k] {
		at -= widths[k]
		k++
	}
	least, greatest := b.gather(b.feats[k], lo, hi)
	return cut{b.feats[k], b.between(least, greatest)}, active
}

// gather copies the keys of feature f of order[lo:hi] to b.keys and returns the
// least and the greatest, NaN apart; the least is above where all are NaN.
func (b *builder) gather(f uint16, lo, hi int) (least, greatest uint64) {
	least, greatest = keyMissing, 0
	keys := b.keys[lo:hi]
	column := b.sample[f:]
	for j, i := range b.order[lo:hi] {
		k := toKey(column[i])
		keys[j] = k
		least, greatest = min(least, k), max(greatest, k)
	}
	if !b.missing || finiteKey(least) && finiteKey(greatest) {
		return least, greatest
	}
	least, greatest = keyMissing, 0
	for j, k := range keys {
		if !finiteKey(k) {
			keys[j] = keyMissing
			continue
		}
		least, greatest = min(least, k), max(greatest, k)
	}
	return least, greatest
}

// between draws a split in (least, greatest]: neither side is empty, and the
// weighted form does not overflow near ±MaxFloat64.
func (b *builder) between(least, greatest uint64) uint64 {
	u := b.rng.unit()
	s := toKey(fromKey(least)*(1-u) + fromKey(greatest)*u)
	if s > least && s <= greatest {
		return s
	}
	return greatest // rounding left nothing in between
}

// routeMissing decides where NaN goes: with the greater part of the rows that
// have a value, right if equal. It writes that into b.keys[lo:hi].
func (b *builder) routeMissing(lo, hi int, split uint64) uint16 {
	balance := 0
	for _, k := range b.keys[lo:hi] {
		switch {
		case k == keyMissing:
		case k >= split:
			balance++
		default:
			balance--
		}
	}
	stand, goes := uint64(0), uint16(0)
	if balance >= 0 {
		stand, goes = keyMissing, nanRight
	}
	for j, k := range b.keys[lo:hi] {
		if k == keyMissing {
			b.keys[lo+j] = stand
		}
	}
	return goes
}

// partition moves the rows of order[lo:hi] whose key is below split to the
// front, keeping their order on both sides, and returns the border.
func (b *builder) partition(lo, hi int, split uint64) int {
	order, keys, side := b.order[lo:hi], b.keys[lo:hi], b.side[:hi-lo]
	l, r := 0, 0
	for j, i := range order {
		order[l], side[r] = i, i
		_, below := bits.Sub64(keys[j], split, 0)
		l += int(below)
		r += int(1 - below)
	}
	copy(order[l:], side[:r])
	return lo + l
}
