package forest

import (
	"encoding/binary"
	"fmt"
	"math"
)

// treeReader reads one tree and derives what was not written. Every child has
// fewer rows than its parent, so the descent ends.
type treeReader struct {
	*reader
	opt      Options
	features int
	table    []fixed
	nodes    []node
	depth    int // of the deepest leaf
	limit    int // of depth
}

// trees reads opt.Trees trees.
func (r *reader) trees(o Options, features int) ([]grown, error) {
	if o.Trees > len(r.b)/2 {
		return nil, fmt.Errorf("%w: wrong length", ErrFormat)
	}
	in := treeReader{reader: r, opt: o, features: features, table: pathTable(o.Sample + 1)}
	trees := make([]grown, o.Trees)
	for t := range trees {
		var err error
		if trees[t], err = in.tree(); err != nil {
			return nil, fmt.Errorf("tree %d: %w", t, err)
		}
	}
	return trees, nil
}

func (r *treeReader) tree() (grown, error) {
	rows := int(r.u16())
	if rows == 0 {
		return blank(), nil
	}
	if rows > r.opt.Sample {
		return grown{}, fmt.Errorf("%w: %d rows, sample is %d", ErrFormat, rows, r.opt.Sample)
	}
	r.nodes, r.depth, r.limit = []node{{}}, 0, r.opt.depthLimit(rows)
	if err := r.descend(0, 0, rows); err != nil {
		return grown{}, err
	}
	src := grown{rows: rows, depth: r.depth, norm: r.table[rows+r.opt.extra()], nodes: r.nodes}
	if !r.opt.Boxes {
		return src, nil
	}
	frame, sides := 2*r.features, len(r.nodes)/2*2*r.features
	if len(r.b) < 8*frame+4*sides {
		return grown{}, fmt.Errorf("%w: wrong length", ErrFormat)
	}
	src.frame = make([]float64, frame)
	for i := range src.frame {
		v := r.f64()
		if v-v != 0 {
			return grown{}, fmt.Errorf("%w: frame holds %v", ErrFormat, v)
		}
		src.frame[i] = v
	}
	src.sides = make([]float32, sides)
	for i := range src.sides {
		v := math.Float32frombits(r.u32())
		if v != v {
			return grown{}, fmt.Errorf("%w: box side is NaN", ErrFormat)
		}
		src.sides[i] = v
	}
	return src, nil
}

// descend reads nodes[at], which has the given rows, and what is below it.
func (r *treeReader) descend(at uint32, depth, rows int) error {
	feat, size := r.u16(), r.u16()
	if r.short || int(size&^nanRight) != rows || depth > r.limit {
		return fmt.Errorf("%w: node of %d rows at depth %d", ErrFormat, size&^nanRight, depth)
	}
	left := uint32(len(r.nodes))
	switch {
	case feat == leafMark:
		r.leaf(at, depth, rows)
		return nil
	case feat == twinsMark && r.opt.Boxes && rows > 1:
		r.nodes = append(r.nodes, node{}, node{})
		r.nodes[at] = node{key: keyTwins, child: left, size: uint16(rows)}
		r.leaf(left, depth, rows)
		r.leaf(left+1, depth, 0)
		return nil
	}
	split := r.f64()
	if int(feat) >= r.features || !finiteKey(toKey(split)) {
		return fmt.Errorf("%w: split of feature %d at %v", ErrFormat, feat, split)
	}
	first := r.peekRows()
	if first < 1 || first >= rows {
		return fmt.Errorf("%w: %d of %d rows go left", ErrFormat, first, rows)
	}
	r.nodes = append(r.nodes, node{}, node{})
	r.nodes[at] = node{key: toKey(split) - 1, child: left, feat: feat, size: size}
	if err := r.descend(left, depth+1, first); err != nil {
		return err
	}
	return r.descend(left+1, depth+1, rows-first)
}

func (r *treeReader) leaf(at uint32, depth, rows int) {
	r.depth = max(r.depth, depth)
	path := fixed(depth)*fixedOne + r.table[rows+r.opt.extra()]
	r.nodes[at] = node{key: leafOf(path), child: at, size: uint16(rows)}
}

// peekRows returns the rows of the node that is read next; 0 at the end.
func (r *treeReader) peekRows() int {
	if len(r.b) < 4 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(r.b[2:]) &^ nanRight)
}
