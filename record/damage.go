package record

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Damage says what of a file could not be read: bytes that belong to no whole
// block. What stands before and after them was read.
type Damage struct {
	File          string    // "" = a stream
	Offset, Bytes int64     // where it begins and how much it is
	After, Before time.Time // the last row before it and the first after it; zero = none
	Torn          bool      // it is the end of the file: a write that never finished
}

// Error says it in one line.
func (d *Damage) Error() string {
	what := "damaged"
	if d.Torn {
		what = "torn off"
	}
	s := fmt.Sprintf("read %s: %d bytes at %d are %s", d.File, d.Bytes, d.Offset, what)
	if d.File == "" {
		s = fmt.Sprintf("read recording: %d bytes at %d are %s", d.Bytes, d.Offset, what)
	}
	if !d.After.IsZero() {
		s += "; lost: after " + d.After.Format(time.RFC3339)
		if !d.Before.IsZero() {
			s += " and before " + d.Before.Format(time.RFC3339)
		}
	}
	return s
}

// walker goes through the blocks of one kind in one file.
type walker struct {
	scan    *scanner
	kind    byte
	block   *block
	want    func(header) bool // nil = all; the others are stepped over
	damaged func(*Damage)     // nil = not told
	file    string
	held    []*Damage // told once it is known what comes after
	last    time.Time
}

func (w *walker) lost(offset, n int64, torn bool) {
	if len(w.held) > 0 && w.held[len(w.held)-1].Offset+w.held[len(w.held)-1].Bytes == offset {
		w.held[len(w.held)-1].Bytes += n
		return
	}
	w.held = append(w.held, &Damage{File: w.file, Offset: offset, Bytes: n, After: w.last, Torn: torn})
}

func (w *walker) tell(before time.Time) {
	for _, d := range w.held {
		d.Before = before
		if w.damaged != nil {
			w.damaged(d)
		}
	}
	w.held = w.held[:0]
}

// next decodes the next wanted block into w.block. It returns false at the end
// and on an error of the disk, which it gives.
func (w *walker) next() (header, bool, error) {
	for {
		h, ok, err := w.header()
		if err != nil || !ok {
			return h, false, err
		}
		if h.kind != w.kind || w.want != nil && !w.want(h) {
			if _, err := w.scan.skip(h); err != nil {
				return h, false, err
			}
			continue
		}
		payload, ok, err := w.scan.payload(h)
		if err != nil {
			return h, false, err
		}
		if !ok {
			continue
		}
		if w.block.decode(payload) != nil {
			n := headerSize + int64(h.length)
			w.lost(w.scan.offset-n, n, false)
			continue
		}
		w.block.where = Damage{File: w.file, Offset: w.scan.offset - headerSize - int64(h.length), Bytes: headerSize + int64(h.length), After: w.last}
		w.block.stand(h.start)
		w.tell(time.Unix(0, h.min).UTC())
		w.last = time.Unix(0, h.max).UTC()
		return h, true, nil
	}
}

func (w *walker) header() (header, bool, error) {
	h, err := w.scan.next()
	if err == nil {
		return h, true, nil
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	w.tell(time.Time{})
	return h, false, err
}

// splice keeps track of where the last row stood, so that a row after a block
// that was lost, or was never written, says how much time is missing.
type splice struct {
	at  position
	set bool
}

// join returns the Elapsed of the first row of a block that stands at start.
func (s *splice) join(start position, elapsed int64) int64 {
	if s.set && start.run == s.at.run && start.mono > s.at.mono && start.mono != s.at.mono+step(elapsed) {
		return min(start.mono-s.at.mono, maxElapsed)
	}
	return elapsed
}
