package forest

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

// TestReplaceMovesTheOthersWhole: packed trees are those that each have a place of
// their own: nodes, boxes, frames, and the depth of every row, bit for bit, missing
// values and far ones too. So are those with long links.
func TestReplaceMovesTheOthersWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ features, sample, leaf, link int }{{3, 40, 3, 2}, {3, 40, 3, 4}, {32, 40, 3, 2}, {33, 40, 3, 4}, {3, 300, 140, 2}} {
		replaceMoves(t, c.features, c.link, Options{Trees: 5, Sample: c.sample, Leaf: c.leaf, Boxes: true, Split: Proportional, MaxDepth: -1})
	}
}

func replaceMoves(t *testing.T, d, link int, o Options) {
	t.Helper()
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	stride, rows := 2*o.Sample-1, madeRows(2*o.Sample+60, d, 1)
	for i := range rows {
		switch {
		case i%7 == 3:
			rows[i][i%d] = math.NaN()
		case i%5 == 0:
			copy(rows[i], rows[0]) // twins
		}
	}
	b := newBuilder(o, d, true)
	packed, apart := newGrove(o, d, o.Trees), newGrove(o, d, o.Trees*stride)
	packed.nodes, packed.pack = nil, newPack(o, d)
	packed.pack.link = link
	packed.plantAll(slices.Repeat([]grown{blank()}, o.Trees))
	for k := range o.Trees {
		apart.put(k, uint32(k*stride), blank())
	}
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	for i := range 60 {
		k := i * 3 % o.Trees
		src := b.build(o.Sample/2+i, func(j int) []float64 { return rows[j] }, seedFor(1, uint64(i), k))
		packed.replace(k, src, packed.pack.write(nil, &src, 0, nil))
		apart.put(k, uint32(k*stride), src)
		for k := range o.Trees {
			if !reflect.DeepEqual(packed.lift(k), apart.lift(k)) {
				t.Fatalf("%d features, links of %d: after %d trees, tree %d differs", d, link, i+1, k)
			}
		}
		far := slices.Clone(rows[i+1])
		far[0] *= 3
		for _, x := range [][]float64{rows[i], far} {
			if !same(packed.score(x), apart.score(x)) || !slices.EqualFunc(packed.contributions(nil, x), apart.contributions(nil, x), same) {
				t.Fatalf("%d features, links of %d: after %d trees, %v scores %v, not %v", d, link, i+1, x, packed.score(x), apart.score(x))
			}
		}
	}
}

// TestLinksReach: the links of a pack are as long as its greatest tree needs.
func TestLinksReach(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ sample, features, link int }{{256, 12, 2}, {900, 3, 2}, {1500, 30, 4}} {
		o, err := Options{Trees: 1, Sample: c.sample, Leaf: 2, Boxes: true, Split: Proportional, MaxDepth: -1}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		rows := madeRows(c.sample, c.features, 1)
		src := newBuilder(o, c.features, false).build(len(rows), func(i int) []float64 { return rows[i] }, 1).clone()
		g := newGrove(o, c.features, 1)
		g.nodes, g.pack = nil, newPack(o, c.features)
		g.plantAll([]grown{src})
		if g.pack.link != c.link || !reflect.DeepEqual(g.lift(0), src) {
			t.Errorf("%d rows of %d: links of %d bytes, or another tree", c.sample, c.features, g.pack.link)
		}
	}
}
