package forest

// keyRoom is the number of features up to which scoring a row needs no memory
// from the heap.
const keyRoom = 256

// score is the score of x, which has the right length; NaN if x holds an
// infinity. A small row gets a small buffer, because the buffer is cleared.
func (g *grove) score(x []float64) float64 {
	if len(x) <= 32 {
		var room [32]uint64
		return g.scoreIn(room[:len(x)], x)
	}
	var room [keyRoom]uint64
	if len(x) <= len(room) {
		return g.scoreIn(room[:len(x)], x)
	}
	return g.scoreIn(make([]uint64, len(x)), x)
}

func (g *grove) scoreIn(keys []uint64, x []float64) float64 {
	kind := toKeys(keys, x)
	switch {
	case kind == holdsInf:
		return nan
	case g.boxes != nil:
		return score(g.insertSum(keys, x), g.norm.float())
	case kind == holdsNaN:
		return score(g.pathSumMissing(keys).float(), g.norm.float())
	}
	return score(g.pathSum(keys).float(), g.norm.float())
}

// pathSum adds up the path lengths of x, which is finite, over all trees.
// Eight trees are walked side by side: a step down one tree waits for memory,
// eight of them overlap. Steps beyond a leaf stay there (see node), so they
// are taken in pairs.
func (g *grove) pathSum(x []uint64) fixed {
	nodes, trees := g.nodes, g.trees
	var sum fixed
	for len(trees) >= 8 {
		t := trees[:8]
		steps := max(t[0].depth, t[1].depth, t[2].depth, t[3].depth,
			t[4].depth, t[5].depth, t[6].depth, t[7].depth)
		a, b, c, d := uint64(t[0].root), uint64(t[1].root), uint64(t[2].root), uint64(t[3].root)
		e, f, h, k := uint64(t[4].root), uint64(t[5].root), uint64(t[6].root), uint64(t[7].root)
		for range (steps + 1) / 2 {
			n := &nodes[a]
			a = n.down(x[n.feat])
			n = &nodes[b]
			b = n.down(x[n.feat])
			n = &nodes[c]
			c = n.down(x[n.feat])
			n = &nodes[d]
			d = n.down(x[n.feat])
			n = &nodes[e]
			e = n.down(x[n.feat])
			n = &nodes[f]
			f = n.down(x[n.feat])
			n = &nodes[h]
			h = n.down(x[n.feat])
			n = &nodes[k]
			k = n.down(x[n.feat])
			n = &nodes[a]
			a = n.down(x[n.feat])
			n = &nodes[b]
			b = n.down(x[n.feat])
			n = &nodes[c]
			c = n.down(x[n.feat])
			n = &nodes[d]
			d = n.down(x[n.feat])
			n = &nodes[e]
			e = n.down(x[n.feat])
			n = &nodes[f]
			f = n.down(x[n.feat])
			n = &nodes[h]
			h = n.down(x[n.feat])
			n = &nodes[k]
			k = n.down(x[n.feat])
		}
		sum += nodes[a].path() + nodes[b].path() + nodes[c].path() + nodes[d].path() +
			nodes[e].path() + nodes[f].path() + nodes[h].path() + nodes[k].path()
		trees = trees[8:]
	}
	for i := range trees {
		sum += g.walkOne(trees[i].root, x)
	}
	return sum
}

// walkOne returns the path length of x in the tree at root; x may hold NaN.
func (g *grove) walkOne(root uint32, x []uint64) fixed {
	n := &g.nodes[root]
	for !n.leaf() {
		n = &g.nodes[n.step(x)]
	}
	return n.path()
}

// pathSumMissing is pathSum for a row that holds NaN.
func (g *grove) pathSumMissing(x []uint64) fixed {
	var sum fixed
	for i := range g.trees {
		sum += g.walkOne(g.trees[i].root, x)
	}
	return sum
}

// lanes is one feature of eight rows.
type lanes [8]uint64

// pathSum8 adds the path lengths in one tree of eight rows, given feature by
// feature and finite, to sum.
func pathSum8(nodes []node, t tree, x []lanes, sum *[8]fixed) {
	r := uint64(t.root)
	a, b, c, d := r, r, r, r
	e, f, h, k := r, r, r, r
	for range (t.depth + 1) / 2 {
		n := &nodes[a]
		a = n.down(x[n.feat][0])
		n = &nodes[b]
		b = n.down(x[n.feat][1])
		n = &nodes[c]
		c = n.down(x[n.feat][2])
		n = &nodes[d]
		d = n.down(x[n.feat][3])
		n = &nodes[e]
		e = n.down(x[n.feat][4])
		n = &nodes[f]
		f = n.down(x[n.feat][5])
		n = &nodes[h]
		h = n.down(x[n.feat][6])
		n = &nodes[k]
		k = n.down(x[n.feat][7])
		n = &nodes[a]
		a = n.down(x[n.feat][0])
		n = &nodes[b]
		b = n.down(x[n.feat][1])
		n = &nodes[c]
		c = n.down(x[n.feat][2])
		n = &nodes[d]
		d = n.down(x[n.feat][3])
		n = &nodes[e]
		e = n.down(x[n.feat][4])
		n = &nodes[f]
		f = n.down(x[n.feat][5])
		n = &nodes[h]
		h = n.down(x[n.feat][6])
		n = &nodes[k]
		k = n.down(x[n.feat][7])
	}
	sum[0] += nodes[a].path()
	sum[1] += nodes[b].path()
	sum[2] += nodes[c].path()
	sum[3] += nodes[d].path()
	sum[4] += nodes[e].path()
	sum[5] += nodes[f].path()
	sum[6] += nodes[h].path()
	sum[7] += nodes[k].path()
}
