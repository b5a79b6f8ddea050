package record

import (
	"encoding/binary"
	"errors"
)

// errWire is the one error of a payload that does not decode. The checksum
// held, so a program wrote it: a newer one, or an enemy.
var errWire = errors.New("malformed block")

// cursor reads a payload front to back. The first failure sticks, and every
// read after it gives zero, so that callers check err once; no read allocates
// more than the payload is long.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) fail() { c.b, c.err = nil, errWire }

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

// count reads a number of things of at least size bytes each (0 = any): more
// than limit, or than the rest of the payload can hold, is a failure.
func (c *cursor) count(limit, size int) int {
	v := c.uvarint()
	if v > uint64(limit) || v*uint64(size) > uint64(len(c.b)) {
		c.fail()
		return 0
	}
	return int(v)
}

// bytes returns the next n bytes, not copied.
func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

// section returns the next length-prefixed run of bytes, not copied.
func (c *cursor) section() []byte { return c.bytes(c.count(maxPayload, 1)) }

func (c *cursor) byte() byte {
	b := c.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// fronts codes strings by what they share with the string before them in the
// same slot: names of neighbouring series mostly do, and it costs no state
// beyond the block. spent bounds what a short payload can unfold to.
type fronts struct {
	last  []string
	spent int
}

func (f *fronts) slot(i int) *string {
	for len(f.last) <= i {
		f.last = append(f.last, "")
	}
	return &f.last[i]
}

func (f *fronts) append(b []byte, slot int, s string) []byte {
	last := f.slot(slot)
	n := 0
	for n < len(s) && n < len(*last) && s[n] == (*last)[n] {
		n++
	}
	*last = s
	b = binary.AppendUvarint(b, uint64(n))
	return appendString(b, s[n:])
}

func (f *fronts) read(c *cursor, slot int) string {
	last := f.slot(slot)
	n := c.count(len(*last), 0)
	rest := c.section()
	switch {
	case n == len(*last) && len(rest) == 0:
		return *last
	case f.spent+n+len(rest) > maxNames || n+len(rest) > maxString:
		c.fail()
		return ""
	}
	f.spent += n + len(rest)
	*last = (*last)[:n] + string(rest)
	return *last
}
