package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/culprit"
)

// watch answers commands: pass, full, and blame KIND with the pid, command and
// figure of the first one named.
func watch(in io.Reader, out io.Writer) error {
	w := culprit.New(collect.LocalHost(time.Second))
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		command, kind, _ := strings.Cut(lines.Text(), " ")
		answer := "ok"
		switch command {
		case "pass", "full":
			var ts unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
				return err
			}
			if err := w.Pass(time.Duration(ts.Nano()), command == "full"); err != nil {
				return err
			}
		case "blame":
			k, err := strconv.Atoi(kind)
			if err != nil {
				return err
			}
			r := w.Blame(culprit.Kind(k))
			answer = "nobody"
			if len(r.Processes) > 0 {
				p := r.Processes[0]
				answer = fmt.Sprintf("%d %s %s %.0f", p.PID, p.Command, p.What, p.Value)
			}
			if r.Unseen != "" {
				answer += " (not visible: " + r.Unseen + ")"
			}
		}
		fmt.Fprintln(out, answer)
	}
	return lines.Err()
}

var spun atomic.Uint64

// trouble makes one kind of it until it is killed.
func trouble(kind string) error {
	switch kind {
	case "cpu":
		for {
			spun.Add(1)
		}
	case "leak":
		var kept [][]byte
		for len(kept) < 60 {
			b := make([]byte, 8<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
			time.Sleep(50 * time.Millisecond)
		}
	case "write":
		return writing()
	case "fork":
		for {
			if err := exec.Command("/bin/true").Run(); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
	case "files":
		var kept []*os.File
		for len(kept) < 800 {
			f, err := os.Open("/dev/null")
			if err != nil {
				return err
			}
			kept = append(kept, f)
			time.Sleep(time.Millisecond)
		}
	case "sockets":
		return sockets()
	}
	select {}
}

func writing() error {
	f, err := os.CreateTemp("", "firewatch-culprits-")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	block := make([]byte, 1<<20)
	for i := int64(0); ; i++ {
		if _, err := f.WriteAt(block, i%64<<20); err != nil {
			return err
		}
		if i%16 == 15 {
			if err := f.Sync(); err != nil {
				return err
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sockets opens 400 connections to itself.
func sockets() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var kept []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		s, err := l.Accept()
		if err != nil {
			return err
		}
		kept = append(kept, c, s)
		time.Sleep(2 * time.Millisecond)
	}
	fmt.Fprintln(io.Discard, len(kept)) // they stay open
	select {}
}
