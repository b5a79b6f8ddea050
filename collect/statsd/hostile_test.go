package statsd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// heap is what lives after a collection, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHostileDatagrams: whatever comes, the memory is bounded, in a tick and
// over ticks, and an honest counter beside it is right. It measures the heap:
// it does not run beside others.
func TestHostileDatagrams(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, maxDatagram)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	long := append(bytes.Repeat([]byte("n"), maxDatagram-5), ":1|c"...)
	values := append([]byte("many:"), bytes.Repeat([]byte("1:"), 30_000)...)
	for name, flood := range map[string]func(turn int, s *Server){
		"noise":           func(_ int, s *Server) { s.take(noise) },
		"one long name":   func(_ int, s *Server) { s.take(long) },
		"empty lines":     func(_ int, s *Server) { s.take(bytes.Repeat([]byte("\n"), maxDatagram)) },
		"endless values":  func(_ int, s *Server) { s.take(append(values, "1|c"...)) },
		"names":           func(turn int, s *Server) { fill(s, 4_000, fmt.Sprintf("n%d.%%d:1|c", turn)) },
		"tags":            func(turn int, s *Server) { fill(s, 4_000, fmt.Sprintf("n:1|c|#a:%d.%%d,b:1", turn)) },
		"orders of tags":  func(turn int, s *Server) { fill(s, 4_000, fmt.Sprintf("n:1|c|#a:1,a:1,%%d,b:%d", turn)) },
		"members of sets": func(turn int, s *Server) { sets(turn, s) },
		"timers of every size": func(_ int, s *Server) {
			for e := range 64 {
				fill(s, defaultSeries, fmt.Sprintf("t%%d:%d|h\nt%%[1]d:-%[1]d|h", uint64(1)<<min(e, 43)))
			}
		},
	} {
		s := New(Config{})
		s.take([]byte("honest:0|c"))
		tick(t, s, begin)
		before, most := heap(), int64(0)
		for turn := range 3 {
			flood(turn, s)
			s.take([]byte("honest:3|c"))
			most = max(most, heap()-before)
			if got := tick(t, s, begin.Add(time.Duration(turn+1)*time.Second))["statsd_counter honest"]; got != 3 {
				t.Errorf("%s: the honest counter gives %g a second, sent 3", name, got)
			}
		}
		t.Logf("%-22s at most %.1f MB more", name, float64(most)/1e6)
		limit := int64(5 << 20)
		if strings.HasPrefix(name, "timers") { // 256 bytes for each power of two of each series
			limit = 40 << 20
		}
		if most > limit {
			t.Errorf("%s: the heap grew by %d bytes", name, most)
		}
		runtime.KeepAlive(s)
	}
}

// fill sends lines of a format with a number in it.
func fill(s *Server, lines int, format string) {
	for i := range lines {
		s.take(fmt.Appendf(nil, format, i))
	}
}

// sets fills 40 sets that no turn before had, each with its most members.
func sets(turn int, s *Server) {
	var b []byte
	for set := range 40 {
		for i := range maxMembers {
			b = fmt.Appendf(b[:0], "s%d.%d:%d|s", turn, set, i)
			s.take(b)
		}
	}
}

// TestHostileUDP: 20 000 datagrams of noise over a real socket, and the agent's
// tick is on time.
func TestHostileUDP(t *testing.T) {
	s := New(Config{})
	conn, err := listen(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go s.read(conn)
	c, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(5, 6))
	before := heap()
	var slowest time.Duration
	for i := range 20_000 {
		b := make([]byte, r.IntN(1400))
		for j := range b {
			b[j] = byte(r.Uint32())
		}
		_, _ = c.Write(b) // the kernel may refuse some
		if i%1000 == 0 {
			began := time.Now()
			tick(t, s, begin.Add(time.Duration(i)*time.Millisecond))
			slowest = max(slowest, time.Since(began))
		}
	}
	grown := heap() - before
	t.Logf("at most %s a tick, %d bytes more", slowest, grown)
	if slowest > 500*time.Millisecond || grown > 8<<20 {
		t.Errorf("a tick took %s, the heap grew by %d bytes", slowest, grown)
	}
}
