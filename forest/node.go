package forest

import "math"

// node is one node of a tree, 16 bytes, so that four share a cache line.
//
// An inner node sends a row right where row[feat] ≥ split; its children are
// nodes[child] and nodes[child+1]. A leaf is its own child, and its split is a
// quiet NaN, to which no value compares: a walk may take more steps than the
// leaf is deep without looking whether it has arrived. The low 51 bits of that
// NaN hold the leaf's path length as fixed; MaxDepth + c(MaxSample) < 2^11
// fits, and so does the sum over MaxTrees in an int64.
type node struct {
	split float64
	child uint32
	feat  uint16
	size  uint16 // rows that reached the node; the top bit says that NaN goes right
}

const (
	nanRight    = 1 << 15
	leafBits    = 0x7ff8 << 48
	payloadMask = 1<<51 - 1
)

func leafSplit(path fixed) float64 { return math.Float64frombits(leafBits | uint64(path)) }

func (n *node) leaf() bool  { return n.split != n.split }
func (n *node) path() fixed { return fixed(math.Float64bits(n.split) & payloadMask) }
func (n *node) rows() int   { return int(n.size &^ nanRight) }

// right is 1 where the row goes right, written so that it compiles to a
// comparison without a jump.
func right(x, split float64) uint32 {
	var r uint32
	if x >= split {
		r = 1
	}
	return r
}

// step is one level down, from an inner node, for a row that may hold NaN: such a value follows the
// greater part of the training rows.
func (n *node) step(x []float64) uint32 {
	v := x[n.feat]
	if v != v {
		return n.child + uint32(n.size>>15)
	}
	return n.child + right(v, n.split)
}
