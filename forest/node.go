package forest

import "math/bits"

// node is one node of a tree, 16 bytes, so that four share a cache line.
//
// An inner node sends a row right where its value of feat is at least the
// split, that is where its key is above node.key, which is the split's key
// minus 1. Its children are nodes[child] and nodes[child+1]. A leaf is its own
// child, and its key is above those of all numbers: a walk may take more steps
// than the leaf is deep without looking whether it has arrived. The low 51 bits
// of a leaf's key hold its path length as fixed; MaxDepth + c(MaxSample) < 2^11
// fits, and so does the sum over MaxTrees in an int64.
type node struct {
	key   uint64
	child uint32
	feat  uint16
	size  uint16 // rows that reached the node; the top bit says that NaN goes right
}

const (
	nanRight    = 1 << 15
	leafKey     = 0xfff8 << 48
	payloadMask = 1<<51 - 1
	keyTwins    = keyGreatest // above that of any split, not below that of any number
)

func leafOf(path fixed) uint64 { return leafKey | uint64(path) }

func (n *node) leaf() bool     { return n.key >= leafKey }
func (n *node) twins() bool    { return n.key == keyTwins } // see builder.twins
func (n *node) path() fixed    { return fixed(n.key & payloadMask) }
func (n *node) rows() int      { return int(n.size &^ nanRight) }
func (n *node) split() float64 { return fromKey(n.key + 1) }

// down is the index of the child for a feature's key, without a jump.
func (n *node) down(key uint64) uint64 {
	_, right := bits.Sub64(n.key, key, 0)
	next, _ := bits.Add64(uint64(n.child), 0, right)
	return next
}

// step is down, from an inner node, for a row that may hold NaN: such a value
// follows the greater part of the training rows.
func (n *node) step(x []uint64) uint64 {
	k := x[n.feat]
	if k == keyMissing {
		return uint64(n.child) + uint64(n.size>>15)
	}
	return n.down(k)
}
