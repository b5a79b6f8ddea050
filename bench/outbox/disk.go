package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// diskRule is how the agent's alerts about its own state directory begin.
const diskRule = "state-disk"

// hangs is how long an fsync does not return.
var hangs = 10 * time.Minute

// told posts a critical and returns how long it took to the receiver, whatever
// the agent could promise.
func told(a *agent, r *receiver, target string) (float64, error) {
	began := time.Now()
	go a.post(target, "critical", "firing")
	if took, ok := wait(30*time.Second, func() bool { return !r.at(target, "firing").IsZero() }); !ok {
		return 0, fmt.Errorf("%s was not told in %s", target, took)
	}
	return r.at(target, "firing").Sub(began).Seconds(), nil
}

// fsyncHangs has every fsync wait.
func fsyncHangs(b *bench, dir string) (rows []row, err error) {
	source, at := filepath.Join(dir, "source"), filepath.Join(dir, "at")
	if err := errors.Join(os.Mkdir(source, 0o700), os.Mkdir(at, 0o700)); err != nil {
		return nil, err
	}
	f, err := mountFaulty(source, at)
	if err != nil {
		return nil, err
	}
	r := newReceiver()
	defer r.Close()
	a, err := b.start(dir, filepath.Join(at, "state"), r.sink("webhook"))
	if err != nil {
		return nil, errors.Join(err, f.server.Unmount())
	}
	free := f.hold()
	defer func() {
		free()
		a.kill()
		err = errors.Join(err, f.server.Unmount())
	}()
	began := time.Now()
	var worst float64
	for i := 0; time.Since(began) < hangs; i++ {
		took, err := told(a, r, fmt.Sprint("stuck-", i))
		if err != nil {
			return nil, err
		}
		worst = max(worst, took)
		time.Sleep(3 * time.Second)
	}
	self := 0.0
	if !r.named(diskRule, at).IsZero() {
		self = 1
	}
	free()
	again, ok := wait(60*time.Second, a.durable)
	if !ok {
		return nil, errors.New("not durable again in 60 s")
	}
	if err := a.stop(); err != nil {
		return nil, err
	}
	late, err := a.late()
	return []row{
		{Figure: fmt.Sprintf("ticks late while fsync hangs for %.0f s, p99, ms", hangs.Seconds()), Value: p99(late), Bar: 100, N: len(late)},
		{Figure: "an alert at the sink meanwhile, the worst, s", Value: worst, Bar: 2},
		{Figure: "the agent's alert about its disk came", Value: self, Bar: 1, Least: true},
		{Figure: "durable again after the disk is, s", Value: again.Seconds(), Bar: 35},
	}, err
}

// fsyncStorm has fio sync a file after each 4 KiB on the same disk.
func fsyncStorm(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	a, err := b.start(dir, filepath.Join(dir, "state"), r.sink("webhook"))
	if err != nil {
		return nil, err
	}
	fio := exec.Command("fio", "--name=storm", "--directory="+dir, "--size=64m", "--rw=randwrite", "--bs=4k", "--fsync=1", "--numjobs=8", "--time_based", "--runtime=30", "--output="+filepath.Join(dir, "fio"))
	if err := fio.Start(); err != nil {
		a.kill()
		return nil, fmt.Errorf("fio: %w", err)
	}
	var worst float64
	n := 0
	for began := time.Now(); time.Since(began) < 30*time.Second; n++ {
		took, err := told(a, r, fmt.Sprint("storm-", n))
		if err != nil {
			return nil, err
		}
		worst = max(worst, took)
		time.Sleep(500 * time.Millisecond)
	}
	if err := fio.Wait(); err != nil {
		return nil, fmt.Errorf("fio: %w", err)
	}
	if err := a.stop(); err != nil {
		return nil, err
	}
	late, err := a.late()
	return []row{
		{Figure: "ticks late during 8 writers that fsync each block, p99, ms", Value: p99(late), Bar: 100, N: len(late)},
		{Figure: "an alert at the sink meanwhile, the worst, s", Value: worst, Bar: 2, N: n},
	}, err
}

