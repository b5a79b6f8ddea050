package forest

// insertSum adds up over the trees the expected depth that x would get if it
// were inserted into the tree, as a random-cut tree inserts points (Guha et al.
// 2016, https://proceedings.mlr.press/v48/guha16.html, algorithm 1).
func (g *grove) insertSum(keys []uint64, x []float64) float64 {
	var room [keyRoom]float32
	z := room[:min(len(x), keyRoom)]
	if len(x) > keyRoom {
		z = make([]float32, len(x))
	}
	sum := 0.0
	if g.pack != nil {
		return g.packedSum(keys, x, z)
	}
	for t := range g.trees {
		g.boxes.enter(t, x, z)
		sum += g.insertDepth(t, keys, z)
	}
	return sum
}

// packedSum is insertSum for packed trees.
func (g *grove) packedSum(keys []uint64, x []float64, z []float32) float64 {
	var room [2 * keyRoom]float32
	box := room[:min(2*len(x), len(room))]
	if 2*len(x) > len(room) {
		box = make([]float32, 2*len(x))
	}
	sum := 0.0
	for t := range g.trees {
		g.boxes.enter(t, x, z)
		sum += g.packedDepth(t, keys, z, box)
	}
	return sum
}

// enter brings x into the frame of tree t; NaN stays NaN.
func (s *boxSet) enter(t int, x []float64, z []float32) {
	frame := s.frameOf(t, len(x))
	for j, v := range x {
		z[j] = place(v, frame[2*j], frame[2*j+1])
	}
}

// insertDepth is the expected depth of a row, z in the frame, inserted into tree t:
// at each node above it the next random cut of the box widened by x separates x
// with probability p, and then x ends one level below; in a leaf of n rows it
// ends c(n+1) below.
func (g *grove) insertDepth(t int, keys []uint64, z []float32) float64 {
	e, here, depth := 0.0, 1.0, 0.0
	n := &g.nodes[g.trees[t].root]
	for !n.leaf() {
		depth++
		box := g.boxes.of(t, n.child, len(z))
		if outside(box, z) {
			p := separation(box, z, g.boxes.split)
			e += here * p * depth
			here *= 1 - p
			if here == 0 {
				return e
			}
		}
		n = &g.nodes[n.step(keys)]
	}
	return e + here*n.path().float()
}

// outside says whether z leaves the box in some feature.
func outside(box, z []float32) bool {
	for j, v := range z {
		if v < box[2*j] || v > box[2*j+1] {
			return true
		}
	}
	return false
}

// separation is the probability that a random cut of the box, widened to hold
// z, parts z from it. With ex the distance of z from the box along a feature
// and range the box's extent, it is Σex/Σ(ex+range) for cuts proportional to
// the range, and for uniform features the mean of ex/(ex+range) over those
// that vary in the widened box. A feature that is NaN in z or in the whole
// box does not take part.
func separation(box, z []float32, kind Split) float64 {
	var out, all, mean, varying float64
	for j, v := range z {
		low, high := float64(box[2*j]), float64(box[2*j+1])
		if !(low <= high) || v != v {
			continue
		}
		ex := exceedance(low, high, float64(v))
		if extent := ex + (high - low); extent > 0 {
			out += ex
			all += extent
			mean += ex / extent
			varying++
		}
	}
	switch {
	case varying == 0:
		return 0
	case kind == Proportional:
		return out / all
	}
	return mean / varying
}

func exceedance(low, high, v float64) float64 { return max(low-v, v-high, 0) }
