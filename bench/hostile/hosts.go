package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// host is one way for a host to be bad. before makes it so; during is called
// before each tick.
type host struct {
	name   string
	before func() error
	during func(tick int) error
	real   bool // a tick takes a second here too: what runs aside takes longer than a tenth
}

var hosts = []host{
	{name: "plain"},
	{name: "fuse", before: hangingMounts},
	{name: "binds", before: bindMounts},
	{name: "interfaces", before: interfaces},
	{name: "processes", before: processes, real: true},
	{name: "hidepid", before: hidePIDs},
	{name: "emfile", during: noDescriptors},
	{name: "garbage", before: garbage},
}

// mountProc gives the namespace of processes its own /proc.
func mountProc(options string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, options); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// scratch is a folder in memory that ends with the namespace.
func scratch() (string, error) {
	const dir = "/mnt"
	return dir, unix.Mount("scratch", dir, "tmpfs", 0, "size=64m")
}

// hangingMounts mounts six file systems whose server never answers.
func hangingMounts() error {
	dir, err := scratch()
	if err != nil {
		return err
	}
	for i := range 6 {
		fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open /dev/fuse: %w", err)
		}
		at := filepath.Join(dir, fmt.Sprint("fuse", i))
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("hang", at, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)); err != nil {
			return fmt.Errorf("mount fuse: %w", err)
		}
	}
	return nil
}

func bindMounts() error {
	dir, err := scratch()
	if err != nil {
		return err
	}
	from := filepath.Join(dir, "from")
	if err := os.Mkdir(from, 0o755); err != nil {
		return err
	}
	for i := range 5000 {
		to := filepath.Join(dir, fmt.Sprint("bind", i))
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind mount %d: %w", i, err)
		}
	}
	return nil
}

// interfaces makes 1 000 pairs, under names that are not left out.
func interfaces() error {
	var batch bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&batch, "link add a%d type veth peer name b%d\n", i, i)
	}
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = &batch
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make interfaces: %w: %.200s", err, out)
	}
	return nil
}

// processes starts 20 000 that sleep, by perl, whose fork is the cheapest at hand.
func processes() error {
	cmd := exec.Command("perl", "-e", `$| = 1; for (1..20000) { my $p = fork; defined $p or die "fork: $!"; $p or do { sleep 3600; exit } } print "ready\n"; sleep 3600`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	got := make([]byte, 6)
	if _, err := out.Read(got); err != nil {
		return fmt.Errorf("start 20000 processes: %w", err)
	}
	return nil
}

// hidePIDs makes the processes of others invisible and becomes another.
func hidePIDs() error {
	if err := exec.Command("sleep", "3600").Start(); err != nil {
		return err
	}
	if err := unix.Unmount("/proc", 0); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"); err != nil {
		return err
	}
	return syscall.Setuid(65534)
}

var descriptors unix.Rlimit

// noDescriptors takes all file descriptors away from the twentieth tick on, and
// gives them back at the hundredth.
func noDescriptors(tick int) error {
	switch tick {
	case 20:
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &descriptors); err != nil {
			return err
		}
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: descriptors.Max})
	case 100:
		return unix.Setrlimit(unix.RLIMIT_NOFILE, &descriptors)
	}
	return nil
}

// garbage puts random bytes in the place of every file that is read.
func garbage() error {
	dir, err := scratch()
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"stat", "loadavg", "meminfo", "vmstat", "schedstat", "diskstats", "1/net/dev", "1/net/snmp", "1/net/netstat", "1/net/sockstat", "1/net/softnet_stat",
		"pressure/cpu", "pressure/io", "pressure/memory", "pressure/irq", "sys/fs/file-nr", "sys/kernel/threads-max", "1/mountinfo", "1/stat", "2/stat", "3/stat"} {
		b := make([]byte, 1+rng.IntN(20_000))
		for i := range b {
			b[i] = "0123456789 \n:abcKB-/.\x00\xff"[rng.IntN(23)]
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
	}
	return os.Setenv("HOST_PROC", dir)
}

// pause is the time between two ticks.
func (h host) pause() time.Duration {
	if h.real {
		return time.Second
	}
	return 100 * time.Millisecond
}
