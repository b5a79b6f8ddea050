package forest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// The encoding of all three types: "fwif", a version byte, a kind byte, the
// CRC-32C of what follows, and the body, in little-endian order. A change of
// the body raises the version; the decoder keeps reading the version before.
// Version 2 has Options.Leaf; where that is 1, version 1 is written.
const (
	magic       = "fwif"
	version     = 2
	kindForest  = 1
	kindStream  = 2
	kindLine    = 3
	headerBytes = 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer appends numbers to b.
type writer struct {
	b       []byte
	version uint8 // that what was written needs
}

func (w *writer) u8(v uint8)    { w.b = append(w.b, v) }
func (w *writer) u16(v uint16)  { w.b = binary.LittleEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)  { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)  { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *writer) f32(v float32) { w.u32(math.Float32bits(v)) }
func (w *writer) f64(v float64) { w.u64(math.Float64bits(v)) }

// seal appends the header and a body to dst.
func seal(dst []byte, kind uint8, body func(*writer)) []byte {
	at := len(dst)
	w := writer{b: append(dst, magic...), version: 1}
	w.u8(0) // the version, see below
	w.u8(kind)
	w.u32(0)
	body(&w)
	w.b[at+4] = w.version
	sum := crc32.Checksum(w.b[at+headerBytes:], castagnoli)
	binary.LittleEndian.PutUint32(w.b[at+6:], sum)
	return w.b
}

// reader takes numbers from b. Past the end it yields zeros and is short.
type reader struct {
	b       []byte
	version uint8
	short   bool
}

// open checks the header and returns a reader of the body.
func open(b []byte, kind uint8) (*reader, error) {
	switch {
	case len(b) < headerBytes || string(b[:4]) != magic:
		return nil, fmt.Errorf("%w: no header", ErrFormat)
	case b[4] < 1 || b[4] > version:
		return nil, fmt.Errorf("%w: version %d, this package reads 1…%d", ErrFormat, b[4], version)
	case b[5] != kind:
		return nil, fmt.Errorf("%w: kind %d, want %d", ErrFormat, b[5], kind)
	case crc32.Checksum(b[headerBytes:], castagnoli) != binary.LittleEndian.Uint32(b[6:]):
		return nil, fmt.Errorf("%w: checksum does not match", ErrFormat)
	}
	return &reader{b: b[headerBytes:], version: b[4]}, nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.b, r.short = nil, true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) u8() uint8 {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (r *reader) f64() float64 { return math.Float64frombits(r.u64()) }

// int reads an int that was written as u32.
func (r *reader) int() int { return int(int32(r.u32())) }

// end reports whether all was read and nothing was missing.
func (r *reader) end() error {
	if r.short || len(r.b) > 0 {
		return fmt.Errorf("%w: wrong length", ErrFormat)
	}
	return nil
}
