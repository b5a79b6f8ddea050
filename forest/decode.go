package forest

import (
	"fmt"
	"math"
)

// DecodeForest is the inverse of Forest.Encode. Bytes that are damaged, of
// another type or from a newer version are ErrFormat. It never panics, and it
// allocates at most 64 MiB or 64 times len(b), whichever is more.
func DecodeForest(b []byte) (*Forest, error) {
	r, err := open(b, kindForest)
	if err != nil {
		return nil, fmt.Errorf("decode forest: %w", err)
	}
	f := &Forest{}
	f.opt, err = r.options()
	if err != nil {
		return nil, fmt.Errorf("decode forest: %w", err)
	}
	f.threshold = r.f64()
	features := r.int()
	if features < 1 || features > MaxFeatures || math.IsNaN(f.threshold) {
		return nil, fmt.Errorf("decode forest: %w: %d features, threshold %v", ErrFormat, features, f.threshold)
	}
	trees, err := r.trees(f.opt, features)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, fmt.Errorf("decode forest: %w", err)
	}
	f.assemble(features, trees)
	return f, nil
}

// DecodeStream is the inverse of Stream.Encode, with the guarantees of
// DecodeForest.
func DecodeStream(b []byte) (*Stream, error) {
	s, err := decodeStream(b)
	if err != nil {
		return nil, fmt.Errorf("decode stream: %w", err)
	}
	return s, nil
}

func decodeStream(b []byte) (*Stream, error) {
	r, err := open(b, kindStream)
	if err != nil {
		return nil, err
	}
	var o StreamOptions
	if o.Options, err = r.options(); err != nil {
		return nil, err
	}
	o.Features, o.Window, o.Horizon, o.Rebuild, o.Every = r.int(), r.int(), r.int(), r.int(), r.int()
	next, held, tick := r.int(), r.int(), r.u64()
	if err := affordable(len(b), o.Trees*minStride, o); err != nil {
		return nil, err
	}
	s, err := NewStream(o)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	case s.opt != o:
		return nil, fmt.Errorf("%w: options without their defaults", ErrFormat)
	case next < 0 || next >= o.Trees || uint64(max(held, 0)) != min(tick, uint64(o.Window)):
		return nil, fmt.Errorf("%w: %d rows held of %d, tree %d is next", ErrFormat, held, tick, next)
	case len(r.b)/8/o.Features < held:
		return nil, fmt.Errorf("%w: wrong length", ErrFormat)
	}
	s.tick, s.next = tick, next
	row := make([]float64, o.Features)
	for slot := range held {
		for j := range row {
			row[j] = r.f64()
		}
		switch classify(row) {
		case holdsInf:
			return nil, fmt.Errorf("%w: row holds an infinity", ErrFormat)
		case holdsNaN:
			s.holes = true
		}
		s.hold(slot, row)
	}
	return s, s.replant(r, len(b))
}

// replant reads the trees of a stream.
func (s *Stream) replant(r *reader, size int) error {
	trees, err := r.trees(s.opt.Options, s.features)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return err
	}
	widest := 0
	for _, src := range trees {
		widest = max(widest, len(src.nodes))
	}
	if err := affordable(size, s.opt.Trees*widest, s.opt); err != nil {
		return err
	}
	switch {
	case s.pack != nil:
		s.plantAll(trees)
		return nil
	case widest > s.stride:
		s.widen(widest)
	}
	for t, src := range trees {
		s.lay(t, src)
	}
	return nil
}

// affordable keeps decoding within its promise for a stream's arrays, whose
// size depends on the options and on the greatest tree.
func affordable(size, places int, o StreamOptions) error {
	need := int64(places)*16 + int64(o.Sample)*(64+8*int64(o.Features))
	if o.Boxes {
		need += int64(places+o.Sample+4*o.Trees) * 4 * int64(o.Features)
	}
	if need < 0 || need > max(64<<20, 64*int64(size))/2 {
		return fmt.Errorf("%w: %d bytes claim %d in memory", ErrFormat, size, need)
	}
	return nil
}

// DecodeLine is the inverse of Line.Encode, with the guarantees of
// DecodeForest.
func DecodeLine(b []byte) (*Line, error) {
	r, err := open(b, kindLine)
	if err != nil {
		return nil, fmt.Errorf("decode line: %w", err)
	}
	o := LineOptions{Window: r.int(), Horizon: r.int(), Seed: r.u64()}
	tick, held := r.u64(), r.int()
	l, err := NewLine(o)
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode line: %w: %w", ErrFormat, err)
	case l.opt != o || uint64(max(held, 0)) != min(tick, uint64(o.Window)) || len(r.b)/8 < held:
		return nil, fmt.Errorf("decode line: %w: %d values held of %d", ErrFormat, held, tick)
	}
	l.tick = tick
	values := make([]float64, max(0, held))
	for i := range values {
		v := r.f64()
		if v-v != 0 {
			return nil, fmt.Errorf("decode line: %w: value %v", ErrFormat, v)
		}
		values[i] = v
	}
	l.fill(values)
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode line: %w", err)
	}
	return l, nil
}

func (r *reader) options() (Options, error) {
	o := Options{Trees: r.int(), Sample: r.int(), MaxDepth: r.int(), Seed: r.u64()}
	o.Split = Split(r.u8())
	o.Boxes = r.u8() == 1
	o.Contamination = r.f64()
	o.Leaf = 1
	if r.version > 1 {
		o.Leaf = int(r.u16())
	}
	full, err := o.withDefaults()
	if err != nil || full != o {
		return o, fmt.Errorf("%w: options %+v", ErrFormat, o)
	}
	return o, nil
}
