package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// child does one kind of harm until it is killed. It is bounded by itself: 400 s
// of a leak, 19 000 files, 600 processes.
func child(args []string) {
	number := func(i int) int { n, _ := strconv.Atoi(args[i]); return n }
	switch args[0] {
	case "in": // a cgroup: "in GROUP what …"; started again when the kernel kills it
		for {
			cmd := exec.Command(self(), append([]string{"child", "join", args[1]}, args[2:]...)...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			_ = cmd.Run()
			time.Sleep(time.Second)
		}
	case "join":
		if err := os.WriteFile(filepath.Join(args[1], "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		child(args[2:])
	case "leak": // MB a second
		var held [][]byte
		for len(held) < 400 {
			b := make([]byte, number(1)<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			held = append(held, b)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		fmt.Fprint(os.Stderr, len(held))
	case "thrash":
		thrash(args[1])
	case "fill": // bytes a second
		f, err := os.Create(args[1])
		for err == nil {
			_, err = f.Write(make([]byte, number(2)/10))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Hour)
	case "inodes":
		_ = os.MkdirAll(args[1], 0o755)
		for i := range 19000 {
			_ = os.WriteFile(filepath.Join(args[1], strconv.Itoa(i)), nil, 0o644)
			if i%100 == 99 {
				time.Sleep(50 * time.Millisecond)
			}
		}
		time.Sleep(time.Hour)
	case "fds":
		openMany()
	case "zombies":
		waitAtEnd()
		for range 600 {
			_, _ = os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{}) // never waited for
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Hour)
	case "jobs": // a second: each starts on time, waits for a lock that nobody gives back, and is never done
		waitAtEnd()
		for range 600 {
			_, _ = os.StartProcess("/bin/sleep", []string{"sleep", "3600"}, &os.ProcAttr{Env: []string{"PATH=/usr/bin:/bin"}}) // as cron; more would map locales: 18 open files each
			time.Sleep(time.Second / time.Duration(number(1)))
		}
		time.Sleep(time.Hour)
	default:
		traffic(args)
	}
}

// traffic is the harm that is done over the network.
func traffic(args []string) {
	number := func(i int) int { n, _ := strconv.Atoi(args[i]); return n }
	switch args[0] {
	case "far": // process whose network it is the other end of
		far(args[1])
	case "send": // address, MB a second: a backup that fills the link
		c, err := net.Dial("tcp", args[1])
		for err == nil {
			_, err = c.Write(make([]byte, number(2)*10000))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Hour)
	case "retry": // address, a second: what it needs is down, and it tries again without waiting
		for {
			if c, err := net.DialTimeout("tcp", args[1], time.Second); err == nil {
				c.Close()
			}
			time.Sleep(time.Second / time.Duration(number(2)))
		}
	case "connect": // address, a second
		for {
			go func() {
				if c, err := net.DialTimeout("tcp", args[1], 2*time.Second); err == nil {
					time.Sleep(2 * time.Second)
					c.Close()
				}
			}()
			time.Sleep(time.Second / time.Duration(number(2)))
		}
	}
}

// waitAtEnd makes SIGTERM wait for all children, and then end this process.
func waitAtEnd() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		for {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
				os.Exit(0)
			}
		}
	}()
}

// thrash reads pages of a file at random from eight threads.
func thrash(path string) {
	f, err := os.Open(path)
	if err != nil {
		os.Exit(1)
	}
	st, _ := f.Stat()
	b, err := syscall.Mmap(int(f.Fd()), 0, int(st.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		os.Exit(1)
	}
	var sum [8]byte
	for t := range sum {
		go func() {
			rng := rand.New(rand.NewPCG(uint64(t), 1))
			for {
				sum[t] += b[rng.IntN(len(b))]
			}
		}()
	}
	time.Sleep(time.Hour)
}

// openMany opens a thousand files a second, from processes that may hold 18 000
// each, up to 50 000.
func openMany() {
	limit := syscall.Rlimit{Cur: 60000, Max: 60000}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		limit = syscall.Rlimit{}
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	var held []*os.File
	for len(held) < 50000 {
		for range 50 {
			if f, err := os.Open("/dev/null"); err == nil {
				held = append(held, f)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(time.Hour)
	fmt.Fprint(os.Stderr, len(held))
}
