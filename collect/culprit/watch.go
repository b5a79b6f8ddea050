package culprit

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

const (
	maxProcesses = 20_000
	maxKept      = 512              // open files: opening one costs as much as reading it
	rolling      = 10 * time.Second // between two passes while all is well
	anchorEvery  = 5 * time.Minute  // memory grows against the last but one
	shortest     = 500 * time.Millisecond
)

// process is what the passes know of one.
type process struct {
	pid    int32
	fd     int // of its stat; -1 = none. It stays that process's own, whoever gets the pid next
	now    usage
	base   usage // of the pass before; zero for one that is new
	known  bool  // base is a reading, or the process began after the first pass
	fresh  bool  // began since the pass before
	turn   uint32
	anchor [2]uint64 // resident bytes five to ten, and up to five minutes ago
	io     counters
	files  counters // open files, in both fields' read; only of full passes
}

// counters are two readings of something that costs a file of its own.
type counters struct {
	read, written         uint64
	baseRead, baseWritten uint64
	have, haveBase        bool
	denied                bool
}

func (c *counters) set(read, written uint64) {
	c.baseRead, c.baseWritten, c.haveBase = c.read, c.written, c.have
	c.read, c.written, c.have = read, written, true
}

// Watch keeps one line for each process of a host, at most 20 000. It is not
// safe for concurrent use.
type Watch struct {
	proc     string
	page     uint64
	buf      []byte
	all      map[int32]*process
	turn     uint32
	at       time.Duration // boot time of the newest pass
	over     time.Duration // time that its differences cover
	took     time.Duration
	anchored time.Duration
	forks    [2]uint64 // of /proc/stat, newest last
	kept     int       // open files
	beyond   bool      // there are more processes than were read
	who      identities
}

// New makes a Watch of the processes in h.Proc.
func New(h collect.Host) *Watch {
	return &Watch{proc: h.Proc, page: uint64(os.Getpagesize()), all: map[int32]*process{}, buf: make([]byte, 4096), who: newIdentities(h)}
}

// Due reports whether a pass is due while all is well: every ten seconds, or
// seldomer on a host with so many processes that it would cost more than a
// thousandth of a core. boot is CLOCK_BOOTTIME.
func (w *Watch) Due(boot time.Duration) bool {
	return w.turn == 0 || boot-w.at >= max(rolling, 1000*w.took)
}

// Pass reads every process once. full counts open files too, which only
// trouble is worth. A pass within half a second of the last one changes nothing:
// the differences would be those of single clock ticks. boot is CLOCK_BOOTTIME.
func (w *Watch) Pass(boot time.Duration, full bool) error {
	if w.turn > 0 && boot-w.at < shortest {
		return nil
	}
	began := time.Now()
	list, beyond, err := w.list()
	if err != nil {
		return err
	}
	readings := make([]reading, 0, len(list))
	for _, pid := range list {
		if r := (reading{pid: pid, fd: -1}); w.stat(&r) {
			readings = append(readings, r)
		}
	}
	w.beyond = beyond
	w.forks = [2]uint64{w.forks[1], w.forked()}
	w.merge(readings, boot)
	w.more(full)
	w.took = time.Since(began)
	return nil
}

type reading struct {
	pid int32
	fd  int // of its stat, kept for the next pass; -1 = none
	usage
}

// list gives the pids there are, at most maxProcesses.
func (w *Watch) list() (pids []int32, beyond bool, err error) {
	dir, err := os.Open(w.proc)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = dir.Close() }()
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			if pid, err := strconv.ParseInt(name, 10, 32); err == nil && pid > 0 {
				if len(pids) == maxProcesses {
					return pids, true, nil
				}
				pids = append(pids, int32(pid))
			}
		}
		if errors.Is(err, io.EOF) {
			return pids, false, nil
		}
		if err != nil {
			return pids, false, err
		}
	}
}

