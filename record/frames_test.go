package record

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/collect"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// host makes frames of n series that look like a host's: constants, counts,
// noise, and some that come and go.
type host struct {
	rng    *rand.Rand
	n      int
	now    time.Time
	tick   int
	series []collect.Sample
}

func newHost(seed uint64, n int) *host {
	h := &host{rng: rand.New(rand.NewPCG(seed, 1)), n: n, now: start}
	for i := range n {
		s := collect.Sample{Metric: fmt.Sprintf("metric_%d_percent", i/4)}
		if i%4 > 0 {
			s.Target = fmt.Sprintf("dev%d", i%4)
			s.Dims = []collect.Label{{Name: "device", Value: s.Target}, {Name: "fstype", Value: "ext4"}}
		}
		h.series = append(h.series, s)
	}
	return h
}

func (h *host) next() collect.Frame {
	f := collect.Frame{}
	if h.tick > 0 {
		f.Elapsed = time.Second + time.Duration(h.rng.IntN(200_000)-100_000)
		h.now = h.now.Add(f.Elapsed + time.Duration(h.rng.IntN(2000)-1000))
	}
	f.Time = h.now
	for i, s := range h.series {
		switch i % 5 {
		case 1:
			s.Value = float64(h.tick / 7)
		case 2:
			s.Value = collect.Round(50 + 10*h.rng.NormFloat64())
		case 3:
			s.Value = float64(h.rng.IntN(3))
		case 4:
			if h.tick/17%3 == i%3 {
				continue
			}
			s.Value = -1.5
		}
		f.Samples = append(f.Samples, s)
	}
	if h.tick%50 > 40 {
		f.Errors = map[string]string{"net": "read /proc/net/dev: gone", "probe": fmt.Sprint("slow by ", h.tick/3)}
	}
	h.tick++
	return f
}

func (h *host) frames(n int) []collect.Frame {
	out := make([]collect.Frame, n)
	for i := range out {
		out[i] = h.next()
	}
	return out
}

func silent() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// begun returns a History that is written by the test itself, not by Run.
func begun(t testing.TB, dir string, cfg Config) *History {
	t.Helper()
	h := Open(openRoot(t, dir), cfg, silent())
	h.store.sync = func(*os.File) error { return nil }
	h.begin()
	return h
}

func replayed(t testing.TB, a *Archive, since time.Time) []collect.Frame {
	t.Helper()
	var out []collect.Frame
	for f, err := range a.Replay(since) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func same(t testing.TB, got, want []collect.Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if !equal(got[i], want[i]) {
			t.Fatalf("frame %d of %d (-want +got):\n%s", i, len(want), cmp.Diff(want[i], got[i]))
		}
	}
}

// equal compares values by their bits.
func equal(a, b collect.Frame) bool {
	return a.Time.Equal(b.Time) && a.Elapsed == b.Elapsed && maps.Equal(a.Errors, b.Errors) &&
		slices.EqualFunc(a.Samples, b.Samples, func(x, y collect.Sample) bool {
			return x.Metric == y.Metric && x.Target == y.Target && slices.Equal(x.Dims, y.Dims) &&
				math.Float64bits(x.Value) == math.Float64bits(y.Value)
		})
}

// Ticks that come a little early must not draw a seventh row into the minute
// that one block covers: a damaged place would cost more than a minute.
func TestBlockCoversAtMostItsSpan(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{})
	for i := range 1800 {
		f := collect.Frame{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * (time.Second - time.Microsecond))}
		if i > 0 {
			f.Elapsed = time.Second - time.Microsecond
		}
		f.Samples = []collect.Sample{{Metric: "m", Value: float64(i)}}
		h.take(f)
	}
	h.finish()
	for tier, most := range map[int]uint32{tier1s: 30, tier10s: 6} {
		s, err := h.Archive().open(tier, longAgo, farAway)
		if err != nil {
			t.Fatal(err)
		}
		err = s.each(longAgo, farAway, nil, func(h header, _ *block) bool {
			if h.rows > most {
				t.Errorf("a block of tier %v has %d rows, want at most %d", tier, h.rows, most)
			}
			return true
		})
		s.close()
		if err != nil {
			t.Fatal(err)
		}
	}
}
