package record

import (
	"bytes"
	"math"
	"math/bits"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// block is a decoded payload whose columns are still coded: only those that
// are asked for are unpacked.
type block struct {
	lanes   int
	rows    []row
	series  []collect.Sample // Value unset
	columns [][]byte
	names   []byte // the coded form of series
	where   Damage // what to say if a column does not decode
}

// stand gives the rows their positions; the first stands at start.
func (k *block) stand(start position) {
	for i := range k.rows {
		if i > 0 {
			start.mono += step(k.rows[i].elapsed)
		}
		k.rows[i].at = start
	}
}

// decode reads a payload into k. Strings are shared with the block that k held
// before if the names are the same, as they mostly are.
func (k *block) decode(payload []byte) error {
	c := &cursor{b: payload}
	k.lanes = c.count(maxLanes, 0)
	n := c.count(maxRows, 2)
	if n == 0 || k.lanes != 1 && k.lanes != maxLanes {
		return errWire
	}
	k.readRows(c, n)
	k.readErrors(c)
	k.readNames(c.bytes(c.count(maxNames, 1)))
	if c.err == nil && k.names == nil || len(k.series)*n*k.lanes > maxValues {
		c.fail()
	}
	k.columns = k.columns[:0]
	for range k.series {
		k.columns = append(k.columns, c.section())
	}
	if c.err == nil && len(c.b) > 0 {
		c.fail()
	}
	return c.err
}

func (k *block) readRows(c *cursor, n int) {
	k.rows = k.rows[:0]
	at, e := c.varint(), c.varint()
	step := e
	for i := range n {
		if i > 0 {
			step += c.varint()
			at += step
			e = c.varint() + step
		}
		if e < 0 || e > maxElapsed {
			c.fail()
			return
		}
		k.rows = append(k.rows, row{time: at, elapsed: e, frames: 1})
	}
	if k.lanes > 1 {
		for i := range k.rows {
			k.rows[i].frames = c.count(math.MaxInt32, 0)
		}
	}
}

func (k *block) readErrors(c *cursor) {
	changes := c.count(len(k.rows), 2)
	var texts map[string]string
	from := 0
	for range changes {
		at := c.count(len(k.rows)-1, 0)
		n := c.count(maxErrors, 2)
		if at < from || c.err != nil {
			c.fail()
			return
		}
		for ; from < at; from++ {
			k.rows[from].errors = texts
		}
		texts = nil
		if n > 0 {
			texts = make(map[string]string, n)
		}
		for range n {
			name := string(c.section())
			texts[name] = string(c.section())
		}
	}
	for ; from < len(k.rows); from++ {
		k.rows[from].errors = texts
	}
}

// readNames leaves k.names nil where they do not decode.
func (k *block) readNames(names []byte) {
	if k.names != nil && bytes.Equal(names, k.names) {
		return
	}
	k.names, k.series = nil, nil
	c := &cursor{b: names}
	var f fronts
	n := c.count(maxColumns, 5)
	series := make([]collect.Sample, 0, n)
	for range n {
		s := collect.Sample{Metric: f.read(c, 0), Target: f.read(c, 1)}
		if dims := c.count(maxDims, 4); dims > 0 {
			s.Dims = make([]collect.Label, dims)
		}
		for i := range s.Dims {
			s.Dims[i] = collect.Label{Name: f.read(c, 2+2*i), Value: f.read(c, 3+2*i)}
		}
		if c.err != nil {
			return
		}
		series = append(series, s)
	}
	if len(c.b) > 0 {
		return
	}
	k.names, k.series = bytes.Clone(names), series
}

// unpacked is one column, unpacked: row i has a value if has(i), and it is the
// next one of each lane.
type unpacked struct {
	bitmap []byte // nil = every row
	values [maxLanes][]uint32
}

func (u *unpacked) has(row int) bool { return u.bitmap == nil || u.bitmap[row/8]>>(row%8)&1 == 1 }

// unpack decodes column i into u, whose memory it reuses.
func (k *block) unpack(i int, u *unpacked) error {
	c := &cursor{b: k.columns[i]}
	flags := c.byte()
	n := len(k.rows)
	u.bitmap = nil
	if flags>>7 == 1 {
		u.bitmap = c.bytes((n + 7) / 8)
		n = 0
		for _, b := range u.bitmap {
			n += bits.OnesCount8(b)
		}
		if n > len(k.rows) {
			return errWire
		}
	}
	for l := range k.lanes {
		u.values[l] = readValues(c, flags>>(2*l)&3, n, u.values[l])
		if len(u.values[l]) != n {
			return errWire
		}
	}
	if c.err == nil && len(c.b) > 0 {
		c.fail()
	}
	return c.err
}

// frames unpacks the whole block and calls yield with each row and its frame,
// whose values are those of the lane. It stops early if yield returns false.
func (k *block) frames(lane int, yield func(row, collect.Frame) bool) error {
	columns := make([]unpacked, len(k.series))
	for i := range columns {
		if err := k.unpack(i, &columns[i]); err != nil {
			return err
		}
	}
	for r, row := range k.rows {
		f := collect.Frame{
			Time:    time.Unix(0, row.time).UTC(),
			Elapsed: time.Duration(row.elapsed),
			Errors:  row.errors,
			Samples: make([]collect.Sample, 0, len(k.series)),
		}
		for i := range columns {
			u := &columns[i]
			if !u.has(r) {
				continue
			}
			s := k.series[i]
			s.Value = float64(math.Float32frombits(u.values[lane][0]))
			for l := range k.lanes {
				u.values[l] = u.values[l][1:]
			}
			f.Samples = append(f.Samples, s)
		}
		if !yield(row, f) {
			return nil
		}
	}
	return nil
}
