package statsd

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var begin = time.Unix(1_790_000_000, 0)

// tick gives what a server measured, without its own figures.
func tick(t *testing.T, s *Server, now time.Time) map[string]float64 {
	t.Helper()
	samples, _ := s.Collect(t.Context(), now, nil)
	out := map[string]float64{}
	for _, v := range samples {
		if strings.HasPrefix(v.Metric, "statsd_packets") || v.Metric == "statsd_dropped" || v.Metric == "statsd_series" {
			continue
		}
		out[v.Metric+" "+v.Target] = math.Round(v.Value*1000) / 1000
	}
	return out
}

func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent string
		want map[string]float64
	}{
		{"hits:3|c\nhits:1|c|@0.5", map[string]float64{"statsd_counter hits": 2.5}}, // over 2 s
		{"queue:7|g\nqueue:-2|g\nqueue:+1|g", map[string]float64{"statsd_gauge queue": 6}},
		{"users:a|s\nusers:b|s\nusers:a|s", map[string]float64{"statsd_set users": 2}},
		{"hits:1|c|#b:2,a:1\nhits:1|c|#a:1,b:2", map[string]float64{"statsd_counter hits{a=1,b=2}": 1}},
		{"hits:1:2:3|c|#x|c:container|T1700000000", map[string]float64{"statsd_counter hits{x}": 3}},
		{"t:8|ms|@0.1\n", map[string]float64{"statsd_timer_rate t": 5, "statsd_timer_p50 t": 8.063, "statsd_timer_p95 t": 8.063, "statsd_timer_p99 t": 8.063, "statsd_timer_max t": 8}},
		{"d:-8:8|d", map[string]float64{"statsd_distribution_rate d": 1, "statsd_distribution_p50 d": -8.063, "statsd_distribution_p95 d": 8.063, "statsd_distribution_p99 d": 8.063, "statsd_distribution_max d": 8}},
		{"_e{5,4}:title|text\n_sc|name|0", map[string]float64{}},
		{"bad\nx:|c\n:1|c\nx:1\nx:1|q\nx:nan|c\nx:1e999|g\nt:-1|ms\nx:1|c|@0\nx y:1|c\nx{:1|c", map[string]float64{"statsd_counter x": 0, "statsd_gauge x": 0}},
	} {
		s := New(Config{})
		tick(t, s, begin)
		s.take([]byte(c.sent))
		got := tick(t, s, begin.Add(2*time.Second))
		for k, v := range got {
			if v == 0 && c.want[k] == 0 {
				delete(got, k)
			}
		}
		for k, v := range c.want {
			if v == 0 {
				delete(c.want, k)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", c.sent, diff)
		}
	}
}

// TestQuantilesWithinTheirBound: against the true ones, of several shapes.
func TestQuantilesWithinTheirBound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"log-normal": func() float64 { return math.Exp(2 + r.NormFloat64()) }, "uniform": func() float64 { return r.Float64() * 1000 },
		"two modes": func() float64 { return []float64{1, 500}[r.IntN(2)] * (1 + r.Float64()/10) }, "both signs": func() float64 { return r.NormFloat64() * 50 },
	} {
		var h histogram
		var all []float64
		for range 20_000 {
			v := draw()
			h.add(v, 1)
			all = append(all, v)
		}
		slices.Sort(all)
		q := []float64{0.5, 0.95, 0.99}
		var got [3]float64
		h.quantiles(q, got[:])
		for i := range q {
			want := all[int(math.Ceil(q[i]*float64(len(all))))-1]
			if math.Abs(got[i]-want) > 0.008*math.Abs(want)+1e-6 {
				t.Errorf("%s p%g: %g, true %g", name, 100*q[i], got[i], want)
			}
		}
	}
}

