package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// maxConnections of one TCP listener; more are closed at once.
const maxConnections = 64

// Listen opens a TCP listener with a cap on its connections, and TLS where a
// certificate is given.
func Listen(addr, cert, key string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	l = &capped{Listener: l, slots: make(chan struct{}, maxConnections)}
	if cert == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("listen on %s: read certificate: %w", addr, err)
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}

// capped closes connections beyond its slots, so that a flood costs no memory.
type capped struct {
	net.Listener
	slots chan struct{}
}

// Accept implements net.Listener.
func (c *capped) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case c.slots <- struct{}{}:
			return &counted{Conn: conn, free: sync.OnceFunc(func() { <-c.slots })}, nil
		default:
			_ = conn.Close()
		}
	}
}

type counted struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.free()
	return c.Conn.Close()
}

// Page is the handler of [http]: the status page and /metrics, behind the Host
// check and, where one is set, the token: "Authorization: Bearer TOKEN", or
// as the password of basic authentication.
// Its streams end with ctx.
func Page(ctx context.Context, a Agent, c HTTPConfig) (http.Handler, error) {
	token, err := conf.FileOr(c.Token, c.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read [http] token: %w", err)
	}
	p := &page{agent: a, drawer: drawer{agent: a}, csrf: csrfToken(token), end: ctx.Done()}
	mux := http.NewServeMux()
	p.handle(mux)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		WriteMetrics(w, a)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with no-referrer a form of this page has the origin "null"
		h.Set("Cache-Control", "no-store")
		if !c.allowed(r.Host) {
			http.Error(w, "this listener does not go by that name; add it to [http] hosts", http.StatusMisdirectedRequest)
			return
		}
		if !token.IsZero() && !authorized(r, token.Reveal()) {
			h.Set("WWW-Authenticate", `Basic realm="firewatch"`)
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		if r.ContentLength > maxBody { // said at once: a reader of the rest would be waited for
			http.Error(w, fmt.Sprintf("at most %d bytes", maxBody), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	}), nil
}

// authorized compares in constant time, whatever the lengths.
func authorized(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		_, given, _ = r.BasicAuth()
	}
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Health is the handler of [health]: a status and one word, for kubelets and
// load balancers. It asks no Host and no token, and says nothing else.
func Health(a Agent) http.Handler {
	say := func(w http.ResponseWriter, ok bool, word string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, word)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		switch tick, outbox := a.Progress(); {
		case !tick:
			say(w, false, "ticks-stalled")
		case !outbox:
			say(w, false, "outbox-stalled")
		default:
			say(w, true, "ok")
		}
	})
	mux.HandleFunc("GET /health/host", func(w http.ResponseWriter, _ *http.Request) {
		ok, word := a.Traffic()
		say(w, ok, word)
	})
	return mux
}
