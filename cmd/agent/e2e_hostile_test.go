//go:build e2e

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestUnderAttack does to every listener of the real agent, one attack after
// the other, what its security page speaks of. After each the memory is what it
// was, no tick was dropped, and honest requests are answered.
func TestUnderAttack(t *testing.T) {
	page, health, statsd := freeAddress(t), freeAddress(t), freeAddress(t)
	a := launch(t, fmt.Sprintf("[statsd]\nlisten = %q\n[health]\nlisten = %q\n", statsd, health), "--http", page)
	answers := func(addr, path string) bool {
		client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + addr + path)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == http.StatusOK
	}
	honest := func() bool {
		_, code := a.command("status")
		return code == 0 && answers(page, "/metrics") && answers(health, "/healthz")
	}
	a.eventually(20*time.Second, "all listeners answer", honest)
	attack := map[string]func(addr string){
		"10 000 connections": func(addr string) {
			for range 10_000 {
				if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
					_ = c.Close()
				}
			}
		},
		"slowloris": func(addr string) {
			for range 500 { // kept to the end of the test
				if c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond); err == nil {
					t.Cleanup(func() { _ = c.Close() })
					_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: lo")
				}
			}
		},
		"a body of 1 GB": func(addr string) {
			pour(addr, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
		},
		"headers of 1 GB":    func(addr string) { pour(addr, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ") },
		"a request line":     func(addr string) { pour(addr, "GET /") },
		"noise over TCP":     func(addr string) { pour(addr, "\x00\xff\x16\x03") },
		"foreign Host names": func(addr string) { refused(t, addr, page) },
	}
	// The first round takes what memory the listeners need for good.
	for _, addr := range []string{page, health} {
		attack["10 000 connections"](addr)
		attack["a body of 1 GB"](addr)
	}
	before, rss := a.status(), residentBytes(t, a.cmd.Process.Pid)
	for name, run := range attack {
		for _, addr := range []string{page, health} {
			run(addr)
		}
		a.eventually(30*time.Second, "after "+name+" honest requests are answered", honest)
		t.Logf("%-20s %+.1f MiB", name, float64(residentBytes(t, a.cmd.Process.Pid)-rss)/(1<<20))
	}
	conn, err := net.Dial("udp", statsd)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		b := make([]byte, r.IntN(1400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		_, _ = conn.Write(b)
	}
	a.eventually(30*time.Second, "after noise over UDP honest requests are answered", honest)
	grown := float64(residentBytes(t, a.cmd.Process.Pid)-rss) / (1 << 20)
	after := a.status()
	t.Logf("in all: RSS %.1f MiB before, %+.1f MiB; %d ticks, %d dropped", float64(rss)/(1<<20), grown, after.Ticks-before.Ticks, after.Dropped-before.Dropped)
	if grown > 10 {
		t.Errorf("memory grew by %.1f MiB", grown)
	}
	if after.Dropped != before.Dropped {
		t.Errorf("%d ticks were dropped", after.Dropped-before.Dropped)
	}
}

// pour sends what begins a request and then 1 GB, or as much as is taken in 2 s.
func pour(addr, begin string) {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = io.WriteString(c, begin)
	chunk := []byte(strings.Repeat("a", 64<<10))
	for sent := 0; sent < 1<<30; {
		n, err := c.Write(chunk)
		if sent += n; err != nil {
			return
		}
	}
}

// refused: the page gives nothing to a name that is not its own (DNS rebinding)
// and nothing but its own paths; the health listener has two paths.
func refused(t *testing.T, addr, page string) {
	for request, want := range map[string]int{
		"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n":       http.StatusMisdirectedRequest,
		"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n": 0,
		"GET //etc/passwd HTTP/1.1\r\nHost: localhost\r\n":      0,
		"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n":        0,
	} {
		if want != 0 && addr != page {
			continue
		}
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			continue // as after a flood
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, request+"Connection: close\r\n\r\n")
		b, _ := io.ReadAll(c)
		_ = c.Close()
		var code int
		_, _ = fmt.Sscanf(string(b), "HTTP/1.1 %d", &code)
		if code/100 == 2 || want != 0 && code != want || strings.Contains(string(b), "root:") {
			t.Errorf("%.60q gives %d: %.200s", request, code, b)
		}
	}
}
