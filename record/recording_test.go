package record

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firewatch-agent/firewatch/collect"
)

func record(t testing.TB, frames []collect.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Host: "web-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, b []byte) (frames []collect.Frame, damage []*Damage) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for f, err := range r.Frames() {
		var d *Damage
		switch {
		case errors.As(err, &d):
			damage = append(damage, d)
		case err != nil:
			t.Fatal(err)
		default:
			frames = append(frames, f)
		}
	}
	return frames, damage
}

func TestRecordingReturnsTheFrames(t *testing.T) {
	t.Parallel()
	want := newHost(1, 40).frames(200)
	got, damage := read(t, record(t, want))
	if len(damage) > 0 {
		t.Fatal(damage)
	}
	same(t, got, want)
}

// Series in any order, with dimensions that change, gaps, steps of the clock
// and odd values: a frame comes back as it was.
func TestRecordingOfOddFrames(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	odd := []float64{0, math.Copysign(0, -1), math.Inf(1), math.MaxFloat32, 1e-45, 1, 1, 1, 16777217}
	h := newHost(2, 12)
	frames := h.frames(300)
	for i := range frames {
		f := &frames[i]
		switch rng.IntN(12) {
		case 0:
			rng.Shuffle(len(f.Samples), func(a, b int) { f.Samples[a], f.Samples[b] = f.Samples[b], f.Samples[a] })
		case 1:
			f.Samples[1].Dims = []collect.Label{{Name: "device", Value: "other"}}
		case 2:
			f.Samples = slices.Insert(f.Samples, rng.IntN(len(f.Samples)), collect.Sample{Metric: "new", Target: string(rune('a' + rng.IntN(26)))})
		case 3:
			f.Time = f.Time.Add(time.Duration(rng.Int64N(int64(100000*time.Hour))) - 50000*time.Hour)
		case 4:
			f.Elapsed = time.Duration(rng.Int64N(int64(1000 * time.Hour)))
		case 5:
			f.Elapsed = 0
		case 6:
			f.Samples = f.Samples[:0]
		}
		for j := range f.Samples {
			if rng.IntN(3) == 0 {
				f.Samples[j].Value = collect.Round(odd[rng.IntN(len(odd))])
			}
		}
	}
	got, _ := read(t, record(t, frames))
	same(t, got, frames)
}

func TestRecordingHeader(t *testing.T) {
	t.Parallel()
	want := Header{
		Host: "web-1", Kernel: "6.18 x86_64", Command: "stress-ng --cpu 2", Agent: "0.1", Interval: time.Second,
		Metrics: []collect.Metric{{Name: "cpu_usage_active", Unit: "Percent", Subsystem: "cpu", Help: "busy", Min: 0, Max: 100}, {Name: "mem_used", Unit: "Bytes", Min: 0, Max: collect.Unbounded}},
	}
	var b bytes.Buffer
	if _, err := NewWriter(&b, want); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, r.Header, cmpopts.EquateNaNs()); d != "" {
		t.Fatal(d)
	}
}

func TestRecordingRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":                                      "not a recording",
		"timestamp,value\n1,2\n":                "not a recording",
		strings.Repeat("\xf1\xb1\x0c\xab", 99):  "not a recording",
		"firewatch record 9\n" + marker + "xxx": "newer firewatch",
	} {
		if _, err := NewReader(strings.NewReader(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", content, err, want)
		}
	}
}

func TestRecordingRefusesARepeatedSeries(t *testing.T) {
	t.Parallel()
	w, _ := NewWriter(&bytes.Buffer{}, Header{})
	f := collect.Frame{Time: start, Samples: []collect.Sample{{Metric: "a"}, {Metric: "b"}, {Metric: "a"}}}
	if err := w.WriteFrame(f); err == nil {
		t.Fatal("a frame with the same series twice was taken")
	}
}

// A file cut at any byte reads up to the block that was cut.
func TestRecordingTornAtEveryByte(t *testing.T) {
	t.Parallel()
	want := newHost(3, 6).frames(70)
	b := record(t, want)
	for n := range b {
		r, err := NewReader(bytes.NewReader(b[:n]))
		if err != nil {
			continue // torn within the header
		}
		count, torn := 0, false
		for f, err := range r.Frames() {
			var d *Damage
			if errors.As(err, &d) {
				torn = torn || d.Torn
				continue
			}
			if err != nil {
				t.Fatalf("cut at %d: %v", n, err)
			}
			if count < len(want) && !f.Time.Equal(want[count].Time) {
				t.Fatalf("cut at %d: frame %d is another", n, count)
			}
			count++
		}
		whole := 0 // frames of blocks that end by n
		for at := bytes.Index(b, []byte(marker)); at+headerSize <= n; {
			h, _ := parseHeader(b[at:])
			at += headerSize + int(h.length)
			if at <= n {
				whole += int(h.rows)
			} else {
				break
			}
		}
		if count != whole {
			t.Fatalf("cut at %d of %d: %d frames, want %d", n, len(b), count, whole)
		}
		if end := n == len(b); count < len(want) && !torn && !end && n > 0 && !boundary(b, n) {
			t.Fatalf("cut at %d: not said", n)
		}
	}
}

// boundary reports whether a block ends at n.
func boundary(b []byte, n int) bool {
	return n == len(magic) || bytes.HasPrefix(b[n:], []byte(marker))
}

// A flipped bit costs the block it is in, says so, and nothing else.
func TestRecordingWithFlippedBits(t *testing.T) {
	t.Parallel()
	want := newHost(4, 10).frames(300)
	byTime := map[time.Time]collect.Frame{}
	for _, f := range want {
		byTime[f.Time] = f
	}
	clean := record(t, want)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 1000 {
		b := bytes.Clone(clean)
		at := rng.IntN(len(b))
		b[at] ^= 1 << rng.IntN(8)
		if at < len(magic) {
			if _, err := NewReader(bytes.NewReader(b)); err != nil {
				continue // another version, as far as anyone can tell
			}
		}
		got, damage := read(t, b)
		if lost := len(want) - len(got); lost > 31 || lost > 0 && len(damage) != 1 {
			t.Fatalf("bit at %d: %d frames lost, damage %v", at, lost, damage)
		}
		for i, f := range got {
			w := byTime[f.Time]
			if len(damage) > 0 && i > 0 && got[i-1].Time.Before(damage[0].Before) && f.Time.Equal(damage[0].Before) {
				if d := f.Elapsed - f.Time.Sub(got[i-1].Time); d.Abs() > time.Millisecond {
					t.Fatalf("bit at %d: Elapsed %v after the gap is wrong by %v", at, f.Elapsed, d)
				}
				f.Elapsed = w.Elapsed
			}
			if !equal(f, w) {
				t.Fatalf("bit at %d: another frame:\n%s", at, cmp.Diff(w, f))
			}
		}
	}
}
