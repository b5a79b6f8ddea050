package forest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// LineOptions configure NewLine.
type LineOptions struct {
	// Window is the number of values kept, 1…1048576; 0 means 4096.
	Window int
	// Horizon is how far back the kept values reach, as in StreamOptions: 0 for
	// the last Window values, else at least Window for an ageing sample.
	Horizon int
	// Seed fixes which values an ageing sample keeps.
	Seed uint64
}

// Line scores the values of one series against a bounded sample of its past by
// what an infinite forest would say: the limit of ever more box-aware trees
// (Options.Boxes, MaxDepth −1), each grown from all the kept values, has a
// closed form in one dimension. There is no randomness in a score, so it needs
// no averaging and has no noise.
//
// Score may run concurrently with itself, but not beside Insert.
type Line struct {
	opt    LineOptions
	keep   reservoir
	tick   uint64    // values seen
	sorted []float64 // the kept values in order
	// Where each is in the reservoir: its slot, beside sorted, in an ageing sample
	// of few values, which rarely takes another, and of so many values that their
	// memory counts; else the values by slot, which takes four times as much and no
	// search.
	slotOf []uint16
	slots  []float64
}

const (
	fewValues  = 2048    // the Window up to which the search for a slot takes less than 1 µs
	manyValues = 8192    // and beyond which values by slot would take more than 64 KiB, and room is made as they come
	mostSlots  = 1 << 16 // that have a number of 16 bits
)

// NewLine returns a line that has seen nothing.
func NewLine(o LineOptions) (*Line, error) {
	if o.Window == 0 {
		o.Window = 4096
	}
	keep, err := newReservoir(o.Window, o.Horizon, o.Seed)
	if err != nil {
		return nil, fmt.Errorf("new line: %w", err)
	}
	room := o.Window
	if room > manyValues {
		room = 0
	}
	l := &Line{opt: o, keep: keep, sorted: make([]float64, 0, room)}
	if o.Horizon > 0 && o.Window <= fewValues || o.Window > manyValues && o.Window <= mostSlots {
		l.slotOf = make([]uint16, 0, room)
	} else {
		l.slots = make([]float64, 0, room)
	}
	return l, nil
}

// Options returns the options with the defaults filled in.
func (l *Line) Options() LineOptions { return l.opt }

// Seen returns the number of values inserted, kept or not.
func (l *Line) Seen() uint64 { return l.tick }

// Len returns the number of values kept now.
func (l *Line) Len() int { return len(l.sorted) }

// Sorted returns the kept values in ascending order, for quantiles. The slice
// belongs to the Line and is valid until the next Insert.
func (l *Line) Sorted() []float64 { return l.sorted }

// Insert learns v; where the line is full the oldest value leaves, or with a
// Horizon perhaps a random one. NaN is missing and changes nothing; an infinity
// is ErrInput and changes nothing. It allocates nothing, of more than 8192 values
// once the line is full, and costs two searches and moving the values between the
// old and the new one.
func (l *Line) Insert(v float64) error {
	switch {
	case v != v:
		return nil
	case math.IsInf(v, 0):
		return fmt.Errorf("insert into line: %w: %v", ErrInput, v)
	case v == 0:
		v = 0 // −0 and 0 are one value
	}
	l.tick++
	slot, keep := l.keep.place(l.tick)
	if !keep {
		return nil
	}
	to, _ := slices.BinarySearch(l.sorted, v)
	if l.slotOf != nil {
		from := -1
		if slot < len(l.slotOf) {
			from = slices.Index(l.slotOf, uint16(slot))
		}
		l.slotOf = move(roomFor(l.slotOf, from, l.opt.Window), from, to, uint16(slot))
		l.sorted = move(roomFor(l.sorted, from, l.opt.Window), from, to, v)
		return nil
	}
	from := -1
	if slot == len(l.slots) {
		l.slots = append(roomFor(l.slots, from, l.opt.Window), v)
	} else {
		from, _ = slices.BinarySearch(l.sorted, l.slots[slot])
		l.slots[slot] = v
	}
	l.sorted = move(roomFor(l.sorted, from, l.opt.Window), from, to, v)
	return nil
}

// roomFor is s with room for one more if there is no from: by a quarter, but not past
// the window.
func roomFor[T any](s []T, from, window int) []T {
	if from >= 0 || len(s) < cap(s) {
		return s
	}
	return append(make([]T, 0, min(window, max(64, len(s)+len(s)/4))), s...)
}

