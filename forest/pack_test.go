package forest

import (
	"reflect"
	"testing"
)

// TestReplaceMovesTheOthersWhole: trees that lie end to end are those that each
// have a place of their own, nodes, boxes and frames.
func TestReplaceMovesTheOthersWhole(t *testing.T) {
	t.Parallel()
	o, err := Options{Trees: 5, Sample: 40, Leaf: 3, Boxes: true, Split: Proportional, MaxDepth: -1}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	const stride = 79
	rows := madeRows(100, 3, 1)
	b := newBuilder(o, 3, false)
	packed, apart := newGrove(o, 3, o.Trees), newGrove(o, 3, o.Trees*stride)
	for k := range o.Trees {
		packed.put(k, uint32(k), blank())
		apart.put(k, uint32(k*stride), blank())
	}
	for i := range 60 {
		k := i * 3 % o.Trees
		src := b.build(20+i, func(j int) []float64 { return rows[j] }, seedFor(1, uint64(i), k))
		packed.replace(k, src)
		apart.put(k, uint32(k*stride), src)
		for k := range o.Trees {
			if !reflect.DeepEqual(packed.lift(k), apart.lift(k)) {
				t.Fatalf("after %d trees, tree %d differs", i+1, k)
			}
		}
	}
}