// stat reads one process; it may have ended, or be hidden (hidepid).
func (w *Watch) stat(r *reading) (ok bool) {
	if p := w.all[r.pid]; p != nil && p.fd >= 0 {
		if n, err := syscall.Pread(p.fd, w.buf, 0); err == nil && n > 0 {
			r.fd = p.fd
			r.usage, ok = parseStat(w.buf[:n])
			return ok
		}
		w.release(p) // it ended (ESRCH); another may have its pid by now
	}
	fd, err := syscall.Open(w.path(r.pid, "stat"), syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	n, err := syscall.Read(fd, w.buf)
	if err == nil && n > 0 {
		r.usage, ok = parseStat(w.buf[:n])
	}
	if ok && w.kept < maxKept {
		w.kept++
		r.fd = fd
		return true
	}
	_ = syscall.Close(fd) // only read
	return ok
}

// release gives back the open stat of a process.
func (w *Watch) release(p *process) {
	if p.fd >= 0 {
		_ = syscall.Close(p.fd)
		p.fd = -1
		w.kept--
	}
}

// Close gives back what the passes keep open.
func (w *Watch) Close() {
	for _, p := range w.all {
		w.release(p)
	}
}

func (w *Watch) path(pid int32, file string) string {
	return w.proc + "/" + strconv.Itoa(int(pid)) + "/" + file
}

// read returns up to 4 KiB of a file, valid until the next read. Without package
// os: these files cannot be polled, and an *os.File would try.
func (w *Watch) read(path string) ([]byte, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	n, err := syscall.Read(fd, w.buf)
	_ = syscall.Close(fd) // only read
	if err != nil || n < 0 {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return w.buf[:n], nil
}

// forked reads the forks since boot from /proc/stat; 0 where they are not told.
func (w *Watch) forked() uint64 {
	b, err := os.ReadFile(filepath.Join(w.proc, "stat"))
	if err != nil {
		return 0
	}
	return parseForks(b)
}

// merge takes the readings of a pass into the table.
func (w *Watch) merge(readings []reading, boot time.Duration) {
	first := w.turn == 0
	w.turn++
	w.over, w.at = boot-w.at, boot
	anchor := first || boot-w.anchored >= anchorEvery
	if anchor {
		w.anchored = boot
	}
	for i := range readings {
		r := &readings[i]
		p := w.all[r.pid]
		if p == nil || p.now.start != r.start {
			if p != nil && p.fd != r.fd {
				w.release(p)
			}
			p = &process{pid: r.pid, fd: -1, fresh: true, known: !first}
			w.all[r.pid] = p
			if first {
				p.anchor = [2]uint64{r.pages * w.page, r.pages * w.page}
			}
		} else {
			p.base, p.fresh, p.known = p.now, false, true
		}
		p.now, p.turn, p.fd = r.usage, w.turn, r.fd
		if anchor && !p.fresh {
			p.anchor = [2]uint64{p.anchor[1], r.pages * w.page}
		}
	}
	for _, p := range w.all {
		if p.turn != w.turn {
			w.bury(p)
		}
	}
	for pid, p := range w.all {
		if p.turn != w.turn {
			w.release(p)
			delete(w.all, pid)
		}
	}
}

// bury takes what an ended process used before its last pass off what the
// nearest of its parents that still lives is charged: that one's counters have
// just grown by the whole life.
func (w *Watch) bury(p *process) {
	for heir, depth := w.all[p.now.ppid], 0; heir != nil && depth < 64; heir, depth = w.all[heir.now.ppid], depth+1 {
		if heir.turn == w.turn {
			heir.base.childCPU += p.now.cpu + p.now.childCPU
			heir.base.childFaults += p.now.faults + p.now.childFaults
			return
		}
	}
}

// more reads what costs a file of its own: the I/O of processes that ran, where
// it is allowed, and in a full pass the number of open files.
func (w *Watch) more(full bool) {
	for _, p := range w.all {
		if p.now.kernel {
			continue
		}
		if ran := p.fresh || p.now.cpu != p.base.cpu || p.now.state == 'D'; ran && !p.io.denied {
			b, err := w.read(w.path(p.pid, "io"))
			read, written, ok := uint64(0), uint64(0), false
			if err == nil {
				read, written, ok = parseIO(b)
			}
			p.io.denied = errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM)
			if ok {
				p.io.set(read, written)
			}
		} else if p.io.have {
			p.io.set(p.io.read, p.io.written)
		}
		if full {
			w.count(p)
		}
	}
}

// count takes the number of open files: from Linux 6.2 on the size of
// /proc/PID/fd, which everyone may ask for (commit f1f1f2569901).
func (w *Watch) count(p *process) {
	var st syscall.Stat_t
	if err := syscall.Stat(w.path(p.pid, "fd"), &st); err == nil && st.Size > 0 {
		p.files.set(uint64(st.Size), 0)
	}
}