// move puts v before s[to], and takes s[from] away if there is a from.
func move[T any](s []T, from, to int, v T) []T {
	switch {
	case from < 0:
		return slices.Insert(s, to, v)
	case from < to:
		to--
		copy(s[from:to], s[from+1:to+1])
	default:
		copy(s[to+1:from+1], s[to:from])
	}
	s[to] = v
	return s
}

// bySlot returns the kept values by reservoir slot.
func (l *Line) bySlot() []float64 {
	if l.slotOf == nil {
		return l.slots
	}
	out := make([]float64, len(l.sorted))
	for i, slot := range l.slotOf {
		out[slot] = l.sorted[i]
	}
	return out
}

// fill is the inverse of bySlot, for an empty line.
func (l *Line) fill(values []float64) {
	if l.slotOf == nil {
		l.slots = append(l.slots, values...)
	} else {
		if len(values) > cap(l.slotOf) {
			l.slotOf = make([]uint16, 0, len(values))
		}
		for slot := range values {
			l.slotOf = append(l.slotOf, uint16(slot))
		}
		slices.SortFunc(l.slotOf, func(a, b uint16) int { return cmp.Compare(values[a], values[b]) })
	}
	l.sorted = append(l.sorted, values...)
	slices.Sort(l.sorted)
}

// Score returns 2^(−Depth(x)/c(n+1)) in (0, 1], where n is the number of kept
// values, so that x counts as one of the n+1: 0.5 for the average value, more
// the farther x lies from the others. 0.5 where nothing is kept; NaN if x is
// NaN or infinite.
func (l *Line) Score(x float64) float64 {
	return score(l.Depth(x), PathLength(len(l.sorted)+1))
}

// Depth returns the expected depth that x has after it is inserted into a tree
// of random cuts over the n kept values, in O(n). With the distinct values
// r_1 < r_2 < … to the right of x and r_0 = x it is
//
//	E(x) = Σ_k (r_k − r_(k−1))/(r_k − x)
//
// plus the same to the left, plus c(1 + number of values equal to x): the gap
// before r_k is above x in the tree if its cut comes before every other cut
// between x and r_k, and cuts come in random order, in proportion to length.
// NaN if x is NaN or infinite.
func (l *Line) Depth(x float64) float64 {
	if x-x != 0 {
		return nan
	}
	at, found := slices.BinarySearch(l.sorted, x)
	equal := 0
	if found {
		for equal < len(l.sorted)-at && l.sorted[at+equal] == x {
			equal++
		}
	}
	e := PathLength(1 + equal)
	return e + sideDepth(l.sorted[at+equal:], x, false) + sideDepth(l.sorted[:at], x, true)
}

// sideDepth is the sum over the sorted values on one side of x.
func sideDepth(r []float64, x float64, left bool) float64 {
	if len(r) == 0 {
		return 0
	}
	near, far := math.Abs(r[0]-x), math.Abs(r[len(r)-1]-x)
	if left {
		near, far = far, near
	}
	switch {
	case near < 1e-75 || far > 1e75:
		return sideDepthWide(r, x, left)
	case left:
		return leftDepth(r, x)
	}
	return rightDepth(r, x)
}

// rightDepth takes two gaps at a time, over a common denominator: a division
// costs more than the three multiplications that replace it. sideDepth sees to
// it that no product leaves the range of float64.
func rightDepth(r []float64, x float64) float64 {
	e, prev := 0.0, x
	for ; len(r) >= 2; r = r[2:] {
		a, b := r[0], r[1]
		e += ((a-prev)*(b-x) + (b-a)*(a-x)) / ((a - x) * (b - x))
		prev = b
	}
	if len(r) > 0 {
		e += (r[0] - prev) / (r[0] - x)
	}
	return e
}

func leftDepth(r []float64, x float64) float64 {
	e, prev := 0.0, x
	for ; len(r) >= 2; r = r[:len(r)-2] {
		a, b := r[len(r)-1], r[len(r)-2]
		e += ((prev-a)*(x-b) + (a-b)*(x-a)) / ((x - a) * (x - b))
		prev = b
	}
	if len(r) > 0 {
		e += (prev - r[0]) / (x - r[0])
	}
	return e
}

// sideDepthWide is for distances at the ends of float64's range. Where they
// would overflow it works on halves.
func sideDepthWide(r []float64, x float64, left bool) float64 {
	half := 1.0
	if math.IsInf(r[0]-x, 0) || math.IsInf(r[len(r)-1]-x, 0) {
		half = 0.5
	}
	e, prev := 0.0, x
	for k := range r {
		v := r[k]
		if left {
			v = r[len(r)-1-k]
		}
		if all := v*half - x*half; all != 0 {
			e += (v*half - prev*half) / all
		}
		prev = v
	}
	return e
}
