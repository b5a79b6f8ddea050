package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"golang.org/x/net/dns/dnsmessage"
)

// Addresses within the lab's own network namespace.
const (
	webAddr   = "127.0.0.1:9001"
	proxyAddr = "127.0.0.1:9002"
	inboxAddr = "127.0.0.1:9003"
	bulkPort  = "9004"
	deadAddr  = "127.0.0.1:9006" // nothing listens there
	dnsAddr   = "127.0.0.1:53"
)

// serve starts what a healthy host has: a web server behind a proxy, a name
// server, steady TCP traffic; and the webhook that takes the agent's messages.
func (l *lab) serve() error {
	web := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(w, "hello\n")
	})
	inbox := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		l.take(b)
	})
	for addr, h := range map[string]http.Handler{webAddr: web, inboxAddr: inbox} {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(ln, h) }()
	}
	l.proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "web", proxyAddr, webAddr)
	if err := l.proxy.Start(); err != nil {
		return err
	}
	if err := l.names(); err != nil {
		return err
	}
	if err := l.bulk(); err != nil {
		return err
	}
	return l.connect()
}

// names answers every question, after dnsDelay, and makes
// resolv.conf point there.
func (l *lab) names() error {
	c, err := net.ListenPacket("udp", dnsAddr)
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil {
				continue
			}
			m.Response, m.RCode, m.Additionals = true, dnsmessage.RCodeSuccess, nil
			for _, q := range m.Questions {
				h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}
				switch q.Type {
				case dnsmessage.TypeNS:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.NSResource{NS: dnsmessage.MustNewName("a.example.")}})
				case dnsmessage.TypeA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}})
				}
			}
			answer, err := m.Pack()
			if err == nil {
				time.AfterFunc(time.Duration(l.dnsDelay.Load()), func() { _, _ = c.WriteTo(answer, from) })
			}
		}
	}()
	file := filepath.Join(l.dir, "resolv.conf")
	if err := os.WriteFile(file, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		return err
	}
	return syscall.Mount(file, "/etc/resolv.conf", "", syscall.MS_BIND, "")
}

// bulk sends 4 KB fifty times a second over one connection.
func (l *lab) bulk() error {
	ln, err := net.Listen("tcp", "127.0.0.1:"+bulkPort)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	for range 4 {
		go func() {
			for l.ctx.Err() == nil {
				c, err := net.Dial("tcp", ln.Addr().String())
				for err == nil && l.ctx.Err() == nil {
					_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
					_, err = c.Write(make([]byte, 4096))
					l.sleep(20 * time.Millisecond)
				}
				if c != nil {
					c.Close()
				}
				l.sleep(100 * time.Millisecond)
			}
		}()
	}
	return nil
}

// deaf is a TCP server that accepts nothing and has room for 16.
func deaf() (string, func(), error) {
	// Not inherited: a build that began meanwhile would go on not accepting.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", func() {}, err
	}
	stop := func() { _ = syscall.Close(fd) }
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: 9005, Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 16))
	return "127.0.0.1:9005", stop, err
}
