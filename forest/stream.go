package forest

import (
	"fmt"
	"slices"
)

// StreamOptions configure NewStream. Of Options, Contamination must be 0 and
// Workers is without effect.
type StreamOptions struct {
	Options
	// Features is d, the number of values of a row, 1…4096.
	Features int
	// Window is the number of rows kept, 1…1048576; 0 means 4 × Sample.
	Window int
	// Horizon is how far back the kept rows reach. 0: they are the last Window
	// rows. Otherwise at least Window: a sample of the past in which a row that
	// is k rows old remains with probability (1−1/Horizon)^k, so its mean age
	// is Horizon rows.
	Horizon int
	// Rebuild trees, taken in turn, are grown anew from the kept rows per Every
	// rows. 0 means 1 for both: a forest of 100 trees is renewed every 100 rows.
	Rebuild, Every int
}

// Stream is an isolation forest over a stream of rows. It keeps a bounded
// sample of the rows and regrows its trees from it one after the other, so each
// update costs the same, whatever came before, and allocates nothing once the
// trees have reached their usual size.
//
// The state after n rows is a function of the options and those rows, bit for
// bit on one GOARCH. Score and Contributions may run concurrently with each
// other, but not beside Update or Observe.
type Stream struct {
	grove
	opt    StreamOptions
	keep   reservoir
	rows   []float64 // the kept rows, one after the other
	row    func(i int) []float64
	tick   uint64 // rows seen
	next   int    // slot of the tree to regrow next
	stride int    // places in grove.nodes per tree, odd; 0: they are packed
	grower *builder
	holes  bool // rows may hold NaN
}

// minStride is the room for nodes that every tree of a stream has.
const minStride = 63

// NewStream returns a stream that has seen nothing: every score is 0.5 until
// the first trees have rows.
func NewStream(o StreamOptions) (*Stream, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("new stream: %w", err)
	}
	keep, err := newReservoir(o.Window, o.Horizon, o.Seed)
	if err != nil {
		return nil, fmt.Errorf("new stream: %w", err)
	}
	s := &Stream{opt: o, keep: keep, stride: minStride}
	s.row = func(i int) []float64 { return s.rows[i*s.features : (i+1)*s.features] }
	s.grower = newBuilder(o.Options, o.Features, false)
	if o.Boxes && o.Leaf > 1 {
		s.grove = newGrove(o.Options, o.Features, o.Trees)
		s.stride, s.nodes, s.pack = 0, nil, newPack(o.Options, o.Features)
		s.plantAll(slices.Repeat([]grown{blank()}, o.Trees))
		return s, nil
	}
	s.grove = newGrove(o.Options, o.Features, o.Trees*s.stride)
	for t := range s.trees {
		s.put(t, uint32(t*s.stride), blank())
	}
	return s, nil
}

// Sibling returns a stream of the same options but for the seed that has seen
// nothing. It grows its trees with the memory of s: of many streams of one kind,
// each then takes 20 to 60 kB less, and none may be updated beside another.
func (s *Stream) Sibling(seed uint64) (*Stream, error) {
	o := s.opt
	o.Seed = seed
	twin, err := NewStream(o)
	if err == nil {
		twin.grower, twin.table = s.grower, s.table
	}
	return twin, err
}

func (o StreamOptions) withDefaults() (StreamOptions, error) {
	var err error
	if o.Options, err = o.Options.withDefaults(); err != nil {
		return o, err
	}
	if o.Window == 0 {
		o.Window = 4 * o.Sample
	}
	o.Sample = min(o.Sample, max(o.Window, 1))
	o.Leaf = min(o.Leaf, o.Sample)
	if o.Rebuild == 0 {
		o.Rebuild = 1
	}
	if o.Every == 0 {
		o.Every = 1
	}
	switch {
	case o.Contamination != 0:
		return o, fmt.Errorf("%w: Contamination has no meaning in a stream", ErrOptions)
	case o.Features < 1 || o.Features > MaxFeatures:
		return o, fmt.Errorf("%w: Features %d is not in 1…%d", ErrOptions, o.Features, MaxFeatures)
	case o.Rebuild < 0 || o.Rebuild > o.Trees:
		return o, fmt.Errorf("%w: Rebuild %d is not in 1…Trees %d", ErrOptions, o.Rebuild, o.Trees)
	case o.Every < 0:
		return o, fmt.Errorf("%w: Every %d is negative", ErrOptions, o.Every)
	}
	return o, nil
}