// badDisk has the disk fail in four ways under a running agent.
func badDisk(b *bench, dir string) ([]row, error) {
	var rows []row
	for _, how := range []string{"EIO on fsync (FUSE)", "ENOSPC on write (FUSE)", "a tmpfs that is full", "EROFS on every change (FUSE)", "EIO on fsync (strace)"} {
		own := filepath.Join(dir, strings.Fields(strings.NewReplacer("(", "", ")", "").Replace(how))[0]+fmt.Sprint(len(rows)))
		if err := os.Mkdir(own, 0o700); err != nil {
			return rows, err
		}
		more, err := b.oneBadDisk(own, how)
		if err != nil {
			more = append(more, row{Figure: how, Error: err.Error()})
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func (b *bench) oneBadDisk(dir, how string) (rows []row, err error) {
	at := filepath.Join(dir, "at")
	if err := os.Mkdir(at, 0o700); err != nil {
		return nil, err
	}
	d, err := newTrouble(dir, at, how)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	r := newReceiver()
	defer r.Close()
	a, err := b.start(dir, filepath.Join(at, "state"), r.sink("webhook"))
	if err != nil {
		return nil, err
	}
	defer a.kill()
	time.Sleep(3 * time.Second)
	if err := d.on(a.cmd.Process.Pid); err != nil {
		return nil, err
	}
	since := time.Now()
	took, err := told(a, r, "bad")
	if err != nil {
		return nil, err
	}
	rows = append(rows, row{Figure: how + ": an alert at the sink, s", Value: took, Bar: 2})
	self := row{Figure: how + ": the fault to the agent's alert at the sink, s", Bar: 1.1} // one interval, and the way there
	if _, ok := wait(10*time.Second, func() bool { return !r.named(diskRule, at).IsZero() }); !ok {
		self.Error = "none came in 10 s"
	}
	if d.since != nil {
		if since, err = d.since(); err != nil {
			return rows, err
		}
	}
	self.Value = r.named(diskRule, at).Sub(since).Seconds()
	rows = append(rows, self)
	if d.off != nil {
		if err := d.off(); err != nil {
			return rows, err
		}
		again, ok := wait(30*time.Second, a.durable)
		if !ok {
			return rows, errors.New("not durable again in 30 s")
		}
		rows = append(rows, row{Figure: how + ": durable again, s", Value: again.Seconds(), Bar: 5})
	}
	return rows, a.stop()
}

// trouble makes one kind of bad disk at a folder.
type trouble struct {
	on    func(pid int) error
	off   func() error
	since func() (time.Time, error) // when it began, where on does not begin it
	end   func() error
}

func newTrouble(dir, at, how string) (*trouble, error) {
	switch {
	case strings.HasSuffix(how, "(FUSE)"):
		source := filepath.Join(dir, "source")
		if err := os.Mkdir(source, 0o700); err != nil {
			return nil, err
		}
		f, err := mountFaulty(source, at)
		if err != nil {
			return nil, err
		}
		op, errno := "sync", syscall.EIO
		switch {
		case strings.HasPrefix(how, "ENOSPC"):
			op, errno = "write", syscall.ENOSPC
		case strings.HasPrefix(how, "EROFS"): // as a file system that the kernel turned read-only under open files
			op, errno = "change", syscall.EROFS
		}
		return &trouble{
			on: func(int) error { f.set(op, errno); return nil }, off: func() error { f.set(op, 0); return nil },
			end: func() error { f.set(op, 0); time.Sleep(time.Second); return syscall.Unmount(at, syscall.MNT_DETACH) },
		}, nil
	case strings.HasSuffix(how, "(strace)"):
		return newTracer(filepath.Join(dir, "strace")), nil
	}
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size=8m"); err != nil {
		return nil, fmt.Errorf("mount tmpfs: %w", err)
	}
	t := &trouble{end: func() error { return syscall.Unmount(at, syscall.MNT_DETACH) }}
	big := filepath.Join(at, "big")
	t.on = func(int) error { // to the last byte
		f, err := os.Create(big)
		if err != nil {
			return err
		}
		defer f.Close()
		for {
			if _, err := f.Write(make([]byte, 4096)); err != nil {
				return nil
			}
		}
	}
	t.off = func() error { return os.Remove(big) }
	return t, nil
}

// newTracer has strace make every fsync of the running agent fail.
func newTracer(log string) *trouble {
	var tracer *exec.Cmd
	end := func() error {
		if tracer == nil {
			return nil
		}
		_ = tracer.Process.Signal(os.Interrupt) // it lets go of the agent
		_ = tracer.Wait()
		tracer = nil
		return nil
	}
	return &trouble{
		on: func(pid int) error {
			tracer = exec.Command("strace", "-f", "-qq", "-ttt", "-o", log, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "-p", strconv.Itoa(pid))
			return tracer.Start()
		},
		off: end, end: end, since: func() (time.Time, error) { return injected(log) },
	}
}

// injected reads in strace's log when the first call was made to fail.
func injected(log string) (time.Time, error) {
	b, err := os.ReadFile(log)
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); strings.Contains(line, "(INJECTED)") && len(f) > 1 {
			at, err := strconv.ParseFloat(f[1], 64)
			return time.UnixMicro(int64(at * 1e6)), err
		}
	}
	return time.Time{}, errors.New("strace made no call fail")
}
