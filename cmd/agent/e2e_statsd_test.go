//go:build e2e

package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
		fmt.Fprint(conn, "warm.t:1|ms") // known before the million names come
		time.Sleep(100 * time.Millisecond)
		v, ok := figure(t, listen, "statsd_series")
		return ok && v >= 1
	})
	distinct := flood(t, conn, 2*time.Second, func(b []byte, n int) []byte { return fmt.Appendf(b, "name%06d:1|c", n%1_000_000) })
	for range 3 { // memory of a thousand series is taken now, once
		flood(t, conn, 500*time.Millisecond, timer)
	}
	time.Sleep(2 * time.Second)
	before, rss := a.status(), residentBytes(t, a.cmd.Process.Pid)
	most, read, dropped := rss, 0.0, 0.0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { // every tick is added up
		defer close(done)
		for last := before.Ticks; ; time.Sleep(50 * time.Millisecond) {
			most = max(most, residentBytes(t, a.cmd.Process.Pid))
			if now := a.status().Ticks; now != last {
				r, _ := figure(t, listen, "statsd_packets")
				d, _ := figure(t, listen, "statsd_dropped")
				last, read, dropped = now, read+r, dropped+d
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	sent := float64(flood(t, conn, 5*time.Second, timer))
	time.Sleep(2500 * time.Millisecond)
	close(stop)
	<-done
	after := a.status()
	count, _ := figure(t, listen, "statsd_series")
	t.Logf("%.0f packets a second sent by one core for 5 s (and %.0f of distinct names before): %.1f %% read, %.1f %% dropped and counted", sent/5, float64(distinct)/2, 100*read/sent, 100*dropped/sent)
	t.Logf("memory %.1f MiB before, %.1f MiB at most; %d ticks, %d dropped; %.0f series", float64(rss)/(1<<20), float64(most)/(1<<20), after.Ticks-before.Ticks, after.Dropped-before.Dropped, count)
	if all := (read + dropped) / sent; all < 0.9 || all > 1.1 {
		t.Errorf("%.0f sent, %.0f read and %.0f dropped: not all is accounted for", sent, read, dropped)
	}
	if sent/5 < 150_000 {
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
	// An agent that stands still reads nothing: what the kernel drops is counted.
	_ = a.cmd.Process.Signal(syscall.SIGSTOP)
	flood(t, conn, 500*time.Millisecond, timer)
	_ = a.cmd.Process.Signal(syscall.SIGCONT)
	a.eventually(5*time.Second, "what the kernel dropped is counted", func() bool {
		v, _ := figure(t, listen, "statsd_dropped")
		time.Sleep(100 * time.Millisecond)
		return v > 1000
	})
}

func timer(b []byte, n int) []byte { return fmt.Appendf(b, "warm.t:%03d|ms", n%1000) }

// flood sends datagrams, all of one length, for as long and returns how many
// went. The kernel cuts them out of one buffer (UDP_SEGMENT, udp(7)): a system
// call for each would measure the sender.
func flood(t *testing.T, conn net.Conn, span time.Duration, next func(b []byte, n int) []byte) int {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	one := len(next(nil, 0))
	if err := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, one) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatalf("UDP_SEGMENT: %v", err)
	}
	const batch = 64 // UDP_MAX_SEGMENTS
	var b []byte
	sent := 0
	for end := time.Now().Add(span); time.Now().Before(end); {
		b = b[:0]
		for i := range batch {
			b = next(b, sent+i)
		}
		if n, err := conn.Write(b); err == nil { // an error: the receiver's buffer is full
			sent += n / one
		}
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
