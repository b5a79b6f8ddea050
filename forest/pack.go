package forest

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// pack holds the trees of a stream with boxes and leaves of several rows, end to
// end, in less than half the memory of their nodes and boxes. A leaf is a byte, and
// of a box only those sides are written that are not its parent's: of the sides of a
// box at least every other is that of a child.
//
// A tree is in the order of a descent that goes left first. A leaf is
//
//	uint8     packLeaf, and its rows; of 127 and more packMany, and a uint16 follows
//
// and an inner node, before its left child,
//
//	uint8     its feature, packRight where NaN goes right, and packAlone where its
//	          left child is a leaf; of rows of more than 32 a uint16 with the feature follows
//	uint64    its key (see node)
//	link      the way from its begin to its right child, 2 or 4 bytes; not with packAlone
//	mask      a bit for each side, low and high of each feature, that is written
//	float32   those sides, in order
//
// in little-endian order. Depths, path lengths and the rows of inner nodes follow.
type pack struct {
	b    []byte
	head int // bytes before a key
	link int // bytes of a link
	mask int // bytes of a mask
}

const (
	packLeaf  = 1 << 7
	packMany  = 1<<8 - 1
	packRight = 1 << 6
	packAlone = 1 << 5
)

var order = binary.LittleEndian

func newPack(o Options, features int) *pack {
	p := &pack{head: 1, link: 2, mask: (features + 3) / 4}
	if features > packAlone {
		p.head = 3
	}
	if o.Sample*(p.head+8+4+p.mask+8*features+3) > math.MaxUint16 {
		p.link = 4
	}
	return p
}

// write appends what is at nodes[at] of src and below; outer is its parent's box,
// nil at the root.
func (p *pack) write(b []byte, src *grown, at uint32, outer []float32) []byte {
	n := &src.nodes[at]
	if n.leaf() {
		if rows := n.rows(); rows < packMany&^packLeaf {
			return append(b, packLeaf|byte(rows))
		}
		return order.AppendUint16(append(b, packMany), uint16(n.rows()))
	}
	begin, link := len(b), p.link
	head := byte(n.size >> 15 * packRight)
	if src.nodes[n.child].leaf() {
		head, link = head|packAlone, 0
	}
	if p.head == 1 {
		b = append(b, head|byte(n.feat))
	} else {
		b = order.AppendUint16(append(b, head), n.feat)
	}
	b = order.AppendUint64(b, n.key)
	b = append(b, make([]byte, link+p.mask)...)
	mask := len(b) - p.mask
	k := len(src.sides) / (len(src.nodes) / 2) // of a box
	box := src.sides[int(n.child-1)/2*k:][:k]
	for j, v := range box {
		side := math.Float32bits(v)
		if outer == nil || side != math.Float32bits(outer[j]) {
			b[mask+j/8] |= 1 << (j % 8)
			b = order.AppendUint32(b, side)
		}
	}
	b = p.write(b, src, n.child, box)
	switch right := len(b) - begin; link {
	case 2:
		order.PutUint16(b[mask-2:], uint16(right))
	case 4:
		order.PutUint32(b[mask-4:], uint32(right))
	}
	return p.write(b, src, n.child+1, box)
}

// feat is the feature of the inner node at the begin of b.
func (p *pack) feat(b []byte) uint16 {
	if p.head == 1 {
		return uint16(b[0] & (packAlone - 1))
	}
	return order.Uint16(b[1:])
}

// right is where the right child of the inner node at b[at] is, whose left one is at
// b[left].
func (p *pack) right(at, left int) int {
	switch link := at + p.head + 8; {
	case p.b[at]&packAlone != 0 && p.b[left] == packMany:
		return left + 3
	case p.b[at]&packAlone != 0:
		return left + 1
	case p.link == 2:
		return at + int(order.Uint16(p.b[link:]))
	default:
		return at + int(order.Uint32(p.b[link:]))
	}
}

// packedLeaf is the number of rows of the leaf at the begin of b, and what follows.
func packedLeaf(b []byte) (rows uint16, rest []byte) {
	if b[0] == packMany {
		return order.Uint16(b[1:]), b[3:]
	}
	return uint16(b[0] &^ packLeaf), b[1:]
}

// enter makes box, the parent's, that of the inner node at the begin of b, and
// returns its left child.
func (p *pack) enter(b []byte, box []float32) []byte {
	mask := b[p.head+8:]
	if b[0]&packAlone == 0 {
		mask = mask[p.link:]
	}
	sides := mask[p.mask:]
	for i, m := range mask[:p.mask] {
		for ; m != 0; m &= m - 1 {
			box[8*i+bits.TrailingZeros8(m)] = math.Float32frombits(order.Uint32(sides))
			sides = sides[4:]
		}
	}
	return sides
}

