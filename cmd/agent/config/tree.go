package config

import (
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth is how deep tables and arrays may nest; no key of ours is deeper
// than 5.
const maxDepth = 16

// maxNodes is how many values a file may hold.
const maxNodes = 20000

// span is a place in the file: byte offset and length.
type span struct{ at, n int }

// node is a value of the file with its place. A table has kids, an array has
// items, a scalar has text.
type node struct {
	kind  unstable.Kind // Table, Array, or the kind of a scalar
	key   span          // the key, or the last part of a [header], that made it
	value span          // the value itself; n = 0 where the parser does not say
	text  string        // a scalar, quotes and escapes resolved
	order []string      // keys of kids, as in the file
	kids  map[string]*node
	items []*node

	header  bool     // a table made by a [header], which may come only once
	inline  bool     // a table in braces
	tables  bool     // an array made by [[header]]s
	damaged bool     // a syntax error is within
	bad     bool     // it, or something within, does not fit its field
	excused []string // keys that are there under a mistyped name
}

// where is the span that a message about the node's value points at.
func (n *node) where() span {
	if n.value.n > 0 {
		return n.value
	}
	return n.key
}

func newTable(key span) *node {
	return &node{kind: unstable.Table, key: key, kids: map[string]*node{}}
}

func (n *node) add(name string, kid *node) {
	n.order = append(n.order, name)
	n.kids[name] = kid
}

// find returns the node at a dotted path as conf.Fault has them, or the
// deepest one on the way to it and the rest of the path.
func (n *node) find(path string) (deepest *node, rest string) {
	for path != "" {
		next, rest := n.step(path)
		if next == nil {
			return n, path
		}
		n, path = next, rest
	}
	return n, ""
}

// step follows the first part of path. The key of a table may itself contain
// dots, so longer parts are tried too.
func (n *node) step(path string) (*node, string) {
	part, rest, more := strings.Cut(path, ".")
	if n.kind == unstable.Array {
		i, err := strconv.Atoi(part)
		if err != nil || i < 0 || i >= len(n.items) {
			return nil, ""
		}
		return n.items[i], rest
	}
	for {
		if kid, ok := n.kids[part]; ok {
			return kid, rest
		}
		if !more {
			return nil, ""
		}
		var next string
		next, rest, more = strings.Cut(rest, ".")
		part += "." + next
	}
}
