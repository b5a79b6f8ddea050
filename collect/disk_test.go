package collect

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// newDisk makes a Disk over a mountinfo of the given lines, whose statfs is do.
func newDisk(t *testing.T, cfg DiskConfig, do func(path string, st *unix.Statfs_t) error, lines ...string) *Disk {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "self/mountinfo"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := NewDisk(Host{Proc: root, Root: "/host"}, cfg)
	c.call = do
	return c
}

func halfFull(_ string, st *unix.Statfs_t) error {
	*st = unix.Statfs_t{Bsize: 4096, Blocks: 1000, Bfree: 600, Bavail: 400, Files: 100, Ffree: 75}
	return nil
}

// TestWhichFileSystems: one series set per file system that has space of its own.
func TestWhichFileSystems(t *testing.T) {
	t.Parallel()
	c := newDisk(t, DiskConfig{IgnoreMounts: []string{"/mnt/scratch*"}, IgnoreFSTypes: []string{"xfs"}}, halfFull,
		`1 0 254:1 / / rw - ext4 /dev/vda1 rw`,
		`2 1 0:4 / /proc rw - proc proc rw`,
		`3 1 0:5 / /run rw shared:2 - tmpfs tmpfs rw`,
		`4 1 254:1 /var/x /srv/bind rw - ext4 /dev/vda1 rw`,
		`5 1 7:0 / /snap/core ro - squashfs /dev/loop0 ro`,
		`6 1 254:2 / /mnt/my\040disk rw - ext4 /dev/vda2 rw`,
		`7 1 254:3 / /mnt/scratch1 rw - ext4 /dev/vda3 rw`,
		`8 1 254:4 / /mnt/x rw - xfs /dev/vda4 rw`,
		`9 1 254:5 / /etc/hosts rw - ext4 /dev/vda5 rw`,
		`10 1 254:6 / /data rw - ext4 /dev/vda6 rw`,
		`11 1 254:7 / /data rw - btrfs /dev/vda7 rw`,
		`12 1 0:9 / /run/credentials/x ro - tmpfs tmpfs ro`,
		`broken line`)
	samples, err := c.Collect(t.Context(), time.Unix(1000, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, s := range samples {
		got[s.Metric+" "+s.Target] = s.Value
	}
	for _, point := range []string{"/", "/run", "/mnt/my disk", "/data"} {
		// 400 blocks used of the 800 that users can have, as df counts.
		if got["disk_used_percent "+point] != 50 || got["disk_inodes_used_percent "+point] != 25 || got["disk_free "+point] != 400*4096 {
			t.Errorf("%s: %v", point, got)
		}
		delete(got, "disk_used_percent "+point)
	}
	for id := range got {
		if strings.HasPrefix(id, "disk_used_percent") {
			t.Errorf("%s: unexpected", id)
		}
	}
	if d := samples[len(samples)-1].Dims; d[0].Value != "vda7" || d[1].Value != "btrfs" || d[2].Value != "/data" {
		t.Errorf("dims of the mount that hides another: %v", d)
	}
}

// TestReadOnly: a file system that an error made read-only is told from one
// that is mounted so.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	readonly := func(path string, st *unix.Statfs_t) error {
		err := halfFull(path, st)
		st.Flags = 1 // ST_RDONLY: everything is, to an agent in the unit's sandbox
		return err
	}
	c := newDisk(t, DiskConfig{}, readonly,
		`1 0 254:1 / / rw,relatime - ext4 /dev/vda1 ro,errors=remount-ro`,
		`2 1 254:2 / /boot ro,relatime - ext4 /dev/vda2 ro`,
		`3 1 254:3 / /data rw,relatime - ext4 /dev/vda3 rw`,
		`4 1 254:4 / /new rw,relatime - ext4 /dev/vda4 rw,emergency_ro`)
	samples, err := c.Collect(t.Context(), time.Unix(1000, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, s := range samples {
		if s.Metric == "disk_readonly" {
			got[s.Target] = s.Value
		}
	}
	if len(got) != 4 || got["/"] != 1 || got["/new"] != 1 || got["/boot"] != 0 || got["/data"] != 0 {
		t.Errorf("%v", got)
	}
}

// TestUnseenFileSystems: those of other containers are below folders that only
// root may enter. They are told as a lack, and an error beside them as an error.
func TestUnseenFileSystems(t *testing.T) {
	t.Parallel()
	broken := false
	c := newDisk(t, DiskConfig{}, func(path string, st *unix.Statfs_t) error {
		switch {
		case strings.Contains(path, "pods"):
			return unix.EACCES
		case strings.Contains(path, "gone"):
			return unix.ENOENT
		case broken:
			return unix.EIO
		}
		return halfFull(path, st)
	}, `1 0 254:1 / / rw - ext4 /dev/vda1 rw`, `2 1 0:50 / /var/lib/kubelet/pods/a rw - tmpfs tmpfs rw`, `3 1 0:51 / /gone rw - tmpfs tmpfs rw`)
	samples, err := c.Collect(t.Context(), time.Unix(1000, 0), nil)
	if want := "2 file systems cannot be looked at from here, such as /var/lib/kubelet/pods/a"; !onlySkipped(err) || err.Error() != want || len(samples) == 0 {
		t.Errorf("%d samples, %v, want %s", len(samples), err, want)
	}
	broken = true
	if _, err = c.Collect(t.Context(), time.Unix(1001, 0), nil); onlySkipped(err) || !errors.Is(err, unix.EIO) {
		t.Errorf("a broken file system gives %v", err)
	}
}

// TestHangingFileSystem: one whose server is gone costs 50 ms once, is named,
// is not asked again while it hangs, and comes back.
func TestHangingFileSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		asked := map[string]int{}
		c := newDisk(t, DiskConfig{}, func(path string, st *unix.Statfs_t) error {
			mu.Lock()
			asked[path]++
			mu.Unlock()
			if strings.HasPrefix(path, "/host/nfs") {
				<-release
			}
			return halfFull(path, st)
		}, `1 0 254:1 / / rw - ext4 /dev/vda1 rw`,
			`2 1 0:41 / /nfs1 rw - nfs4 server:/1 rw`, `3 1 0:42 / /nfs2 rw - nfs4 server:/2 rw`, `4 1 0:43 / /nfs3 rw - nfs4 server:/3 rw`,
			`5 1 0:44 / /nfs4 rw - nfs4 server:/4 rw`, `6 1 0:45 / /nfs5 rw - nfs4 server:/5 rw`)
		stuck := map[string]float64{}
		collect := func() (targets string, took time.Duration, err error) {
			clear(stuck)
			start := time.Now()
			samples, err := c.Collect(t.Context(), start, nil)
			for _, s := range samples {
				if s.Metric == "disk_total" {
					targets += s.Target
				}
				if s.Metric == "disk_stuck" {
					stuck[s.Target] = s.Value
				}
			}
			return targets, time.Since(start), err
		}
		if got, took, err := collect(); got != "/" || err == nil || took != 50*time.Millisecond {
			t.Errorf("first: %q, %v, %s", got, err, took)
		}
		if got, took, err := collect(); got != "/" || !strings.Contains(err.Error(), "/nfs1: statfs hangs") || !strings.Contains(err.Error(), "/nfs5: not read") || took != 0 {
			t.Errorf("while it hangs: %q, %v, %s", got, err, took)
		}
		if len(stuck) != maxStuck || stuck["/nfs1"] != 1 || stuck["/nfs4"] != 1 { // nothing is known of the fifth, nor said
			t.Errorf("while it hangs: disk_stuck %v", stuck)
		}
		mu.Lock()
		if asked["/host/nfs1"] != 1 || asked["/host/nfs5"] != 0 {
			t.Errorf("calls: %v", asked)
		}
		mu.Unlock()
		close(release)
		synctest.Wait()
		if got, _, err := collect(); got != "//nfs1/nfs2/nfs3/nfs4/nfs5" || err != nil || len(stuck) != 5 || stuck["/nfs1"] != 0 {
			t.Errorf("after: %q, %v, disk_stuck %v", got, err, stuck)
		}
	})
}
