package forest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

func TestForestSurvivesEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t)
		f, err := Train(rows, drawOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		f.SetThreshold(0.61)
		b := f.Encode([]byte("before"))
		g, err := DecodeForest(b[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if g.Threshold() != 0.61 || g.Options() != f.Options() || !bytes.Equal(g.Encode(nil), b[6:]) {
			t.Fatalf("options %+v became %+v", f.Options(), g.Options())
		}
		for _, x := range rows {
			if f.Score(x) != g.Score(x) {
				t.Fatalf("score of %v: %v, decoded %v", x, f.Score(x), g.Score(x))
			}
		}
	})
}

func TestStreamResumesBitForBit(t *testing.T) {
	t.Parallel()
	for name, o := range streams() {
		rows := madeRows(700, 3, 9)
		rows[50][0], rows[500][2] = math.NaN(), math.NaN()
		s := mustStream(t, o)
		for cut := range rows {
			if cut%97 == 0 { // go on with the copy
				b := s.Encode(nil)
				var err error
				if s, err = DecodeStream(b); err != nil {
					t.Fatalf("%s: after %d rows: %v", name, cut, err)
				}
				if !bytes.Equal(s.Encode(nil), b) {
					t.Fatalf("%s: after %d rows: another encoding", name, cut)
				}
			}
			if err := s.Update(rows[cut]); err != nil {
				t.Fatal(err)
			}
		}
		straight := mustStream(t, o)
		for _, row := range rows {
			if err := straight.Update(row); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(s.Encode(nil), straight.Encode(nil)) {
			t.Errorf("%s: a resumed stream differs from one that never stopped", name)
		}
	}
}

func TestLineSurvivesEncoding(t *testing.T) {
	t.Parallel()
	for _, o := range []LineOptions{{Window: 50}, {Window: 50, Horizon: 300, Seed: 3}} {
		l, straight := mustLine(t, o), mustLine(t, o)
		for i, row := range madeRows(400, 1, 8) {
			if i%37 == 0 {
				var err error
				if l, err = DecodeLine(l.Encode(nil)); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(l.Insert(row[0]), straight.Insert(row[0])); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(l.Encode(nil), straight.Encode(nil)) || l.Score(3) != straight.Score(3) {
			t.Errorf("%+v: a resumed line differs", o)
		}
	}
}

// encodings are one small example of each type.
func encodings(tb testing.TB) map[string][]byte {
	rows := madeRows(60, 2, 1)
	rows[3][1] = math.NaN()
	f := mustTrain(tb, rows, Options{Trees: 3, Sample: 16, Contamination: 0.1})
	b := mustTrain(tb, rows, Options{Trees: 2, Sample: 8, Boxes: true, Split: Proportional, MaxDepth: -1})
	s := mustStream(tb, StreamOptions{Features: 2, Window: 20, Options: Options{Trees: 3, Sample: 8, Boxes: true}})
	l := mustLine(tb, LineOptions{Window: 10, Horizon: 20})
	leaves := mustStream(tb, StreamOptions{Features: 2, Window: 20, Options: Options{Trees: 3, Sample: 8, Leaf: 2, Boxes: true, Split: Proportional}})
	for _, row := range rows[:30] {
		if err := errors.Join(s.Update(row), leaves.Update(row), l.Insert(row[0])); err != nil {
			tb.Fatal(err)
		}
	}
	return map[string][]byte{
		"forest": f.Encode(nil), "boxes": b.Encode(nil), "stream": s.Encode(nil), "line": l.Encode(nil), "leaves": leaves.Encode(nil),
	}
}

// decodeAny decodes b as whatever it can be and uses it.
func decodeAny(b []byte) error {
	f, errF := DecodeForest(b)
	if errF == nil {
		x := make([]float64, f.Features())
		f.Score(x)
		x[0] = math.NaN()
		f.Score(x)
		f.Contributions(nil, x)
	}
	s, errS := DecodeStream(b)
	if errS == nil {
		x := make([]float64, s.Options().Features)
		for range 3 {
			s.Contributions(nil, x)
			if _, err := s.Observe(x); err != nil {
				panic(err)
			}
		}
	}
	l, errL := DecodeLine(b)
	if errL == nil {
		l.Score(1)
		if err := l.Insert(2); err != nil {
			panic(err)
		}
	}
	if errF == nil || errS == nil || errL == nil {
		return nil
	}
	return errors.Join(errF, errS, errL)
}

// reseal makes the checksum of damaged bytes right, so that damage gets past it.
func reseal(b []byte) []byte {
	if len(b) >= headerBytes {
		binary.LittleEndian.PutUint32(b[6:], crc32.Checksum(b[headerBytes:], castagnoli))
	}
	return b
}

func TestDamagedBytesAreErrors(t *testing.T) {
	t.Parallel()
	for name, b := range encodings(t) {
		if err := decodeAny(b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := range b {
			c := bytes.Clone(b)
			c[i] ^= 0x10
			if err := decodeAny(c); !errors.Is(err, ErrFormat) {
				t.Fatalf("%s: byte %d flipped: %v", name, i, err)
			}
			_ = decodeAny(reseal(c)) // an error or not, never a panic
			if err := decodeAny(reseal(bytes.Clone(b[:i]))); !errors.Is(err, ErrFormat) {
				t.Fatalf("%s: cut to %d bytes: %v", name, i, err)
			}
		}
		if err := decodeAny(reseal(append(bytes.Clone(b), 0))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: with a byte too many: %v", name, err)
		}
	}
}

// A few bytes that claim a great model are refused before memory is taken.
func TestClaimsAreNotBelieved(t *testing.T) {
	// Not parallel: it counts what is allocated.
	claim := func(o Options, features uint32) []byte {
		return seal(nil, kindStream, func(w *writer) {
			w.options(o)
			for _, v := range []uint32{features, MaxWindow, 0, 1, 1, 0, 0} {
				w.u32(v)
			}
			w.u64(0)
		})
	}
	usual := Options{Trees: 100, Sample: 256}
	for name, b := range map[string][]byte{
		"trees":    claim(Options{Trees: MaxTrees, Sample: MaxSample, Boxes: true}, MaxFeatures),
		"features": claim(usual, 1<<31-1),
		"negative": claim(usual, 1<<31),
		"sample":   claim(Options{Trees: 1, Sample: MaxSample}, MaxFeatures),
		"line": seal(nil, kindLine, func(w *writer) {
			w.u32(MaxWindow)
			w.u32(0)
			w.u64(0)
			w.u64(MaxWindow)
			w.u32(MaxWindow)
		}),
		"forest": seal(nil, kindForest, func(w *writer) {
			w.options(Options{Trees: MaxTrees, Sample: MaxSample, Boxes: true})
			w.f64(0.5)
			w.u32(MaxFeatures)
		}),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decodeAny(b)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrFormat) || took > 64<<20 {
			t.Errorf("%s: %d bytes took %d bytes, error %v", name, len(b), took, err)
		}
	}
}

var update = flag.Bool("update", false, "write testdata/v*.bin anew; only for a new version")

// Files that an older version wrote stay readable, and what needs no newer one is
// written as before.
func TestVersions(t *testing.T) {
	t.Parallel()
	for name, b := range encodings(t) {
		path := filepath.Join("testdata", fmt.Sprintf("v%d-%s.bin", b[4], name))
		if *update {
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeAny(old); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range encodings(f) {
		f.Add(b)
	}
	f.Add([]byte("fwif\x01\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		err := decodeAny(reseal(b))
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatal(err)
		}
	})
}

func FuzzScore(f *testing.F) {
	for _, b := range encodings(f) {
		f.Add(b, uint8(2), uint8(0))
	}
	var w writer
	for _, row := range madeRows(40, 3, 1) {
		for _, v := range row {
			w.f64(math.Round(4*v) / 4)
		}
	}
	for _, v := range []float64{math.MaxFloat64, -math.MaxFloat64, 5e-324, math.NaN(), 0, math.Copysign(0, -1)} {
		w.f64(v)
	}
	for kind := range uint8(8) {
		f.Add(w.b, uint8(2), kind)
	}
	f.Fuzz(func(t *testing.T, b []byte, features, kind uint8) {
		d := int(features%8) + 1
		var values []float64
		for ; len(b) >= 8; b = b[8:] {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		var rows [][]float64
		for ; len(values) >= d && len(rows) < 200; values = values[d:] {
			rows = append(rows, values[:d])
		}
		o := Options{Trees: 9, Sample: 32, Boxes: kind&1 != 0, Split: Split(kind >> 1 & 1)}
		if kind&4 != 0 {
			o.MaxDepth = -1
		}
		forest, err := Train(rows, o)
		if err != nil {
			if !errors.Is(err, ErrInput) {
				t.Fatal(err)
			}
			return
		}
		dst := make([]float64, len(rows))
		if err := forest.ScoreBatch(dst, rows); err != nil {
			t.Fatal(err)
		}
		for i, s := range dst {
			if !(s > 0 && s <= 1) || s != forest.Score(rows[i]) {
				t.Fatalf("row %v scores %v, alone %v", rows[i], s, forest.Score(rows[i]))
			}
		}
	})
}
