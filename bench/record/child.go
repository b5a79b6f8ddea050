package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

func runChild(kind string, args []string) error {
	switch {
	case kind == "rss" && len(args) == 4:
		series, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return childRSS(args[0], args[1], series, args[3] == "true")
	case kind == "kill" && len(args) == 2:
		from, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return childKill(args[0], from)
	}
	return fmt.Errorf("unknown child %q", kind)
}

// killFrame is frame i, made so that any part of it can be checked. A run
// begins with begins.
func killFrame(i int, begins bool) collect.Frame {
	f := collect.Frame{Time: epoch.Add(time.Duration(i)*time.Second + time.Duration(i%1000)*time.Microsecond)}
	if !begins {
		f.Elapsed = f.Time.Sub(epoch.Add(time.Duration(i-1)*time.Second + time.Duration((i-1)%1000)*time.Microsecond))
	}
	for s := range 150 {
		if (i/100+s)%7 == 0 {
			continue
		}
		f.Samples = append(f.Samples, collect.Sample{Metric: "made_" + strconv.Itoa(s), Target: "t", Value: collect.Round(math.Sin(float64(i*(s+1))) * float64(s))})
	}
	return f
}

// childKill records from frame on until it is killed. How far it came is in a
// file that it shares with its parent.
func childKill(dir string, from int) error {
	shared, err := os.OpenFile(filepath.Join(dir, "progress"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	page, err := unix.Mmap(int(shared.Fd()), 0, 8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	progress := (*atomic.Int64)(unsafe.Pointer(&page[0]))
	w, err := open(dir, record.Config{}, os.Stderr)
	if err != nil {
		return err
	}
	for i := from; ; i++ {
		w.put(killFrame(i, i == from))
		for w.Stats().Queued > 0 {
			runtime.Gosched()
		}
		progress.Store(int64(i + 1))
	}
}

// killOne lets a child record from frame next on and kills it after span, which
// begins at its first frame if wait is set. It returns how far it came and how many torn ends it said it found.
func killOne(dir string, next int, wait bool, span time.Duration) (at, torn int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	progress := filepath.Join(dir, "progress")
	if err := os.WriteFile(progress, binary.LittleEndian.AppendUint64(nil, uint64(next)), 0o600); err != nil {
		return 0, 0, err
	}
	cmd := exec.Command(self, "-child", "kill", dir, strconv.Itoa(next))
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	for start := time.Now(); wait && time.Since(start) < 10*time.Second; time.Sleep(100 * time.Microsecond) {
		if n, err := recorded(progress); err != nil || n > next {
			break
		}
	}
	time.Sleep(span)
	_ = cmd.Process.Kill()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
		return 0, 0, fmt.Errorf("the child ended by itself: %w: %s", err, &log)
	}
	at, err = recorded(progress)
	return at, bytes.Count(log.Bytes(), []byte("history is damaged")), err
}

// recorded is how far a child says it came.
func recorded(progress string) (int, error) {
	b, err := os.ReadFile(progress)
	if err != nil || len(b) < 8 {
		return 0, fmt.Errorf("read progress: %w", err)
	}
	return int(binary.LittleEndian.Uint64(b)), nil
}

// verify reads the frames from number next on and compares each with what was
// recorded. It returns the number of the last.
func verify(dir string, next int) (last int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	last = next - 1
	a := record.OpenArchive(root, slog.New(slog.DiscardHandler))
	for f, err := range a.Replay(killFrame(next, true).Time) {
		if err != nil {
			return 0, err
		}
		want := killFrame(last+1, last+1 == next)
		if !f.Time.Equal(want.Time) || f.Elapsed != want.Elapsed || len(f.Samples) != len(want.Samples) {
			return 0, fmt.Errorf("frame %d: %v after %v with %d series, want %v after %v with %d", last+1, f.Time, f.Elapsed, len(f.Samples), want.Time, want.Elapsed, len(want.Samples))
		}
		for i, s := range f.Samples {
			if w := want.Samples[i]; s.Metric != w.Metric || s.Target != w.Target || s.Value != w.Value {
				return 0, fmt.Errorf("frame %d: %v, want %v", last+1, s, w)
			}
		}
		last++
	}
	if n := len(a.Damage()); n > 0 {
		return 0, fmt.Errorf("a kill left damage that is not an end: %v", a.Damage()[0].Error())
	}
	return last, nil
}
