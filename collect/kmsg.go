package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// maxMessages bounds what one tick reads of the kernel's log.
const maxMessages = 500

// kernelTrouble maps what a message holds to what it counts as; the first line
// that fits counts. The words are those of the kernel's sources (mm/oom_kill.c,
// block/blk-core.c, kernel/hung_task.c, kernel/watchdog.c, kernel/rcu/tree_stall.h,
// fs/ext4/super.c, fs/xfs/xfs_message.c, net/sched/sch_generic.c, drivers/nvme/host/pci.c).
var kernelTrouble = []struct {
	metric string
	words  []string
}{
	{"kernel_log_oom", []string{"Out of memory:", "Memory cgroup out of memory:"}},
	{"kernel_log_io_errors", []string{"I/O error", "critical medium error", "critical target error", "failed command:", "controller is down", "I/O timeout", "timeout, aborting", "timeout, reset controller"}},
	{"kernel_log_fs_errors", []string{"EXT4-fs error", "EXT4-fs warning", "XFS (", "BTRFS error", "BTRFS critical", "Remounting filesystem read-only", "not responding, still trying"}},
	{"kernel_log_hung_tasks", []string{"blocked for more than"}},
	{"kernel_log_lockups", []string{"soft lockup", "hard LOCKUP", "detected stall", "self-detected stall", "detected stalls"}},
	{"kernel_log_hardware_errors", []string{"[Hardware Error]", "Machine check", "EDAC ", "AER: "}},
	{"kernel_log_network_errors", []string{"NETDEV WATCHDOG", "transmit queue", "table full, dropping packet", "neighbour table overflow"}},
}

// Kmsg counts messages of the kernel that mean trouble, from /dev/kmsg
// (Documentation/ABI/testing/dev-kmsg), each second and only new ones. It needs
// CAP_SYSLOG where kernel.dmesg_restrict is 1, and under systemd
// ProtectKernelLogs=no and DeviceAllow=/dev/kmsg; without, it is skipped.
type Kmsg struct {
	path  string
	local bool
	file  *os.File
	tried time.Time
	why   error
	buf   []byte
	last  time.Time
}

// NewKmsg makes the collector.
func NewKmsg(h Host) *Kmsg {
	return &Kmsg{path: filepath.Join(h.Root, "dev/kmsg"), local: h.local, buf: make([]byte, 8192)}
}

// Name implements Collector.
func (c *Kmsg) Name() string { return "kmsg" }

// Metrics implements Collector.
func (c *Kmsg) Metrics() []Metric {
	help := map[string]string{
		"kernel_log_oom":             "kernel messages of processes killed for want of memory",
		"kernel_log_io_errors":       "kernel messages of failed or timed out disk requests",
		"kernel_log_fs_errors":       "kernel messages of file systems in trouble: errors, read-only remounts, an NFS server that does not answer",
		"kernel_log_hung_tasks":      "kernel messages of tasks blocked for more than 2 minutes",
		"kernel_log_lockups":         "kernel messages of CPUs that are stuck",
		"kernel_log_hardware_errors": "kernel messages of machine checks, memory and PCIe errors",
		"kernel_log_network_errors":  "kernel messages of network queues that stand still and tables that are full",
	}
	out := []Metric{amount("kernel_log_errors", countRate, "agent", "kernel messages of level error or worse, of whatever kind")}
	for _, t := range kernelTrouble {
		out = append(out, amount(t.metric, countRate, "agent", help[t.metric]))
	}
	return out
}

// Collect implements Collector.
func (c *Kmsg) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	if c.file == nil {
		if !c.tried.IsZero() && now.Sub(c.tried) < time.Minute && !now.Before(c.tried) {
			return dst, c.why
		}
		c.tried = now
		if c.why = c.open(); c.why == nil {
			c.last = now
		}
		return dst, c.why
	}
	sec := now.Sub(c.last).Seconds()
	c.last = now
	counts := make([]int, len(kernelTrouble)+1)
	lost, err := c.drain(counts)
	if err != nil {
		_ = c.file.Close()
		c.file, c.why = nil, fmt.Errorf("read kernel log: %w", err)
		return dst, c.why
	}
	if sec <= 0 {
		return dst, nil
	}
	for i, t := range kernelTrouble {
		dst = append(dst, Sample{Metric: t.metric, Value: float64(counts[i]) / sec})
	}
	dst = append(dst, Sample{Metric: "kernel_log_errors", Value: float64(counts[len(kernelTrouble)]) / sec})
	if lost {
		return dst, errors.New("the kernel logs faster than it is read: some messages were not seen")
	}
	return dst, nil
}

// open opens the log behind its newest message.
func (c *Kmsg) open() error {
	if !c.local {
		return &SkippedError{"the log of another host's kernel"}
	}
	fd, err := unix.Open(c.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &SkippedError{c.path + " is absent"}
	case errors.Is(err, fs.ErrPermission):
		return &SkippedError{c.path + " may not be read: it needs CAP_SYSLOG and, under systemd, ProtectKernelLogs=no"}
	case err != nil:
		return fmt.Errorf("open kernel log: %w", err)
	}
	if _, err := unix.Seek(fd, 0, 2); err != nil { // SEEK_END
		_ = unix.Close(fd)
		return &SkippedError{c.path + " is no kernel log"}
	}
	// Only for its closing when the collector is gone: os.File.Read would wait.
	c.file = os.NewFile(uintptr(fd), c.path)
	return nil
}

// drain reads what is new, at most maxMessages, one message a read.
func (c *Kmsg) drain(counts []int) (lost bool, err error) {
	conn, err := c.file.SyscallConn()
	if err != nil {
		return false, err
	}
	for range maxMessages {
		n, got := 0, error(nil)
		if err := conn.Read(func(fd uintptr) bool {
			n, got = unix.Read(int(fd), c.buf)
			return true
		}); err != nil {
			return lost, err
		}
		switch {
		case errors.Is(got, unix.EAGAIN):
			return lost, nil
		case errors.Is(got, unix.EPIPE): // the oldest were overwritten
			lost = true
		case errors.Is(got, unix.EINTR), errors.Is(got, unix.EINVAL): // EINVAL: longer than the buffer
		case got != nil:
			return lost, got
		case n == 0:
			return lost, nil
		default:
			countMessage(c.buf[:n], counts)
		}
	}
	return true, nil
}

// countMessage adds one record, "level,sequence,time,flags;text", to counts;
// the last of them is that of all errors. Text that a process wrote into the
// log (facility other than kernel) does not count.
func countMessage(b []byte, counts []int) {
	head, text, ok := bytes.Cut(b, []byte(";"))
	prefix, _, _ := bytes.Cut(head, []byte(","))
	priority, isNumber := number(prefix)
	if !ok || !isNumber || priority > 5 {
		return // of another facility than the kernel (0), or informational, which names things: "EXT4-fs (sda1): mounted"
	}
	text, _, _ = bytes.Cut(text, []byte("\n"))
	if priority <= 3 { // LOG_ERR
		counts[len(counts)-1]++
	}
	for i, t := range kernelTrouble {
		for _, w := range t.words {
			if bytes.Contains(text, []byte(w)) {
				counts[i]++
				return
			}
		}
	}
}
