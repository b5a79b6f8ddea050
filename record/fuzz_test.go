package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// Any bytes read without a panic, in bounded memory, and never more frames
// than they have room for.
func FuzzReader(f *testing.F) {
	whole := record(f, newHost(1, 2).frames(35))
	f.Add(whole)
	f.Add(whole[:len(whole)-7])
	f.Add(append(bytes.Clone(whole[:200]), whole[100:]...))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		for f, err := range r.Frames() {
			var d *Damage
			if err != nil && !errors.As(err, &d) {
				t.Fatal(err)
			}
			if d != nil && (d.Offset < 0 || d.Bytes <= 0 || d.Offset+d.Bytes > int64(len(b))) {
				t.Fatalf("%d bytes: damage at %d, %d long", len(b), d.Offset, d.Bytes)
			}
			if f.Elapsed < 0 {
				t.Fatal(f.Elapsed)
			}
		}
	})
}

// A payload with a right checksum but any content decodes to an error or to
// frames within the bounds.
func FuzzPayload(f *testing.F) {
	for _, lanes := range []int{1, maxLanes} {
		b := newBuilder(lanes)
		for i, frame := range newHost(2, 6).frames(50) {
			b.add(row{time: frame.Time.UnixNano(), elapsed: int64(frame.Elapsed), frames: 10, errors: frame.Errors}, position{1, int64(i)}, frame.Samples,
				func(i int) [maxLanes]float32 { return [maxLanes]float32{float32(frame.Samples[i].Value), 2, 0} })
		}
		f.Add(b.appendPayload(nil))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var k block
		if k.decode(p) != nil {
			return
		}
		values := 0
		if k.frames(0, func(_ row, f collect.Frame) bool { values += len(f.Samples); return true }) == nil && values > maxValues {
			t.Fatalf("%d values from %d bytes", values, len(p))
		}
	})
}

// Values come back as they were, in no more than 4 bytes each.
func FuzzValues(f *testing.F) {
	f.Add([]byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		var want []uint32
		for ; len(b) >= 4; b = b[4:] {
			want = append(want, binary.LittleEndian.Uint32(b))
		}
		packed, code := appendValues(nil, want)
		c := &cursor{b: packed}
		got := readValues(c, code, len(want), nil)
		if c.err != nil || len(c.b) > 0 || !slices.Equal(got, want) || len(packed) > 4*len(want) {
			t.Fatalf("%d bytes, code %d, %v: got %x, want %x", len(packed), code, c.err, got, want)
		}
	})
}

// A name that is read is the one that is written.
func FuzzName(f *testing.F) {
	f.Add("00000012-1795455578-1800.1s")
	f.Add("00000001--5-100800.10s")
	f.Fuzz(func(t *testing.T, name string) {
		a, ok := parseName(name)
		if !ok {
			return
		}
		if b, ok := parseName(path.Base(a.name())); !ok || a != b {
			t.Fatalf("%q reads as %+v, written %q", name, a, a.name())
		}
	})
}

// Frames of any shape that a collector could make come back as they were.
func FuzzFrames(f *testing.F) {
	f.Add(uint64(1), 5, int64(time.Second))
	f.Fuzz(func(t *testing.T, seed uint64, n int, step int64) {
		h := newHost(seed, max(1, n%30))
		frames := h.frames(20)
		frames = append(frames, newHost(seed+1, max(1, n%23)).frames(20)...)
		frames[7].Elapsed = time.Duration(max(0, step%maxElapsed))
		frames[9].Time = time.Unix(0, step).UTC()
		got, _ := read(t, record(t, frames))
		same(t, got, frames)
	})
}
