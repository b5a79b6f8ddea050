package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The host's network card, named as most are, so that the models know what is
// usual for it where the recording's host has one of that name; and a server at
// the other end of the cable.
const (
	link    = "eth0"
	farAddr = "192.0.2.2:9007" // TEST-NET-1, RFC 5737
)

// connect plugs the cable in, and has a few KB a second go over it.
func (l *lab) connect() error {
	if _, err := l.start("/proc/self/exe", "child", "far", strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	var err error
	for range 50 {
		if err = l.command("ip", "link", "set", link, "up"); err == nil {
			break
		}
		l.sleep(100 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	if err := l.command("ip", "addr", "add", "192.0.2.1/30", "dev", link); err != nil {
		return err
	}
	go l.chatter()
	return nil
}

// chatter is what a host usually sends: a little, now and then. More would hide the
// packet loss, as the share of segments sent again is of all connections.
func (l *lab) chatter() {
	for l.ctx.Err() == nil {
		c, err := net.DialTimeout("tcp", farAddr, time.Second)
		for err == nil && l.ctx.Err() == nil {
			_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
			_, err = c.Write(make([]byte, rand.IntN(8000)))
			l.sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
		}
		if c != nil {
			c.Close()
		}
		l.sleep(100 * time.Millisecond)
	}
}

// far is the server at the other end, in a network namespace of its own; process
// is one in that of the lab.
func far(process string) {
	runtime.LockOSThread() // the namespace is the thread's
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		fmt.Fprintln(os.Stderr, "unshare:", err)
		os.Exit(1)
	}
	for _, args := range []string{
		"link add far type veth peer name " + link + " netns " + process,
		"addr add 192.0.2.2/30 dev far",
		"link set far up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "ip %s: %v: %s", args, err, out)
			os.Exit(1)
		}
	}
	ln, err := net.Listen("tcp", farAddr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			os.Exit(1)
		}
		go func() {
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}()
	}
}
