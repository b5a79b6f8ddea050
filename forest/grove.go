package forest

import "slices"

// tree is where one tree lies in a grove.
type tree struct {
	root  uint32 // index of the root in grove.nodes, or in pack.b
	nodes uint32 // number of nodes, or of bytes
	depth uint16 // of the deepest leaf
	rows  uint16 // sample size
	norm  fixed  // c(rows), or c(rows+1) with boxes
}

// grove is a set of trees in one array; a node's child is an index into it. The
// trees may be packed instead, and have no nodes and boxes then.
type grove struct {
	features int
	nodes    []node
	trees    []tree
	norm     fixed   // of all trees added up
	table    []fixed // c(n) up to Sample+1
	boxes    *boxSet // nil without Options.Boxes
	pack     *pack   // nil where the trees are nodes
}

// grown is a tree as a builder hands it over: children counted from its root.
type grown struct {
	rows, depth int
	norm        fixed
	nodes       []node
	sides       []float32 // of its boxes
	frame       []float64 // of its boxes
}

func (g grown) clone() grown {
	g.nodes, g.sides, g.frame = slices.Clone(g.nodes), slices.Clone(g.sides), slices.Clone(g.frame)
	return g
}

// blank is a tree that has seen no rows: no path, no norm.
func blank() grown { return grown{nodes: []node{{key: leafOf(0)}}} }

// newGrove makes room for o.Trees trees with places nodes in all.
func newGrove(o Options, features, places int) grove {
	g := grove{
		features: features,
		nodes:    make([]node, places),
		trees:    make([]tree, o.Trees),
		table:    pathTable(o.Sample + 1),
	}
	if o.Boxes {
		inner := (places - o.Trees) / 2
		g.boxes = &boxSet{
			split: o.Split,
			sides: make([]float32, inner*2*features),
			frame: make([]float64, o.Trees*2*features),
		}
	}
	return g
}

// put lays tree t at root, in the place of what was there.
func (g *grove) put(t int, root uint32, src grown) {
	dst := g.nodes[root : int(root)+len(src.nodes)]
	for i, n := range src.nodes {
		n.child += root
		dst[i] = n
	}
	if g.boxes != nil {
		copy(g.boxes.sides[(int(root)-t)/2*2*g.features:], src.sides)
	}
	g.enter(t, root, uint32(len(src.nodes)), src)
}

// enter notes where tree t lies, its norm and its frame.
func (g *grove) enter(t int, root, nodes uint32, src grown) {
	g.norm += src.norm - g.trees[t].norm
	g.trees[t] = tree{root: root, nodes: nodes, depth: uint16(src.depth), rows: uint16(src.rows), norm: src.norm}
	if g.boxes != nil {
		copy(g.boxes.frameOf(t, g.features), src.frame)
	}
}

// lift is the inverse of put, and of replace.
func (g *grove) lift(t int) grown {
	at := g.trees[t]
	src := grown{rows: int(at.rows), depth: int(at.depth), norm: at.norm}
	if g.pack != nil {
		src.nodes, src.sides = g.unpack(t)
		src.frame = g.boxes.frameOf(t, g.features)
		return src
	}
	src.nodes = slices.Clone(g.nodes[at.root : at.root+at.nodes])
	for i := range src.nodes {
		src.nodes[i].child -= at.root
	}
	if g.boxes != nil {
		from := (int(at.root) - t) / 2 * 2 * g.features
		src.sides = g.boxes.sides[from : from+int(at.nodes/2)*2*g.features]
		src.frame = g.boxes.frameOf(t, g.features)
	}
	return src
}

// bytes is the memory of the trees.
func (g *grove) bytes() int {
	n := 16*cap(g.nodes) + 24*cap(g.trees) + 8*cap(g.table)
	if g.boxes != nil {
		n += 4*cap(g.boxes.sides) + 8*cap(g.boxes.frame)
	}
	if g.pack != nil {
		n += cap(g.pack.b)
	}
	return n
}
