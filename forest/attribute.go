package forest

// Contributions writes to dst, of length d, how much each feature of x pushes
// its score up (positive) or down, and returns dst; a nil dst is allocated.
// They add up to the score's path term:
//
//	Σ dst = 1 − E(h(x))/c(n), so that Score(x) = ½·2^Σdst
//
// exactly, but for the rounding of d float64 additions.
//
// A node of n rows at depth l stands for the path length l + c(n) that an
// average row has yet to reach; a split that leads to a child of m rows changes
// it by 1 + c(m) − c(n), and that change is credited to the split's feature.
// The steps telescope from c(n) at the root to h(x) at the leaf (the path
// decomposition of Saabas's treeinterpreter, with c in the place of a node's
// mean). With Options.Boxes the chance of being cut off at a node is credited
// to the features by which x leaves the node's box.
//
// Limits: a tree of depth 8 asks 8 questions, so with more than about 12
// features the feature at fault is asked about in few trees: it still ranks
// first when it stands out by itself, but shares become faint. Features that
// carry the same information share the credit. NaN in x follows Train's rule
// and earns the credit of the branch it follows. All NaN if x holds an infinity
// or has not d values; a dst of another length than d panics.
func (f *Forest) Contributions(dst, x []float64) []float64 {
	return f.contributions(dst, x)
}

func (g *grove) contributions(dst, x []float64) []float64 {
	if dst == nil {
		dst = make([]float64, g.features)
	}
	if len(dst) != g.features {
		panic("forest: Contributions: dst has not one place per feature")
	}
	clear(dst)
	var room [keyRoom]uint64
	keys := room[:min(len(x), keyRoom)]
	if len(x) > keyRoom {
		keys = make([]uint64, len(x))
	}
	switch {
	case len(x) != g.features || toKeys(keys, x) == holdsInf:
		for j := range dst {
			dst[j] = nan
		}
	case g.norm == 0: // the score is 0.5 for want of data
	case g.boxes != nil:
		g.insertCredit(dst, keys, x)
	default:
		g.pathCredit(dst, keys)
	}
	return dst
}

// pathCredit adds fixed numbers as float64, which is exact below 2^53, that is
// for sums of path lengths up to 2^13.
func (g *grove) pathCredit(dst []float64, keys []uint64) {
	for i := range g.trees {
		n := &g.nodes[g.trees[i].root]
		for !n.leaf() {
			child := &g.nodes[n.step(keys)]
			dst[n.feat] += float64(g.table[n.rows()] - fixedOne - g.table[child.rows()])
			n = child
		}
	}
	for j := range dst {
		dst[j] /= float64(g.norm)
	}
}

// insertCredit follows insertDepth.
func (g *grove) insertCredit(dst []float64, keys []uint64, x []float64) {
	var room [keyRoom]float32
	z := room[:min(len(x), keyRoom)]
	if len(x) > keyRoom {
		z = make([]float32, len(x))
	}
	for t := range g.trees {
		g.boxes.enter(t, x, z)
		g.treeCredit(dst, keys, z, t)
	}
	for j := range dst {
		dst[j] /= g.norm.float()
	}
}

// treeCredit is insertCredit for tree t, and a row in its frame.
func (g *grove) treeCredit(dst []float64, keys []uint64, z []float32, t int) {
	if g.pack != nil {
		g, t = g.loose(t), 0
	}
	here := 1.0
	n := &g.nodes[g.trees[t].root]
	for !n.leaf() && here > 0 {
		child := &g.nodes[n.step(keys)]
		below := g.table[n.rows()+1] - fixedOne // gained by ending one level down
		box := g.boxes.of(t, n.child, len(z))
		if outside(box, z) {
			here -= creditSeparation(dst, box, z, g.boxes.split, here, below.float())
		}
		if !n.twins() {
			dst[n.feat] += here * (below - g.table[child.rows()+1]).float()
		}
		n = child
	}
}

// creditSeparation shares gain, reached with the probability of being cut off,
// among the features by which z leaves the box, and returns that probability,
// here × separation.
func creditSeparation(dst []float64, box, z []float32, kind Split, here, gain float64) float64 {
	p := separation(box, z, kind)
	total := 0.0
	for pass := range 2 {
		for j, v := range z {
			low, high := float64(box[2*j]), float64(box[2*j+1])
			ex := exceedance(low, high, float64(v))
			if !(ex > 0) || !(low <= high) {
				continue
			}
			weight := ex
			if kind == Uniform {
				weight = ex / (ex + high - low)
			}
			if pass == 0 {
				total += weight
			} else {
				dst[j] += here * p * gain * weight / total
			}
		}
	}
	return here * p
}
