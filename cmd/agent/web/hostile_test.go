package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostilePage serves the page on loopback, as the agent does.
func hostilePage(t *testing.T) string {
	t.Helper()
	h, err := Page(t.Context(), &fakeAgent{}, HTTPConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1:0", "", "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(h)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// raw sends bytes and returns the status that comes back, 0 for none.
func raw(t *testing.T, addr, request string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestHostileRequests: each is refused, and none is served by accident.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	addr := hostilePage(t)
	if got := raw(t, addr, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); got != 200 {
		t.Fatalf("a plain request gives %d", got)
	}
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n":                                               421, // DNS rebinding
		"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n\r\n":                                  421,
		"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n":                               421,
		"GET /metrics HTTP/1.1\r\nHost: \r\n\r\n":                                                    421,
		"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n":        431,
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n":                   413,
		"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n":                          404,
		"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n":                                         404, // the socket's alone
		"POST /v1/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}":                 404,
		"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello":   400,
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is a TLS hello\r\n\r\n":                        400,
		"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n": 501,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                           421,
	} {
		if got := raw(t, addr, request); got != want && (want != 431 || got != 0) { // 0: cut off while it still sent
			t.Errorf("%.60q gives %d, want %d", request, got, want)
		}
	}
}

// TestEndlessBody: a body of 1 GB is not read, and the memory stays flat.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	addr := hostilePage(t)
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", 1<<30)
	chunk, sent := make([]byte, 64<<10), 0
	for sent < 1<<30 {
		n, err := c.Write(chunk)
		sent += n
		if err != nil {
			break
		}
	}
	if sent > 64<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}

// TestFlood: 64 connections that say nothing, and 10 000 more that come and go,
// cost little, and the page answers once the slow ones are cut off.
func TestFlood(t *testing.T) {
	t.Parallel()
	addr := hostilePage(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var slow []net.Conn
	for range maxConnections {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: lo") // slowloris
		slow = append(slow, c)
	}
	for range 10_000 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, c := range slow { // each ends within ReadHeaderTimeout
		_ = c.SetReadDeadline(time.Now().Add(12 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatal("a slow connection is kept")
		}
	}
	if got := raw(t, addr, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); got != 200 {
		t.Errorf("after the flood the page gives %d", got)
	}
}