// Options returns the options with the defaults filled in.
func (s *Stream) Options() StreamOptions { return s.opt }

// Seen returns the number of rows seen.
func (s *Stream) Seen() uint64 { return s.tick }

// Ready reports whether every tree has been grown from Sample rows: true from
// row Sample + ⌈Trees/Rebuild⌉ on. Until then Rebuild trees are regrown with
// every row, whatever Every says, and scores are provisional.
func (s *Stream) Ready() bool { return s.tick >= s.readyAt() }

func (s *Stream) readyAt() uint64 {
	return uint64(s.opt.Sample + (s.opt.Trees+s.opt.Rebuild-1)/s.opt.Rebuild)
}

// Bytes returns the memory of the trees and the kept rows, in bytes.
func (s *Stream) Bytes() int { return s.bytes() + 8*cap(s.rows) }

// Score is Forest.Score for the trees as they are: x is judged by the rows that
// came before.
func (s *Stream) Score(x []float64) float64 {
	if len(x) != s.features {
		return nan
	}
	return s.score(x)
}

// Contributions is Forest.Contributions for the trees as they are.
func (s *Stream) Contributions(dst, x []float64) []float64 { return s.contributions(dst, x) }

// Observe scores x by the rows before it and then learns it. The error is
// Update's; the score is then NaN.
func (s *Stream) Observe(x []float64) (score float64, err error) {
	score = s.Score(x)
	if err := s.Update(x); err != nil {
		return nan, err
	}
	return score, nil
}

// Update learns x, of length d. NaN values are missing (see Train). A row of
// another length or with an infinity is ErrInput and changes nothing.
func (s *Stream) Update(x []float64) error {
	if len(x) != s.features {
		return fmt.Errorf("update stream: %w: row has %d features, want %d", ErrInput, len(x), s.features)
	}
	switch classify(x) {
	case holdsInf:
		return fmt.Errorf("update stream: %w: row holds an infinity", ErrInput)
	case holdsNaN:
		s.holes = true
	}
	s.tick++
	if slot, keep := s.keep.place(s.tick); keep {
		s.hold(slot, x)
	}
	if s.tick <= s.readyAt() || s.tick%uint64(s.opt.Every) == 0 {
		for range s.opt.Rebuild {
			s.regrow()
		}
	}
	return nil
}

// held is the number of rows kept now.
func (s *Stream) held() int { return len(s.rows) / s.features }

// hold puts x into a slot: one that is taken, or the first that is not.
func (s *Stream) hold(slot int, x []float64) {
	if slot < s.held() {
		copy(s.row(slot), x)
		return
	}
	if len(s.rows) == cap(s.rows) { // double, but not past the window
		room := min(max(64, 2*slot), s.opt.Window) * len(x)
		s.rows = append(make([]float64, 0, room), s.rows...)
	}
	s.rows = append(s.rows, x...)
}

// regrow replaces the tree whose turn it is.
func (s *Stream) regrow() {
	s.grower.missing = s.holes
	src := s.grower.build(s.held(), s.row, seedFor(s.opt.Seed, s.tick, s.next))
	s.lay(s.next, src)
	s.next = (s.next + 1) % len(s.trees)
}

// lay puts tree t in the place of what was there.
func (s *Stream) lay(t int, src grown) {
	if s.pack != nil {
		s.grower.packed = s.pack.write(s.grower.packed[:0], &src, 0, nil)
		s.replace(t, src, s.grower.packed)
		return
	}
	if len(src.nodes) > s.stride {
		s.widen(len(src.nodes))
	}
	s.put(t, uint32(t*s.stride), src)
}

// widen gives each tree room for at least n nodes and a few more, but not for more
// than any tree has. The number is odd, which boxSet relies on.
func (s *Stream) widen(n int) {
	s.stride = max(n, min(n+n/16, 2*s.opt.Sample-1)) | 1
	wider := newGrove(s.opt.Options, s.features, len(s.trees)*s.stride)
	for t := range s.trees {
		wider.put(t, uint32(t*s.stride), s.lift(t))
	}
	wider.table = s.table
	s.grove = wider
}
