package record

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/firewatch-agent/firewatch/collect"
)

// Bounds of one block, the same for the writer, which cuts a block before it
// passes one, and for the reader, which takes a block beyond them for damage.
const (
	maxPayload = 16 << 20 // bytes of a payload
	maxRows    = 4096     // rows in a block
	maxColumns = 1 << 16  // series in a block
	maxValues  = 1 << 20  // rows × series × lanes
	maxDims    = 32       // dimensions of a series
	maxString  = 4 << 10  // bytes of a name, target, dimension or error
	maxNames   = 4 << 20  // bytes of all names of a block, with 4 for each string
	maxErrors  = 256      // collectors with an error in one frame
	maxTexts   = 1 << 20  // bytes of all error texts of a block
	maxLanes   = 3        // mean, max and missed
	maxElapsed = 1 << 60  // nanoseconds (36 years)
)

// row is what belongs to a frame rather than to one of its samples.
type row struct {
	time    int64 // wall clock, ns since 1970
	elapsed int64 // ns since the row before
	frames  int   // frames that went into it: 1, or those of a 10 s row
	errors  map[string]string
	at      position // set when it is read
}

// Series is the identity of a series; its dimensions only describe it.
type Series struct{ Metric, Target string }

// column is one series of the block that is being built. values[lane] holds
// its readings in the rows at, which are those that have one.
type column struct {
	Series
	dims   []collect.Label
	pos    int
	at     []uint16
	values [maxLanes][]uint32
}

// builder gathers rows until they are encoded as one block. Its columns keep
// the order of the samples in the frames, so that a frame comes back as it
// went in: a series seen for the first time is inserted where it stood.
type builder struct {
	lanes   int // 1, or 3 for the 10 s tier
	rows    []row
	columns []*column
	index   map[Series]*column
	names   int // bytes of names and dimensions so far
	texts   int // bytes of error texts so far
	start   position
	end     position
	placed  []*column // scratch of add
}

func newBuilder(lanes int) *builder {
	return &builder{lanes: lanes, index: map[Series]*column{}}
}

// reset forgets the rows and the columns, and keeps their memory where it is
// likely to be needed again.
func (b *builder) reset() {
	b.rows, b.columns = b.rows[:0], b.columns[:0]
	clear(b.index)
	clear(b.placed)
	b.names, b.texts = 0, 0
}

// add takes one row. samples are those of the frame; lane(i) gives the values
// of sample i. It takes nothing and returns false if the row does not fit:
// another order, other dimensions, or too large a block; it always fits an
// empty builder, less the samples that no block can hold, which are counted
// in dropped.
func (b *builder) add(r row, at position, samples []collect.Sample, lane func(i int) [maxLanes]float32) (dropped int, ok bool) {
	b.placed = b.placed[:0]
	next := 0
	for i := range samples {
		s := &samples[i]
		c := b.place(s, next)
		if c == nil {
			if len(b.rows) > 0 {
				return 0, false
			}
			dropped++
			b.placed = append(b.placed, nil)
			continue
		}
		next = c.pos + 1
		b.placed = append(b.placed, c)
	}
	n := len(b.rows)
	texts := b.texts + sizeOf(r.errors)
	if n > 0 && (n == maxRows || texts > maxTexts || (n+1)*len(b.columns)*b.lanes > maxValues) {
		return 0, false
	}
	if n == 0 {
		b.start = at
	}
	b.end, b.texts = at, texts
	b.rows = append(b.rows, r)
	for i, c := range b.placed {
		if c == nil {
			continue
		}
		v := lane(i)
		c.at = append(c.at, uint16(n))
		for l := range b.lanes {
			c.values[l] = append(c.values[l], math.Float32bits(v[l]))
		}
	}
	return dropped, true
}

// place returns the column of s at position next or later, inserting one at
// next if there is none. It returns nil if the series stands earlier, has
// other dimensions there, or is beyond a bound.
func (b *builder) place(s *collect.Sample, next int) *column {
	if next < len(b.columns) {
		if c := b.columns[next]; c.Metric == s.Metric && c.Target == s.Target && sameDims(c.dims, s.Dims) {
			return c
		}
	}
	k := Series{s.Metric, s.Target}
	if c := b.index[k]; c != nil {
		if c.pos < next || !sameDims(c.dims, s.Dims) {
			return nil
		}
		return c
	}
	size := nameSize(s)
	if size < 0 || b.names+size > maxNames || len(b.columns) == maxColumns || (len(b.columns)+1)*b.lanes > maxValues {
		return nil
	}
	b.names += size
	c := &column{Series: k, dims: s.Dims}
	b.index[k] = c
	b.columns = slices.Insert(b.columns, next, c)
	for i := next; i < len(b.columns); i++ {
		b.columns[i].pos = i
	}
	return c
}

