package forest

// Encode appends the forest to dst and returns the longer slice: versioned,
// checksummed, about 90 KB for 100 trees of 256 rows. Options.Workers is not
// part of it.
func (f *Forest) Encode(dst []byte) []byte {
	return seal(dst, kindForest, func(w *writer) {
		w.options(f.opt)
		w.f64(f.threshold)
		w.u32(uint32(f.features))
		w.trees(&f.grove)
	})
}

// Encode appends the whole state of the stream to dst and returns the longer
// slice. A stream that is decoded from it goes on with the same bits.
func (s *Stream) Encode(dst []byte) []byte {
	return seal(dst, kindStream, func(w *writer) {
		w.options(s.opt.Options)
		for _, v := range []int{s.opt.Features, s.opt.Window, s.opt.Horizon, s.opt.Rebuild, s.opt.Every, s.next, s.held()} {
			w.u32(uint32(v))
		}
		w.u64(s.tick)
		for _, v := range s.rows {
			w.f64(v)
		}
		w.trees(&s.grove)
	})
}

// Encode appends the state of the line to dst and returns the longer slice.
func (l *Line) Encode(dst []byte) []byte {
	return seal(dst, kindLine, func(w *writer) {
		w.u32(uint32(l.opt.Window))
		w.u32(uint32(l.opt.Horizon))
		w.u64(l.opt.Seed)
		w.u64(l.tick)
		w.u32(uint32(len(l.sorted)))
		for _, v := range l.bySlot() {
			w.f64(v)
		}
	})
}

func (w *writer) options(o Options) {
	w.u32(uint32(o.Trees))
	w.u32(uint32(o.Sample))
	w.u32(uint32(int32(o.MaxDepth)))
	w.u64(o.Seed)
	w.u8(uint8(o.Split))
	boxes := uint8(0)
	if o.Boxes {
		boxes = 1
	}
	w.u8(boxes)
	w.f64(o.Contamination)
	if o.Leaf > 1 {
		w.version = 2
		w.u16(uint16(o.Leaf))
	}
}

// trees writes each tree as its sample size, its nodes in the order of a
// descent that goes left first, its boxes and its frame. What follows from
// these (children, depths, path lengths, norms) is not written, so it need not
// be believed.
func (w *writer) trees(g *grove) {
	for t, at := range g.trees {
		w.u16(at.rows)
		if at.rows == 0 {
			continue
		}
		src := g.lift(t)
		w.descend(src.nodes, 0)
		if g.boxes == nil {
			continue
		}
		for _, v := range src.frame {
			w.f64(v)
		}
		for _, v := range src.sides {
			w.f32(v)
		}
	}
}

// These stand in the place of a feature.
const (
	leafMark  = 0xffff
	twinsMark = 0xfffe
)

func (w *writer) descend(nodes []node, at uint32) {
	n := &nodes[at]
	if n.leaf() || n.twins() {
		mark := uint16(leafMark)
		if n.twins() {
			mark = twinsMark
		}
		w.u16(mark)
		w.u16(n.size)
		return
	}
	w.u16(n.feat)
	w.u16(n.size)
	w.f64(n.split())
	w.descend(nodes, n.child)
	w.descend(nodes, n.child+1)
}
