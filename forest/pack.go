package forest

// replace puts tree t in the place of the one before it and moves the trees after
// it by the difference, so that all lie end to end. It serves streams with leaves of
// several rows, whose trees differ much in size and are few bytes to move.
func (g *grove) replace(t int, src grown) {
	at := g.trees[t]
	last := g.trees[len(g.trees)-1]
	from, to := at.root+at.nodes, at.root+uint32(len(src.nodes))
	end := last.root + last.nodes
	more := to - from // modulo 2^32, and even: every tree has an odd number of nodes
	if need := int(end + more); need > len(g.nodes) {
		g.enlarge(need + need/16)
	}
	moved := g.nodes[to : end+more]
	copy(moved, g.nodes[from:end])
	for i := range moved {
		moved[i].child += more
	}
	if g.boxes != nil {
		each, before := 2*g.features, t+1
		copy(g.boxes.sides[(int(to)-before)/2*each:], g.boxes.sides[(int(from)-before)/2*each:(int(end)-len(g.trees))/2*each])
	}
	for i := t + 1; i < len(g.trees); i++ {
		g.trees[i].root += more
	}
	g.put(t, at.root, src)
}

// enlarge makes room for a number of nodes in all, and for their boxes.
func (g *grove) enlarge(places int) {
	g.nodes = append(make([]node, 0, places), g.nodes...)[:places]
	if g.boxes != nil {
		inner := (places - len(g.trees) + 1) / 2
		g.boxes.sides = append(make([]float32, 0, inner*2*g.features), g.boxes.sides...)[:inner*2*g.features]
	}
}
