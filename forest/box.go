package forest

import "math"

// boxSet holds the bounding boxes of all inner nodes of a grove.
//
// A tree's boxes are kept as float32 in that tree's frame: each feature is
// shifted by the middle of its range in the sample and scaled to about [−1, 1],
// so that neither a great offset nor a great range costs resolution. Rows and
// boxes pass through the same rounding, which is monotone: a row of the sample
// is inside every box that it helped to make.
type boxSet struct {
	split Split
	sides []float32 // per inner node: low, high of each feature
	frame []float64 // per tree: middle, scale of each feature
}

// Every tree has an odd number of nodes and takes an odd number of places in
// grove.nodes, and its nodes appear in pairs as inner nodes are split; so the
// box of an inner node of tree t is number (child−1−t)/2.
func (s *boxSet) of(t int, child uint32, features int) []float32 {
	k := (int(child) - 1 - t) / 2 * 2 * features
	return s.sides[k : k+2*features]
}

func (s *boxSet) frameOf(t, features int) []float64 {
	return s.frame[t*2*features : (t+1)*2*features]
}

// place brings a value into a frame.
func place(v, middle, scale float64) float32 {
	const far = 1e30 // keeps the exceedances of a row finite, also when summed
	z := (v - middle) * scale
	if z > far {
		return far
	}
	if z < -far {
		return -far
	}
	return float32(z)
}

// boxBuilder makes the frame and the boxes of the tree that a builder grows.
type boxBuilder struct {
	keep     bool // boxes are wanted
	split    Split
	features int
	frame    []float64 // middle, scale of each feature; nil when not needed
	widths   []float64 // scratch of cutProportional
	points   []float32 // the sample in the frame
	sides    []float32
}

func (b *boxBuilder) init(o Options, features int) {
	b.keep, b.split, b.features = o.Boxes, o.Split, features
	if o.Split == Proportional {
		b.widths = make([]float64, features)
	}
	if o.Boxes || o.Split == Proportional {
		b.frame = make([]float64, 2*features)
	}
	if o.Boxes {
		b.points = make([]float32, o.Sample*features)
	}
}

// keptFrame is the frame where scoring needs it.
func (b *boxBuilder) keptFrame() []float64 {
	if !b.keep {
		return nil
	}
	return b.frame
}

// width is a feature's range in the frame.
func (b *boxBuilder) width(f int, least, greatest float64) float64 {
	middle, scale := b.frame[2*f], b.frame[2*f+1]
	return (greatest-middle)*scale - (least-middle)*scale
}

// start makes the frame of a sample and brings the sample into it.
func (b *boxBuilder) start(sample []float64) {
	if b.frame == nil {
		return
	}
	d := b.features
	widest := 0.0 // half a range: a whole one may overflow
	for f := range d {
		least, greatest := math.Inf(1), math.Inf(-1)
		for i := f; i < len(sample); i += d {
			if v := sample[i]; v < least {
				least = v
			}
			if v := sample[i]; v > greatest {
				greatest = v
			}
		}
		if least > greatest { // all NaN
			least, greatest = 0, 0
		}
		half := max(0, greatest/2-least/2) // a fused subtraction may fall below 0
		b.frame[2*f], b.frame[2*f+1] = least/2+greatest/2, half
		widest = max(widest, half)
	}
	for f := range d {
		half := b.frame[2*f+1]
		if b.split == Proportional {
			half = widest
		}
		b.frame[2*f+1] = 1e300 // constant: any other value is far away
		if half > 1e-300 {
			b.frame[2*f+1] = 1 / half
		}
	}
	if !b.keep {
		return
	}
	b.sides = b.sides[:0]
	for i := 0; i < len(sample); i += d {
		for f, v := range sample[i : i+d] {
			b.points[i+f] = place(v, b.frame[2*f], b.frame[2*f+1])
		}
	}
}

// join makes the box of the inner node whose children, already grown, are left
// and left+1 and own order[lo:mid] and order[mid:hi].
func (b *boxBuilder) join(t *builder, left uint32, lo, mid, hi int) {
	if !b.keep {
		return
	}
	k := int(left-1) / 2 * 2 * b.features
	for len(b.sides) < len(t.nodes)/2*2*b.features {
		b.sides = append(b.sides, 0)
	}
	box := b.sides[k : k+2*b.features]
	for j := 0; j < len(box); j += 2 {
		box[j], box[j+1] = float32(math.Inf(1)), float32(math.Inf(-1)) // empty
	}
	b.include(box, &t.nodes[left], t.order[lo:mid])
	b.include(box, &t.nodes[left+1], t.order[mid:hi])
}

// include widens box by a child: by its box, or a leaf's by its rows.
func (b *boxBuilder) include(box []float32, child *node, order []uint32) {
	if !child.leaf() {
		k := int(child.child-1) / 2 * len(box)
		other := b.sides[k : k+len(box)]
		for j := 0; j < len(box); j += 2 {
			if other[j] < box[j] {
				box[j] = other[j]
			}
			if other[j+1] > box[j+1] {
				box[j+1] = other[j+1]
			}
		}
		return
	}
	for _, i := range order {
		for j, v := range b.points[i : int(i)+b.features] {
			if v < box[2*j] {
				box[2*j] = v
			}
			if v > box[2*j+1] {
				box[2*j+1] = v
			}
		}
	}
}