// replace puts tree t in the place of the one before it and moves the trees after
// it by the difference.
func (g *grove) replace(t int, src grown, written []byte) {
	p, at := g.pack, g.trees[t]
	from, to := int(at.root+at.nodes), int(at.root)+len(written)
	moved := len(p.b) - from
	if need := to + moved; need > cap(p.b) {
		p.b = append(append([]byte(nil), make([]byte, need+need/64)...)[:0], p.b...)
	}
	whole := p.b[:to+moved]
	copy(whole[to:], p.b[from:])
	copy(whole[at.root:], written)
	p.b = whole
	for i := t + 1; i < len(g.trees); i++ {
		g.trees[i].root += uint32(to - from)
	}
	g.enter(t, at.root, uint32(len(written)), src)
}

// plantAll lays all trees at once.
func (g *grove) plantAll(trees []grown) {
	p := g.pack
	p.b = p.b[:0]
	for t := range trees {
		root := len(p.b)
		p.b = p.write(p.b, &trees[t], 0, nil)
		g.enter(t, uint32(root), uint32(len(p.b)-root), trees[t])
	}
	p.b = append([]byte(nil), p.b...)
}

// packedDepth is insertDepth for a packed tree; box is scratch. A box is inside its
// parent's: where z leaves that, it leaves this, and else by a side that is written.
func (g *grove) packedDepth(t int, keys []uint64, z, box []float32) float64 {
	p := *g.pack
	b, at := p.b, int(g.trees[t].root)
	e, here, depth, levels, out := 0.0, 1.0, 0.0, fixed(0), false
	for b[at] < packLeaf {
		depth++
		head, key, next := b[at], order.Uint64(b[at+p.head:]), at+p.head+8
		if head&packAlone == 0 {
			next += p.link
		}
		sides := b[next+p.mask:]
		for i, m := range b[next : next+p.mask] {
			for ; m != 0; m &= m - 1 {
				j := 8*i + bits.TrailingZeros8(m)
				side := order.Uint32(sides)
				sides = sides[4:]
				box[j] = math.Float32frombits(side)
				low := uint32(^j) << 31 // the sign bit of a low side, whose negative is passed
				if math.Float32frombits(math.Float32bits(z[j/2])^low) > math.Float32frombits(side^low) {
					out = true
				}
			}
		}
		if out {
			s := separation(box, z, g.boxes.split)
			e += here * s * depth
			here *= 1 - s
			if here == 0 {
				return e
			}
		}
		if key != keyTwins {
			levels++
		}
		feat := uint16(head & (packAlone - 1))
		if p.head > 1 {
			feat = order.Uint16(b[at+1:])
		}
		left := len(b) - len(sides)
		if k := keys[feat]; k > key && (k != keyMissing || head&packRight != 0) {
			left = p.right(at, left)
		}
		at = left
	}
	rows, _ := packedLeaf(b[at:])
	return e + here*(levels*fixedOne+g.table[rows+1]).float()
}

// unpacker makes nodes and boxes of a packed tree.
type unpacker struct {
	*pack
	table []fixed
	nodes []node
	sides []float32
}

// unpack is the inverse of write, for tree t.
func (g *grove) unpack(t int) ([]node, []float32) {
	u := unpacker{pack: g.pack, table: g.table, nodes: []node{{}}, sides: []float32{}}
	u.descend(u.b[g.trees[t].root:], 0, 0, make([]float32, 2*g.features))
	return u.nodes, u.sides
}

// descend makes nodes[at] of what is at the begin of b, and what is below it, and
// returns the rest; outer is the parent's box.
func (u *unpacker) descend(b []byte, at uint32, depth int, outer []float32) []byte {
	if b[0] >= packLeaf {
		rows, rest := packedLeaf(b)
		u.nodes[at] = node{key: leafOf(fixed(depth)*fixedOne + u.table[rows+1]), child: at, size: rows}
		return rest
	}
	left := uint32(len(u.nodes))
	u.nodes = append(u.nodes, node{}, node{})
	u.sides = append(u.sides, outer...)
	box := u.sides[len(u.sides)-len(outer):]
	n := node{key: order.Uint64(b[u.head:]), child: left, feat: u.feat(b)}
	if !n.twins() {
		depth++
	}
	rest := u.descend(u.enter(b, box), left, depth, box)
	rest = u.descend(rest, left+1, depth, box)
	n.size = uint16(u.nodes[left].rows()+u.nodes[left+1].rows()) | uint16(b[0]&packRight)<<9
	u.nodes[at] = n
	return rest
}

// loose is a grove of tree t alone, not packed.
func (g *grove) loose(t int) *grove {
	src := g.lift(t)
	one := newGrove(Options{Trees: 1, Boxes: true, Split: g.boxes.split}, g.features, len(src.nodes))
	one.table = g.table
	one.put(0, 0, src)
	return &one
}
