package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// DiskConfig is [collect.disk].
type DiskConfig struct {
	IgnoreFSTypes []string `toml:"ignore_fstypes"` // in addition to the built-in pseudo file systems
	IgnoreMounts  []string `toml:"ignore_mounts"`  // mount points, with * as wildcard
}

// pseudo lists file systems without space of their own that anyone watches.
var pseudo = []string{"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fuse.gvfsd-fuse",
	"fuse.lxcfs", "fuse.portal", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
	"selinuxfs", "squashfs", "sysfs", "tracefs"}

// mayHang lists the prefixes of file systems whose statfs can block for ever,
// because a server or a user process must answer.
var mayHang = []string{"nfs", "cifs", "smb", "fuse", "9p", "ceph", "glusterfs", "lustre", "afs", "gfs2", "ocfs2"}

// ofRuntime lists the files that container runtimes mount over an image's own.
var ofRuntime = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/termination-log"}

const (
	maxMounts = 5000
	maxStuck  = 4 // statfs calls that may hang at once
)

// Disk reads space and inodes of each mounted file system that has some.
//
// A file system that can hang is read in a slot of its own; a tick waits for all
// of them together for 50 ms. One that does not answer is left out, named and
// given disk_stuck, and at most 4 may be stuck.
type Disk struct {
	host   Host
	cfg    DiskConfig
	file   fileReader
	mounts []mount
	listed time.Time

	patience time.Time // when this tick waits no longer; zero before it waits

	mu    sync.Mutex
	stuck map[string]time.Time
	call  func(path string, st *unix.Statfs_t) error // replaced in tests
}

type mount struct {
	point, device, fstype string
	dims                  []Label
	failed                bool // mounted writable, and turned read-only by itself
}

// NewDisk makes the collector.
func NewDisk(h Host, cfg DiskConfig) *Disk {
	return &Disk{host: h, cfg: cfg, stuck: map[string]time.Time{}, call: unix.Statfs}
}

// Name implements Collector.
func (c *Disk) Name() string { return "disk" }

// Metrics implements Collector.
func (c *Disk) Metrics() []Metric {
	return []Metric{
		amount("disk_total", bytesUnit, "disk", "size of the file system"),
		amount("disk_free", bytesUnit, "disk", "space that users other than root can still use"),
		amount("disk_used", bytesUnit, "disk", "space in use"),
		share("disk_used_percent", "disk", "share of the space that users can have which is in use, as df shows it"),
		amount("disk_inodes_total", count, "disk", "inodes in all"),
		amount("disk_inodes_free", count, "disk", "inodes that nothing uses"),
		amount("disk_inodes_used", count, "disk", "inodes in use"),
		share("disk_inodes_used_percent", "disk", "share of inodes in use"),
		{"disk_readonly", "None", "disk", "1 where the file system turned read-only by itself, as after an I/O error; 0 where it is writable or meant to be read-only", 0, 1},
		{"disk_stuck", "None", "disk", "1 while a file system that a server or a program provides (NFS, CIFS, FUSE, …) does not answer, else 0; missing for local ones", 0, 1},
	}
}

// Collect implements Collector. The list of mounts is read again every 10 s.
func (c *Disk) Collect(_ context.Context, now time.Time, dst []Sample) ([]Sample, error) {
	if c.mounts == nil || now.Sub(c.listed) >= 10*time.Second || now.Before(c.listed) {
		mounts, err := c.list()
		if err != nil {
			return dst, fmt.Errorf("list file systems: %w", err)
		}
		c.mounts, c.listed = mounts, now
	}
	var errs []error
	var unseen []string
	c.patience = time.Time{}
	for _, m := range c.mounts {
		st, err := c.statfs(now, m)
		if foreign(m) && !errors.Is(err, errNotAsked) {
			dst = append(dst, Sample{"disk_stuck", m.point, m.dims, flag(errors.Is(err, errStuck))})
		}
		switch {
		case err == nil:
			dst = space(m, st, dst)
		case errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist):
			// Those of other containers, below a folder of root's; or just unmounted.
			unseen = append(unseen, m.point)
		default:
			errs = append(errs, fmt.Errorf("%s: %w", m.point, err))
		}
	}
	if len(unseen) > 0 {
		errs = append(errs, &SkippedError{fmt.Sprintf("%d file systems cannot be looked at from here, such as %s", len(unseen), unseen[0])})
	}
	return dst, errors.Join(errs...)
}

// space turns one statfs into samples, with df's formula for the percentage.
func space(m mount, st unix.Statfs_t, dst []Sample) []Sample {
	block := float64(st.Bsize)
	total, free, available := float64(st.Blocks)*block, float64(st.Bfree)*block, float64(st.Bavail)*block
	if st.Blocks == 0 || st.Bfree > st.Blocks {
		return dst // no space of its own
	}
	used := total - free
	dst = append(dst,
		Sample{"disk_total", m.point, m.dims, total},
		Sample{"disk_free", m.point, m.dims, available},
		Sample{"disk_used", m.point, m.dims, used})
	if used+available > 0 {
		dst = append(dst, Sample{"disk_used_percent", m.point, m.dims, 100 * used / (used + available)})
	}
	if n, f := float64(st.Files), float64(st.Ffree); n > 0 && f <= n {
		dst = append(dst,
			Sample{"disk_inodes_total", m.point, m.dims, n},
			Sample{"disk_inodes_free", m.point, m.dims, f},
			Sample{"disk_inodes_used", m.point, m.dims, n - f},
			Sample{"disk_inodes_used_percent", m.point, m.dims, 100 * (n - f) / n})
	}
	readonly := 0.0
	if m.failed {
		readonly = 1
	}
	return append(dst, Sample{"disk_readonly", m.point, m.dims, readonly})
}

