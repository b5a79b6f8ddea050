package record

import (
	"encoding/binary"
	"math/bits"
)

// How a run of values is coded; the smallest that holds it.
const (
	codeZero  = iota // every value is +0: no bytes
	codeConst        // every value is the same: 4 bytes
	codeXOR          // bit stream, see appendXOR
	codeRaw          // 4 bytes a value, little endian
)

// appendValues appends the bit patterns of float32 values and returns the code
// it used.
func appendValues(b []byte, v []uint32) ([]byte, byte) {
	if len(v) == 0 {
		return b, codeZero
	}
	same := true
	for _, x := range v {
		same = same && x == v[0]
	}
	switch {
	case same && v[0] == 0:
		return b, codeZero
	case same:
		return binary.LittleEndian.AppendUint32(b, v[0]), codeConst
	}
	start := len(b)
	if b = appendXOR(b, v); len(b)-start < 4*len(v) {
		return b, codeXOR
	}
	b = b[:start]
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b, codeRaw
}

// readValues decodes n values into dst, which it reuses.
func readValues(c *cursor, code byte, n int, dst []uint32) []uint32 {
	dst = dst[:0]
	switch code {
	case codeZero:
		for range n {
			dst = append(dst, 0)
		}
	case codeConst:
		if b := c.bytes(4); b != nil {
			v := binary.LittleEndian.Uint32(b)
			for range n {
				dst = append(dst, v)
			}
		}
	case codeXOR:
		return readXOR(c, n, dst)
	case codeRaw:
		b := c.bytes(4 * n)
		for ; len(b) >= 4; b = b[4:] {
			dst = append(dst, binary.LittleEndian.Uint32(b))
		}
	}
	return dst
}

// appendXOR codes each value by its XOR with the one before, as Gorilla does
// for float64 (Pelkonen et al. 2015, DOI 10.14778/2824032.2824078, §4.1.2),
// here over 32 bits: "0" = the same; "10" = the meaningful bits fit the window
// of the last; "11" = 5 bits of leading zeros, 5 bits of length − 1, the bits.
// The first value is plain. The stream is padded to whole bytes.
func appendXOR(b []byte, v []uint32) []byte {
	w := bitWriter{b: binary.LittleEndian.AppendUint32(b, v[0])}
	lead, width := 0, 0 // of the last window; width 0 = none yet
	for i := 1; i < len(v); i++ {
		x := v[i] ^ v[i-1]
		if x == 0 {
			w.put(0, 1)
			continue
		}
		l, t := bits.LeadingZeros32(x), bits.TrailingZeros32(x)
		if width > 0 && l >= lead && t >= 32-lead-width && width < 10+32-l-t {
			w.put(0b10, 2)
			w.put(x>>(32-lead-width), width)
			continue
		}
		lead, width = l, 32-l-t
		w.put(0b11, 2)
		w.put(uint32(lead), 5)
		w.put(uint32(width-1), 5)
		w.put(x>>t, width)
	}
	return w.flush()
}

func readXOR(c *cursor, n int, dst []uint32) []uint32 {
	first := c.bytes(4)
	if first == nil || n == 0 {
		c.fail()
		return dst
	}
	last := binary.LittleEndian.Uint32(first)
	dst = append(dst, last)
	r := bitReader{b: c.b}
	lead, width := 0, 0
	for len(dst) < n && !r.over {
		if r.take(1) == 1 {
			if r.take(1) == 1 {
				lead, width = int(r.take(5)), int(r.take(5))+1
			}
			if width == 0 || lead+width > 32 {
				c.fail()
				return dst
			}
			last ^= r.take(width) << (32 - lead - width)
		}
		dst = append(dst, last)
	}
	if r.over {
		c.fail()
		return dst
	}
	c.b = c.b[r.used():]
	return dst
}

// bitWriter appends bits, highest first.
type bitWriter struct {
	b    []byte
	acc  uint64
	held int
}

func (w *bitWriter) put(v uint32, n int) {
	w.acc = w.acc<<n | uint64(v)
	for w.held += n; w.held >= 8; w.held -= 8 {
		w.b = append(w.b, byte(w.acc>>(w.held-8)))
	}
}

func (w *bitWriter) flush() []byte {
	if w.held > 0 {
		w.b = append(w.b, byte(w.acc<<(8-w.held)))
	}
	return w.b
}

// bitReader takes bits, highest first; over is set once they ran out.
type bitReader struct {
	b    []byte
	pos  int
	acc  uint64
	held int
	over bool
}

func (r *bitReader) take(n int) uint32 {
	for r.held < n {
		if r.pos == len(r.b) {
			r.over = true
			return 0
		}
		r.acc = r.acc<<8 | uint64(r.b[r.pos])
		r.pos++
		r.held += 8
	}
	r.held -= n
	return uint32(r.acc >> r.held & (1<<n - 1))
}

// used is how many bytes were begun.
func (r *bitReader) used() int { return r.pos }
