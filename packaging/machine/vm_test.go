//go:build e2e

package machine

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const cgroup = "/sys/fs/cgroup/system.slice/firewatch.service/"

// TestVirtualMachine holds the agent to what only a kernel of its own enforces:
// packaging/machine/vm runs it there.
func TestVirtualMachine(t *testing.T) {
	if os.Getenv("FIREWATCH_MACHINE") != "vm" {
		t.Skip("in the virtual machine alone")
	}
	// While the emulated processor waits for its disk, time leaps to the next timer: no write there may take a second.
	sh(t, "mkdir /var/lib/firewatch && mount -t tmpfs tmpfs /var/lib/firewatch")
	sh(t, "dpkg -i /opt/new.deb")
	eventually(t, 60*time.Second, "firewatch status is fine", answers)
	in := newReceiver(t)
	t.Run("memory limit", func(t *testing.T) { memoryLimit(t, in) })
	t.Run("host out of memory", func(t *testing.T) { hostOOM(t, in) })
	t.Run("clock jumps", func(t *testing.T) { clockJumps(t, in) })
}

// hog takes so many megabytes, and ends when the kernel says so or it has them.
func hog(mb int) {
	for range mb {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
	}
	if os.Getenv("FIREWATCH_HOG_STAYS") != "" {
		time.Sleep(time.Hour)
	}
	os.Exit(0)
}

var kept [][]byte

// row prints one line of bench/results/vm.json.
func row(t *testing.T, fields map[string]any) {
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nVM-ROW %s\n", b)
}

// number reads a file of one number, or one line "key number" of it.
func number(t *testing.T, path, key string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if key == "" || len(f) == 2 && f[0] == key {
			n, err := strconv.Atoi(f[len(f)-1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// memoryLimit: a process in the agent's cgroup that wants 400 MB is killed at
// MemoryMax, systemd starts the agent again, and what was accepted is told.
func memoryLimit(t *testing.T, in *receiver) {
	const limit = 160 << 20
	if got := number(t, cgroup+"memory.max", ""); got != limit {
		t.Fatalf("memory.max is %d, want %d", got, limit)
	}
	own := number(t, cgroup+"memory.current", "")
	in.down.Store(true)
	if err := send("before-the-oom"); err != nil {
		t.Fatal(err)
	}
	pid := mainPID(t)
	began := time.Now()
	// MemoryHigh= would slow the hog down for minutes before it reaches the limit.
	sh(t, "echo max > "+cgroup+"memory.high")
	peak := 0
	watch := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(watch)
		for {
			if b, err := os.ReadFile(cgroup + "memory.current"); err == nil {
				if n, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
					peak = max(peak, n)
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	out, err := try("sh -c 'echo $$ > " + cgroup + "cgroup.procs && FIREWATCH_HOG=400 exec /opt/machine.test'")
	close(stop)
	<-watch
	if err == nil {
		t.Errorf("400 MB were had within a limit of 160: %s", out)
	}
	if peak > limit+1<<20 { // the kernel lets a page of its own through
		t.Errorf("the cgroup held %d bytes, the limit is %d", peak, limit)
	}
	eventually(t, 60*time.Second, "the agent is up again", answers)
	back := time.Since(began)
	in.down.Store(false)
	eventually(t, 90*time.Second, "nothing is lost", func() bool { return in.told("before-the-oom") == 1 })
	row(t, map[string]any{"case": "MemoryMax", "limit_bytes": limit, "agent_bytes": own, "peak_bytes": peak, "restarted": mainPID(t) != pid, "seconds": back.Seconds(), "lost": 0, "delivered": in.told("before-the-oom")})
}

// hostOOM: where the host runs out of memory the kernel kills the hog, not the
// agent that reports it. SysRq-f calls the kernel's own choice of a victim: an
// emulated machine would thrash for minutes before it comes to that by itself.
func hostOOM(t *testing.T, in *receiver) {
	pid := mainPID(t)
	before := number(t, "/proc/vmstat", "oom_kill")
	sh(t, "printf '[Service]\\nType=exec\\nEnvironment=FIREWATCH_HOG=400 FIREWATCH_HOG_STAYS=1\\nExecStart=/opt/machine.test\\n' > /run/systemd/system/hog.service && systemctl daemon-reload && systemctl start hog.service")
	eventually(t, 60*time.Second, "the hog has its 400 MB", func() bool {
		return number(t, "/sys/fs/cgroup/system.slice/hog.service/memory.current", "") > 380<<20
	})
	sh(t, "echo f > /proc/sysrq-trigger")
	eventually(t, 60*time.Second, "the kernel kills for want of memory", func() bool { return number(t, "/proc/vmstat", "oom_kill") > before })
	eventually(t, 60*time.Second, "the hog is gone", func() bool { _, err := try("systemctl is-active hog.service"); return err != nil })
	eventually(t, 60*time.Second, "the agent answers", answers)
	if got := mainPID(t); got != pid {
		t.Errorf("the agent was killed: pid %s, now %s", pid, got)
	}
	if err := send("after-the-oom"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "an alert is delivered", func() bool { return in.told("after-the-oom") == 1 })
	row(t, map[string]any{"case": "host out of memory", "oom_kills": number(t, "/proc/vmstat", "oom_kill") - before, "agent_killed": mainPID(t) != pid, "lost": 0})
	sh(t, "firewatch send --key after-the-oom --resolve; firewatch send --key before-the-oom --resolve")
}

// clockJumps: an hour and five years, forth and back, raise nothing in more
// than two periods of the slowest rules that look at a minute.
func clockJumps(t *testing.T, in *receiver) {
	const observed = 150 * time.Second
	eventually(t, 150*time.Second, "the kernel's kill is told", func() bool { return slices.Contains(in.list(0), "oom-kill  firing") })
	eventually(t, 300*time.Second, "what the hogs raised is over", func() bool {
		out, err := try("firewatch incidents --json")
		return err == nil && !strings.Contains(out, `"state": "firing"`) && !strings.Contains(out, `"state":"firing"`)
	})
	pid := mainPID(t)
	for _, jump := range []string{"+1 hour", "-1 hour", "+5 years", "-5 years"} {
		before := len(in.list(0))
		sh(t, "date -s '"+jump+"'")
		time.Sleep(observed)
		raised := in.list(before)
		if len(raised) > 0 {
			out, _ := try("firewatch incidents")
			t.Errorf("%s raised %q\n%s", jump, raised, out)
		}
		if got := mainPID(t); got != pid || !answers() {
			t.Errorf("%s: the agent was restarted (pid %s, now %s)\n%s", jump, pid, got, journal())
		}
		row(t, map[string]any{"case": "clock " + jump, "raised": len(raised), "restarted": mainPID(t) != pid, "observed_seconds": observed.Seconds()})
	}
	if err := send("after-the-jumps"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "an alert is delivered", func() bool { return in.told("after-the-jumps") == 1 })
}
