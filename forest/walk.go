package forest

// pathSum adds up the path lengths of x, which is finite, over all trees.
// Eight trees are walked side by side: a step down one tree waits for memory,
// eight of them overlap. Steps beyond a leaf stay there (see node).
func (g *grove) pathSum(x []float64) fixed {
	nodes, trees := g.nodes, g.trees
	var sum fixed
	for len(trees) >= 8 {
		t := trees[:8]
		steps := max(t[0].depth, t[1].depth, t[2].depth, t[3].depth,
			t[4].depth, t[5].depth, t[6].depth, t[7].depth)
		a, b, c, d := t[0].root, t[1].root, t[2].root, t[3].root
		e, f, h, k := t[4].root, t[5].root, t[6].root, t[7].root
		for range steps {
			n := &nodes[a]
			a = n.child + right(x[n.feat], n.split)
			n = &nodes[b]
			b = n.child + right(x[n.feat], n.split)
			n = &nodes[c]
			c = n.child + right(x[n.feat], n.split)
			n = &nodes[d]
			d = n.child + right(x[n.feat], n.split)
			n = &nodes[e]
			e = n.child + right(x[n.feat], n.split)
			n = &nodes[f]
			f = n.child + right(x[n.feat], n.split)
			n = &nodes[h]
			h = n.child + right(x[n.feat], n.split)
			n = &nodes[k]
			k = n.child + right(x[n.feat], n.split)
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
func (g *grove) walkOne(root uint32, x []float64) fixed {
	n := &g.nodes[root]
	for !n.leaf() {
		n = &g.nodes[n.step(x)]
	}
	return n.path()
}

// pathSumMissing is pathSum for a row that holds NaN.
func (g *grove) pathSumMissing(x []float64) fixed {
	var sum fixed
	for i := range g.trees {
		sum += g.walkOne(g.trees[i].root, x)
	}
	return sum
}

// lanes is one feature of eight rows.
type lanes [8]float64

// pathSum8 adds the path lengths in one tree of eight rows, given feature by
// feature and finite, to sum.
func pathSum8(nodes []node, t tree, x []lanes, sum *[8]fixed) {
	a, b, c, d := t.root, t.root, t.root, t.root
	e, f, h, k := t.root, t.root, t.root, t.root
	for range t.depth {
		n := &nodes[a]
		a = n.child + right(x[n.feat][0], n.split)
		n = &nodes[b]
		b = n.child + right(x[n.feat][1], n.split)
		n = &nodes[c]
		c = n.child + right(x[n.feat][2], n.split)
		n = &nodes[d]
		d = n.child + right(x[n.feat][3], n.split)
		n = &nodes[e]
		e = n.child + right(x[n.feat][4], n.split)
		n = &nodes[f]
		f = n.child + right(x[n.feat][5], n.split)
		n = &nodes[h]
		h = n.child + right(x[n.feat][6], n.split)
		n = &nodes[k]
		k = n.child + right(x[n.feat][7], n.split)
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