// TestSeriesAreBounded: a million names make a thousand series, the rest is
// counted, and those known before go on.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	s.take([]byte("known:1|c|#a:1,b:2"))
	for i := range 1_000_000 {
		s.take(fmt.Appendf(nil, "name%d:1|c", i))
	}
	s.take([]byte("known:1|c|#b:2,a:1"))
	samples, err := s.Collect(t.Context(), begin, nil)
	if len(s.list) != defaultSeries || len(s.series) > 4*defaultSeries || err == nil || s.list[0].target != "known{a=1,b=2}" {
		t.Errorf("%d series, %d keys, %d samples, %v", len(s.list), len(s.series), len(samples), err)
	}
	if _, err := s.Collect(t.Context(), begin.Add(time.Second), nil); err != nil {
		t.Errorf("said again: %v", err)
	}
}

// TestWhatNobodySendsGoesAway: and makes room; what is sent stays.
func TestWhatNobodySendsGoesAway(t *testing.T) {
	t.Parallel()
	s := New(Config{MaxSeries: 2})
	s.take([]byte("old:1|g\nnew:1|g"))
	for i := range 400 {
		s.take([]byte("new:2|g"))
		tick(t, s, begin.Add(time.Duration(i)*time.Second))
	}
	s.take([]byte("third:3|g"))
	if diff := cmp.Diff(map[string]float64{"statsd_gauge new": 2, "statsd_gauge third": 3}, tick(t, s, begin.Add(400*time.Second))); diff != "" {
		t.Error(diff)
	}
}

// TestOverRealSockets: UDP and unix, a socket file left over, and one address
// that is taken.
func TestOverRealSockets(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "statsd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	if l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	} else {
		_ = l.Close() // leaves the file
	}
	s := New(Config{Listen: free.LocalAddr().String(), Socket: path})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); {
			if time.Now().After(end) {
				t.Fatal(what)
			}
			tickless()
		}
	}
	until("the taken address is said", func() bool {
		_, err := s.Collect(t.Context(), begin, nil)
		return err != nil && strings.Contains(err.Error(), "in use")
	})
	_ = free.Close()
	got := map[string]float64{}
	until("both are heard", func() bool {
		for network, address := range map[string]string{"udp": free.LocalAddr().String(), "unixgram": path} {
			if c, err := net.Dial(network, address); err == nil {
				_, _ = fmt.Fprintf(c, "%s:1|g", network)
				_ = c.Close()
			}
		}
		got = tick(t, s, begin)
		return got["statsd_gauge udp"] == 1 && got["statsd_gauge unixgram"] == 1
	})
	cancel()
	<-done
}

// tickless lets others run without a sleep.
func tickless() { <-time.After(10 * time.Millisecond) }

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, ""}, {Config{Listen: "127.0.0.1:8125", Socket: "/run/x"}, ""}, {Config{Listen: "[::1]:8125"}, ""}, {Config{Listen: "localhost:8125"}, ""},
		{Config{Listen: "0.0.0.0:8125"}, "listen"}, {Config{Listen: ":8125"}, "listen"}, {Config{Listen: "127.0.0.1:0"}, "listen"}, {Config{Socket: "x"}, "socket"}, {Config{MaxSeries: 1e6}, "max_series"},
	} {
		f := c.cfg.Validate()
		if (c.want == "") != (len(f) == 0) || len(f) > 0 && f[0].Path != c.want {
			t.Errorf("%+v: %v", c.cfg, f)
		}
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte("a:1|c\nb:-2.5|g|@0.1|#x:y,z\nc:1:2:3|d\nd:x|s\ne:5|ms"))
	f.Add([]byte("_e{1,1}:a|b\n:|c|#"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(Config{MaxSeries: 20})
		for i := range 3 {
			s.take(b)
			samples, _ := s.Collect(t.Context(), begin.Add(time.Duration(i)*time.Second), nil)
			seen := map[string]bool{}
			for _, v := range samples {
				if math.IsNaN(v.Value) || seen[v.Metric+"\x00"+v.Target] || len(v.Target) > 1024 {
					t.Errorf("%+v", v)
				}
				seen[v.Metric+"\x00"+v.Target] = true
			}
		}
	})
}

func BenchmarkTake(b *testing.B) {
	s := New(Config{})
	line := []byte("http.request.duration:12.5|ms|#route:/api/items,status:200")
	b.ReportAllocs()
	for b.Loop() {
		s.take(line)
	}
}