// statfsPatience is how long one tick waits for file systems that may hang, all
// of them together.
const statfsPatience = 50 * time.Millisecond

var (
	errStuck    = errors.New("statfs hangs")
	errNotAsked = errors.New("not read")
)

// foreign reports whether statfs of m may hang.
func foreign(m mount) bool {
	return slices.ContainsFunc(mayHang, func(p string) bool { return strings.HasPrefix(m.fstype, p) })
}

// statfs reads one file system, in a slot of its own where it may hang. A call
// that is late once is no finding yet: one that is still out a second later is.
func (c *Disk) statfs(now time.Time, m mount) (unix.Statfs_t, error) {
	path := filepath.Join(c.host.Root, m.point)
	if !foreign(m) {
		var st unix.Statfs_t
		err := c.call(path, &st)
		return st, err
	}
	c.mu.Lock()
	since, hangs := c.stuck[m.point]
	full := len(c.stuck) >= maxStuck
	if !hangs && !full {
		c.stuck[m.point] = now
	}
	c.mu.Unlock()
	switch {
	case hangs:
		return unix.Statfs_t{}, fmt.Errorf("%w since %s: is its server reachable?", errStuck, since.Format(time.TimeOnly))
	case full:
		return unix.Statfs_t{}, fmt.Errorf("%w: %d other file systems hang", errNotAsked, maxStuck)
	}
	type answer struct {
		st  unix.Statfs_t
		err error
	}
	got := make(chan answer, 1)
	go func() {
		var a answer
		a.err = c.call(path, &a.st)
		c.mu.Lock()
		delete(c.stuck, m.point)
		c.mu.Unlock()
		got <- a
	}()
	if c.patience.IsZero() {
		c.patience = time.Now().Add(statfsPatience)
	}
	timer := time.NewTimer(time.Until(c.patience))
	defer timer.Stop()
	select {
	case a := <-got:
		return a.st, a.err
	case <-timer.C:
		return unix.Statfs_t{}, fmt.Errorf("%w: statfs did not answer within %s", errNotAsked, statfsPatience)
	}
}

// list reads the mounts of process 1, or of ourselves where that is not
// allowed (proc_pid_mountinfo(5)). A device that is mounted twice counts once,
// by its first mount.
func (c *Disk) list() ([]mount, error) {
	b, err := c.file.once(c.host.proc("1/mountinfo"))
	if err != nil {
		if b, err = c.file.once(c.host.proc("self/mountinfo")); err != nil {
			return nil, err
		}
	}
	var out []mount
	seen, points := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(b)) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 2 {
			continue
		}
		m := mount{point: unescape(left[4]), device: unescape(right[1]), fstype: right[0], failed: turned(left[5], right[len(right)-1])}
		// A later mount on the same point hides the earlier one.
		if points[m.point] {
			out = slices.DeleteFunc(out, func(o mount) bool { return o.point == m.point })
		}
		points[m.point] = true
		id := left[2] // major:minor names the file system
		if seen[id] || c.ignored(m) {
			continue
		}
		seen[id] = true
		m.dims = []Label{{"device", filepath.Base(m.device)}, {"fstype", m.fstype}, {"path", m.point}}
		if out = append(out, m); len(out) == maxMounts {
			break
		}
	}
	if len(out) == 0 {
		return nil, &SkippedError{"no file system with space of its own is mounted"}
	}
	return out, nil
}

// turned tells a file system that an error made read-only: the mount says rw,
// and the super block says otherwise ("emergency_ro" is ext4's since Linux
// 6.15). statfs(2) cannot tell: in the sandbox of the unit every mount is
// read-only to us.
func turned(mount, super string) bool {
	options := strings.Split(super, ",")
	return slices.Contains(strings.Split(mount, ","), "rw") && (slices.Contains(options, "ro") || slices.Contains(options, "emergency_ro"))
}

func (c *Disk) ignored(m mount) bool {
	if slices.Contains(pseudo, m.fstype) || slices.Contains(c.cfg.IgnoreFSTypes, m.fstype) {
		return m.point != "/" || m.fstype != "overlay" // a container's own root is worth watching
	}
	if slices.Contains(ofRuntime, m.point) {
		return true
	}
	if m.fstype == "tmpfs" && (strings.HasPrefix(m.point, "/sys/") || strings.HasPrefix(m.point, "/run/credentials/") || m.point == "/proc" || strings.HasPrefix(m.point, "/proc/")) {
		return true
	}
	for _, pattern := range c.cfg.IgnoreMounts {
		if ok, err := filepath.Match(pattern, m.point); err == nil && ok {
			return true
		}
	}
	return false
}

// unescape undoes the octal escapes of mountinfo (\040 is a blank).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
