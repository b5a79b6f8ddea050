package record

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// magic is the first line of every file: what it is and the version of the
// format. A reader refuses a version it does not know.
const magic = "firewatch record 1\n"

// marker begins every block; it is neither text nor a likely float32.
const marker = "\xf1\xb1\x0c\xab"

// The kinds of block.
const (
	kindHeader = 'H' // JSON of a Header, once, at the start of a recording
	kindRows   = 'R' // frames as they were
	kindCoarse = 'C' // 10 s rows
)

// position orders everything a History ever wrote, whatever the wall clock
// did: the number of the run of the agent, and in it the nanoseconds of
// Elapsed since its first frame (at least one per frame).
type position struct {
	run  uint32
	mono int64
}

func (p position) before(q position) bool {
	return p.run < q.run || p.run == q.run && p.mono < q.mono
}

// header is the fixed part of a block. It has a checksum of its own, so that
// a reader can step over blocks that it does not need and trust their length.
type header struct {
	kind       byte
	length     uint32 // of the payload
	checksum   uint32 // CRC-32C of the payload
	rows       uint32
	start, end position // of the first and the last row
	min, max   int64    // wall-clock times of the rows, ns
}

const headerSize = 60

var castagnoli = crc32.MakeTable(crc32.Castagnoli) // hardware-backed on amd64 and arm64

// appendBlock appends a whole block: header and payload.
func appendBlock(b []byte, h header, payload []byte) []byte {
	at := len(b)
	b = append(b, marker...)
	b = append(b, h.kind, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	b = binary.LittleEndian.AppendUint32(b, h.rows)
	b = binary.LittleEndian.AppendUint32(b, h.start.run)
	for _, v := range []int64{h.start.mono, h.end.mono, h.min, h.max} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[at:], castagnoli))
	return append(b, payload...)
}

// parseHeader reads the header at the start of b, which holds headerSize
// bytes; false if it is none or damaged.
func parseHeader(b []byte) (h header, ok bool) {
	u32, u64 := binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	if string(b[:4]) != marker || crc32.Checksum(b[:headerSize-4], castagnoli) != u32(b[headerSize-4:]) {
		return h, false
	}
	h = header{kind: b[4], length: u32(b[8:]), checksum: u32(b[12:]), rows: u32(b[16:])}
	run := u32(b[20:])
	h.start, h.end = position{run, int64(u64(b[24:]))}, position{run, int64(u64(b[32:]))}
	h.min, h.max = int64(u64(b[40:])), int64(u64(b[48:]))
	return h, h.length <= maxPayload
}

// scanner steps through the blocks of one file, over what is damaged. It holds
// one payload at a time.
type scanner struct {
	r      *bufio.Reader
	src    io.Reader
	size   int64 // of the file, if src is an io.Seeker at its start; -1 = unknown
	offset int64 // of what comes next
	good   int64 // end of the last whole block
	buf    []byte
	held   *header // of unread
	// lost is told of bytes that belong to no whole block: where they begin
	// and how many they are. torn: they are the last of the file.
	lost func(offset, n int64, torn bool)
}

// newScanner checks the first line. A file that ends before it is whole is
// torn and has no blocks; where the line is damaged, the blocks tell.
func newScanner(r io.Reader, size int64, lost func(offset, n int64, torn bool)) (*scanner, error) {
	s := &scanner{r: bufio.NewReaderSize(r, 4<<10), src: r, size: size, lost: lost}
	first, err := s.r.Peek(len(magic))
	switch {
	case string(first) == magic:
		_, _ = s.r.Discard(len(magic))
		s.offset, s.good = int64(len(magic)), int64(len(magic))
	case err != nil && err != io.EOF:
		return nil, fmt.Errorf("read first line: %w", err)
	case bytes.HasPrefix(first, []byte("firewatch record ")):
		return nil, fmt.Errorf("read first line: %q is a format this version does not know: use a newer firewatch", bytes.TrimSpace(first))
	}
	return s, nil
}

func (s *scanner) report(from int64, torn bool) {
	if s.lost != nil && s.offset > from {
		s.lost(from, s.offset-from, torn)
	}
}

// next finds the next header that is whole. It returns io.EOF at the end. The
// caller then calls payload or skip.
func (s *scanner) next() (header, error) {
	if h := s.held; h != nil {
		s.held = nil
		return *h, nil
	}
	from := s.offset
	for {
		b, err := s.r.Peek(headerSize)
		if len(b) < headerSize {
			if err != io.EOF {
				return header{}, fmt.Errorf("read block: %w", err)
			}
			_, _ = s.r.Discard(len(b))
			s.offset += int64(len(b))
			s.report(from, true)
			return header{}, io.EOF
		}
		if h, ok := parseHeader(b); ok {
			s.report(from, false)
			_, _ = s.r.Discard(headerSize)
			s.offset += headerSize
			return h, nil
		}
		s.discard(1)
		for s.r.Buffered() >= len(marker) {
			b, _ := s.r.Peek(s.r.Buffered())
			if i := bytes.Index(b, []byte(marker)); i >= 0 {
				s.discard(i)
				break
			}
			s.discard(len(b) - len(marker) + 1)
		}
	}
}

// unread makes next give h again.
func (s *scanner) unread(h header) { s.held = &h }

// discard drops n bytes that are in the buffer.
func (s *scanner) discard(n int) {
	_, _ = s.r.Discard(n)
	s.offset += int64(n)
}

// payload reads the payload of h, which next returned; false if it is damaged
// or torn off, which is reported. The bytes are valid until the next call.
func (s *scanner) payload(h header) ([]byte, bool, error) {
	from := s.offset - headerSize
	if cap(s.buf) < int(h.length) {
		s.buf = make([]byte, h.length)
	}
	b := s.buf[:h.length]
	n, err := io.ReadFull(s.r, b)
	s.offset += int64(n)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		s.report(from, true)
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("read block: %w", err)
	case crc32.Checksum(b, castagnoli) != h.checksum:
		s.report(from, false)
		return nil, false, nil
	}
	s.good = s.offset
	return b, true, nil
}

// skip steps over the payload of h without a look at it; false if the file
// ends before it does, which is reported.
func (s *scanner) skip(h header) (bool, error) {
	from, n := s.offset-headerSize, int64(h.length)
	if s.size >= s.offset+n && n > int64(s.r.Buffered()) {
		if _, err := s.src.(io.Seeker).Seek(s.offset+n, io.SeekStart); err != nil {
			return false, fmt.Errorf("skip block: %w", err)
		}
		s.r.Reset(s.src)
		s.offset += n
	} else {
		d, err := s.r.Discard(int(n))
		s.offset += int64(d)
		if err == io.EOF {
			s.report(from, true)
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("skip block: %w", err)
		}
	}
	s.good = s.offset
	return true, nil
}
