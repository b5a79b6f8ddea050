package alerttest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
)

// Answer is what the scripted server answers a request with.
type Answer struct {
	Status int // 0 = 200
	Header map[string]string
	Body   string
}

// Request is one request that the server received.
type Request struct {
	Method string
	Path   string // with the query
	Header http.Header
	Body   []byte
}

// Server is a service under the suite's control, on a real loopback socket.
type Server struct {
	URL    string // http://127.0.0.1:port, no trailing slash
	Secret string // give it to the sink as its token, key or password: it must not appear in an error

	http *httptest.Server
	done chan struct{}

	mu       sync.Mutex
	handle   func(w http.ResponseWriter, r *http.Request, got Request)
	requests []Request
}

// canary is the secret that the suite plants.
const canary = "xoxb-c4n4ry-5ecr3t-0f-the-5u1te"

func newServer() *Server {
	s := &Server{Secret: canary, done: make(chan struct{})}
	s.http = httptest.NewServer(http.HandlerFunc(s.serve))
	s.http.Config.ErrorLog = nil
	s.URL = s.http.URL
	return s
}

func (s *Server) close() {
	close(s.done)
	s.http.CloseClientConnections()
	s.http.Close()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	got := Request{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
	s.mu.Lock()
	s.requests = append(s.requests, got)
	handle := s.handle
	s.mu.Unlock()
	handle(w, r, got)
}

func (s *Server) script(h func(w http.ResponseWriter, r *http.Request, got Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = h
}

// Requests returns what was received so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (a Answer) write(w http.ResponseWriter) {
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

// hang holds the request until the client gives up.
func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.done:
	}
}

// reset breaks the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
