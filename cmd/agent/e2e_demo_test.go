//go:build e2e

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// TestDemonstration is README's demonstration on real trouble: a firing alert
// that names it, then a resolved one that says how long it lasted.
func TestDemonstration(t *testing.T) {
	in := newInbox(t)
	addr := freeAddress(t)
	disk := filepath.Join(t.TempDir(), "demo-disk")
	mountTmpfs(t, disk)
	config := swap(t, readDemo(t), "http://127.0.0.1:8089/", "http://"+addr+"/")
	available, total := memory(t)
	percent := 100 * available / total
	config = swap(t, config, "threshold = 20\n", fmt.Sprintf("threshold = %.1f\n", percent-5))
	web := startWeb(t, addr)
	a := launch(t, config+in.sink())

	ended := []string{"memory-low", "disk-filling"}
	t.Run("cpu", func(t *testing.T) {
		var burners []*exec.Cmd
		for range runtime.NumCPU() {
			burners = append(burners, start(t, exec.Command("sh", "-c", "while :; do :; done")))
		}
		began := time.Now()
		fired := in.await(a, "cpu-saturated", alert.Firing, 30*time.Second)
		t.Logf("fired after %.1f s: %s", time.Since(began).Seconds(), fired.Summary)
		wantText(t, fired, "every core is busy")
		stop(burners)
		before := idleTime(t)
		began = time.Now()
		for last := fired; last.State != alert.Resolved; last = in.last("cpu-saturated") {
			if waited := time.Since(began); waited > time.Minute {
				if idle := idleTime(t) - before; idle < waited/2 {
					t.Skipf("others keep this host busy: its CPUs were idle for %s of %s", idle, waited)
				}
				t.Fatal("not within 1m0s: cpu-saturated resolved arrives")
			}
			time.Sleep(10 * time.Millisecond)
		}
		wantLasted(t, in.last("cpu-saturated"))
		ended = append(ended, "cpu-saturated")
	})
	t.Run("memory", func(t *testing.T) {
		hog := exec.Command(os.Args[0])
		hog.Env = append(os.Environ(), fmt.Sprintf("%s=%d", hogVariable, int(0.08*total)))
		start(t, hog)
		fired := in.await(a, "memory-low", alert.Firing, 30*time.Second)
		wantText(t, fired, "memory is running out")
		stop([]*exec.Cmd{hog})
		wantLasted(t, in.await(a, "memory-low", alert.Resolved, 60*time.Second))
	})
	demo := t // the server that comes back outlives its part of the test
	t.Run("probe", func(t *testing.T) {
		web.delay.Store(int64(600 * time.Millisecond))
		wantText(t, in.await(a, "web-slow", alert.Firing, 30*time.Second), "answers slowly")
		web.delay.Store(0)
		_ = web.Close()
		// Slow and then down is one incident, which grows worse.
		a.eventually(30*time.Second, "web-down joins", func() bool {
			all := in.all("web-slow")
			last := all[len(all)-1]
			return last.Severity == alert.Critical && slices.ContainsFunc(last.Members, func(m alert.Member) bool {
				return m.Rule == "web-down" && m.State == alert.Firing && strings.Contains(m.Summary, "does not answer")
			})
		})
		startWeb(demo, addr)
		wantLasted(t, in.await(a, "web-slow", alert.Resolved, 60*time.Second))
	})
	t.Run("disk", func(t *testing.T) {
		file := filepath.Join(disk, "fill")
		if err := os.WriteFile(file, make([]byte, 15<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		fired := in.await(a, "disk-filling", alert.Firing, 30*time.Second)
		wantText(t, fired, "nearly full")
		if fired.Target != disk {
			t.Errorf("target %q, want the mount point %q", fired.Target, disk)
		}
		_ = os.Remove(file)
		wantLasted(t, in.await(a, "disk-filling", alert.Resolved, 60*time.Second))
	})
	if n := len(in.all("web-down")); n != 0 {
		t.Errorf("web-down is %d alerts of its own", n)
	}
	for _, rule := range ended {
		if n := len(in.all(rule)); n != 2 {
			t.Errorf("%s: %d alerts, want a firing and a resolved one: %v", rule, n, in.all(rule))
		}
	}
}

func start(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop([]*exec.Cmd{cmd}) })
	return cmd
}

func stop(cmds []*exec.Cmd) {
	for _, c := range cmds {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
}

func wantText(t *testing.T, a alert.Alert, text string) {
	t.Helper()
	if !strings.Contains(a.Summary, text) {
		t.Errorf("summary %q does not say %q", a.Summary, text)
	}
}

func wantLasted(t *testing.T, a alert.Alert) {
	t.Helper()
	if d := a.ResolvedAt.Sub(a.StartedAt); d <= 0 || d > 5*time.Minute || !strings.Contains(a.Summary, "after") {
		t.Errorf("resolved alert does not say how long it lasted: %q (%s)", a.Summary, d)
	}
}

// webServer is a real HTTP server whose answers can be slowed.
type webServer struct {
	http.Server
	delay atomic.Int64 // time.Duration
}

func startWeb(t *testing.T, addr string) *webServer {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	w := &webServer{}
	w.Handler = http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Duration(w.delay.Load()))
		fmt.Fprintln(rw, "hello")
	})
	go func() { _ = w.Serve(l) }()
	t.Cleanup(func() { _ = w.Close() })
	return w
}

var nextPort atomic.Uint32

// freeAddress is a loopback address that nothing listens on, not even between
// two starts of its server: below the ports that the kernel hands out itself.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+(uint32(os.Getpid())*64+nextPort.Add(1))%12000)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

func mountTmpfs(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Fatalf("mount tmpfs: %v (as a user, run this stage under: unshare --user --map-root-user --mount)", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// memory reads MemAvailable and MemTotal in bytes.
func memory(t *testing.T) (available, total float64) {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		v, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "MemAvailable:":
			available = v * 1024
		case "MemTotal:":
			total = v * 1024
		}
	}
	return available, total
}

// idleTime is how long the host's CPUs were idle since it started, on average.
func idleTime(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile("/proc/uptime") // proc_uptime(5): the second is the sum over CPUs
	if err != nil {
		t.Fatal(err)
	}
	sum, err := strconv.ParseFloat(strings.Fields(string(b))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(sum / float64(runtime.NumCPU()) * float64(time.Second))
}