func sameDims(a, b []collect.Label) bool {
	if len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) {
		return true
	}
	return slices.Equal(a, b)
}

// nameSize is the bytes of a series' names, -1 if one is too long.
func nameSize(s *collect.Sample) int {
	if len(s.Metric) > maxString || len(s.Target) > maxString || len(s.Dims) > maxDims {
		return -1
	}
	n := len(s.Metric) + len(s.Target) + 12
	for _, d := range s.Dims {
		if len(d.Name) > maxString || len(d.Value) > maxString {
			return -1
		}
		n += len(d.Name) + len(d.Value) + 8
	}
	return n
}

func sizeOf(errors map[string]string) (n int) {
	for k, v := range errors {
		n += len(k) + len(v)
	}
	return n
}

// appendPayload appends the block as blockReader reads it: rows, errors,
// names, then one length-prefixed column after the other.
func (b *builder) appendPayload(p []byte) []byte {
	b.columns = slices.DeleteFunc(b.columns, func(c *column) bool { return len(c.at) == 0 })
	p = binary.AppendUvarint(p, uint64(b.lanes))
	p = binary.AppendUvarint(p, uint64(len(b.rows)))
	p = b.appendRows(p)
	p = b.appendErrors(p)
	p = b.appendNames(p)
	var scratch []byte
	for _, c := range b.columns {
		scratch = c.append(scratch[:0], len(b.rows), b.lanes)
		p = binary.AppendUvarint(p, uint64(len(scratch)))
		p = append(p, scratch...)
	}
	return p
}

// appendRows codes the times as differences of differences and Elapsed by its
// difference to the step of Time: both are near zero while the clock is steady.
func (b *builder) appendRows(p []byte) []byte {
	var last row
	var step int64
	for i, r := range b.rows {
		d := r.time - last.time
		if i == 0 {
			p = binary.AppendVarint(p, d)
			p = binary.AppendVarint(p, r.elapsed)
			step = r.elapsed
		} else {
			p = binary.AppendVarint(p, d-step)
			p = binary.AppendVarint(p, r.elapsed-d)
			step = d
		}
		last = r
	}
	if b.lanes > 1 {
		for _, r := range b.rows {
			p = binary.AppendUvarint(p, uint64(r.frames))
		}
	}
	return p
}

// appendErrors codes the rows at which Errors changes, and what it is then.
func (b *builder) appendErrors(p []byte) []byte {
	var last map[string]string
	var body []byte
	n := 0
	for i, r := range b.rows {
		if maps.Equal(r.errors, last) {
			continue
		}
		n++
		last = r.errors
		body = binary.AppendUvarint(body, uint64(i))
		body = binary.AppendUvarint(body, uint64(len(last)))
		for _, k := range slices.Sorted(maps.Keys(last)) {
			body = appendString(body, k)
			body = appendString(body, last[k])
		}
	}
	p = binary.AppendUvarint(p, uint64(n))
	return append(p, body...)
}

func (b *builder) appendNames(p []byte) []byte {
	var f fronts
	names := binary.AppendUvarint(nil, uint64(len(b.columns)))
	for _, c := range b.columns {
		names = f.append(names, 0, c.Metric)
		names = f.append(names, 1, c.Target)
		names = binary.AppendUvarint(names, uint64(len(c.dims)))
		for i, d := range c.dims {
			names = f.append(names, 2+2*i, d.Name)
			names = f.append(names, 3+2*i, d.Value)
		}
	}
	p = binary.AppendUvarint(p, uint64(len(names)))
	return append(p, names...)
}

// append codes one column: a byte with bit 7 for "some rows are missing" and
// two bits for the code of each lane, a bitmap of the rows if so, the lanes.
func (c *column) append(p []byte, rows, lanes int) []byte {
	head := len(p)
	p = append(p, 0)
	var flags byte
	if len(c.at) < rows {
		flags = 1 << 7
		bitmap := make([]byte, (rows+7)/8)
		for _, r := range c.at {
			bitmap[r/8] |= 1 << (r % 8)
		}
		p = append(p, bitmap...)
	}
	for l := range lanes {
		var code byte
		p, code = appendValues(p, c.values[l])
		flags |= code << (2 * l)
	}
	p[head] = flags
	return p
}
