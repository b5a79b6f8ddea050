//go:build e2e

package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
)

// TestStatsDFlood sends for five seconds all that one core can: what does not
// fit is dropped and counted, memory stays flat, ticks stay on time. A million
// names make a thousand series.
func TestStatsDFlood(t *testing.T) {
	addr, listen := freeAddress(t), freeAddress(t)
	a := launch(t, fmt.Sprintf("[statsd]\nlisten = %q\n", addr), "--http", listen)
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a.eventually(10*time.Second, "StatsD is heard", func() bool {
		fmt.Fprint(conn, "warm:1|c")
		time.Sleep(100 * time.Millisecond)
		v, ok := figure(t, listen, "statsd_series")
		return ok && v >= 1
	})
	distinct := flood(t, conn, 2*time.Second, func(b []byte, n int) []byte { return fmt.Appendf(b[:0], "name%d:1|c", n%1_000_000) })
	for range 3 { // memory of a thousand series is taken now, once
		flood(t, conn, 500*time.Millisecond, timer)
	}
	time.Sleep(2 * time.Second)
	before, rss := a.status(), residentBytes(t, a.cmd.Process.Pid)
	most := rss
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 24 {
			most = max(most, residentBytes(t, a.cmd.Process.Pid))
			time.Sleep(250 * time.Millisecond)
		}
	}()
	sent := flood(t, conn, 5*time.Second, timer)
	read, dropped := 0.0, 0.0
	<-done
	if v, ok := figure(t, listen, "statsd_packets"); ok {
		read = v
	}
	if v, ok := figure(t, listen, "statsd_dropped"); ok {
		dropped = v
	}
	after := a.status()
	count, _ := figure(t, listen, "statsd_series")
	t.Logf("%.0f packets a second sent by one core (and %.0f of distinct names before); the last second: %.0f read, %.0f dropped and counted", float64(sent)/5, float64(distinct)/2, read, dropped)
	t.Logf("memory %.1f MiB before, %.1f MiB at most; %d ticks, %d dropped; %.0f series", float64(rss)/(1<<20), float64(most)/(1<<20), after.Ticks-before.Ticks, after.Dropped-before.Dropped, count)
	if float64(sent)/5 < 150_000 {
		t.Logf("this machine is too slow or too busy to send 150 000 a second")
	}
	if most-rss > 10<<20 {
		t.Errorf("memory grew by %.1f MiB", float64(most-rss)/(1<<20))
	}
	if after.Dropped != before.Dropped {
		t.Errorf("%d ticks were dropped", after.Dropped-before.Dropped)
	}
	if count != 1000 {
		t.Errorf("%g series, want the bound of 1000", count)
	}
}

func timer(b []byte, n int) []byte {
	return append(strconv.AppendInt(append(b[:0], "warm.t:"...), int64(n%1000), 10), "|ms"...)
}

// flood sends datagrams by sendmmsg(2) for as long and returns how many went.
func flood(t *testing.T, conn net.Conn, span time.Duration, next func(b []byte, n int) []byte) int {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	batch := make([]ipv4.Message, 64)
	for i := range batch {
		batch[i].Buffers = [][]byte{make([]byte, 0, 64)}
	}
	p := ipv4.NewPacketConn(conn.(net.PacketConn))
	sent := 0
	for end := time.Now().Add(span); time.Now().Before(end); {
		for i := range batch {
			batch[i].Buffers[0] = next(batch[i].Buffers[0], sent+i)
		}
		n, err := p.WriteBatch(batch, 0)
		if err != nil {
			continue // the receiver's buffer is full
		}
		sent += n
	}
	return sent
}

// figure reads a metric of the host itself from /metrics.
func figure(t *testing.T, addr, metric string) (float64, bool) {
	t.Helper()
	for _, line := range metricLines(t, addr) {
		if _, value, ok := strings.Cut(line, " "); ok && named(line, metric) {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return v, err == nil
		}
	}
	return 0, false
}

func residentBytes(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
