package culprit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/collect"
)

// proc is one process of a made /proc.
type proc struct {
	pid, ppid       int
	comm, state     string
	utime, stime    int
	cutime, cminflt int
	start, pages    int
	read, written   int
	shared, flags   int
	threads         int // 0 = 1
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// show writes the processes as a /proc tree and takes away what was there.
func show(t *testing.T, root string, forks int, list ...proc) {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		stays := slices.ContainsFunc(list, func(p proc) bool { return strconv.Itoa(p.pid) == e.Name() })
		if !stays {
			remove(t, filepath.Join(root, e.Name()))
			continue
		}
		// An open stat stays the process's own, as in the kernel.
		files, _ := filepath.Glob(filepath.Join(root, e.Name(), "*"))
		for _, f := range files {
			if filepath.Base(f) != "stat" {
				remove(t, f)
			}
		}
	}
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("stat", fmt.Sprintf("cpu 1 2 3\nprocesses %d\n", forks))
	for _, p := range list {
		if p.state == "" {
			p.state = "S"
		}
		if p.comm == "" {
			p.comm = "p" + strconv.Itoa(p.pid)
		}
		dir := strconv.Itoa(p.pid)
		write(dir+"/stat", fmt.Sprintf("%d (%s) %s %d 1 1 0 -1 %d 10 %d 0 0 %d %d %d 0 20 0 %d 0 %d 1000 %d 1 1\n",
			p.pid, p.comm, p.state, p.ppid, p.flags, p.cminflt, p.utime, p.stime, p.cutime, max(1, p.threads), p.start, p.pages))
		write(dir+"/comm", p.comm+"\n")
		write(dir+"/cmdline", p.comm+"\x00--password=hunter2\x00")
		write(dir+"/cgroup", "0::/system.slice/"+p.comm+".service\n")
		write(dir+"/io", fmt.Sprintf("rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: %d\nwrite_bytes: %d\ncancelled_write_bytes: 0\n", p.read, p.written))
		write(dir+"/statm", fmt.Sprintf("9999 %d %d 1 0 1 0\n", p.pages, p.shared))
	}
}

// passes shows each scene and passes over it, ten seconds apart.
func passes(t *testing.T, full bool, scenes ...[]proc) *Watch {
	t.Helper()
	root := t.TempDir()
	w := New(collect.Host{Proc: root, Root: root})
	for i, scene := range scenes {
		show(t, root, 1000*(1+i), scene...)
		if err := w.Pass(time.Hour+time.Duration(i)*10*time.Second, full); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func named(r Report) string {
	var out []string
	for _, p := range r.Processes {
		out = append(out, fmt.Sprintf("%s %s %.0f", p.Command, p.What, p.Value))
	}
	return strings.Join(out, "; ")
}

func TestBlame(t *testing.T) {
	t.Parallel()
	const mb = 256 // pages
	for _, c := range []struct {
		name string
		kind Kind
		want string
		base []proc
		now  []proc
	}{
		{"who ran between the passes, not who ran most since boot", CPU, "b cpu_usage Percent 90",
			[]proc{{pid: 10, comm: "a", utime: 900000, start: 5}, {pid: 11, comm: "b", utime: 5, start: 6}},
			[]proc{{pid: 10, comm: "a", utime: 900100, start: 5}, {pid: 11, comm: "b", utime: 505, stime: 400, start: 6}}},
		{"a process that is new counts from zero", CPU, "new cpu_usage Percent 50",
			[]proc{{pid: 10, comm: "a", start: 5}}, []proc{{pid: 10, comm: "a", start: 5}, {pid: 12, comm: "new", utime: 500, start: 360100}}},
		{"a pid used again is another process", CPU, "b cpu_usage Percent 20",
			[]proc{{pid: 10, comm: "a", utime: 10000, start: 5}}, []proc{{pid: 10, comm: "b", utime: 200, start: 360100}}},
		{"nobody stands out", CPU, "",
			[]proc{{pid: 10, utime: 10, start: 5}}, []proc{{pid: 10, utime: 20, start: 5}}},
		{"children that came and went count for their parent", CPU, "make cpu_usage Percent 80",
			[]proc{{pid: 10, comm: "make", start: 5}}, []proc{{pid: 10, comm: "make", cutime: 800, start: 5}}},
		{"a long life that ended is not charged to the parent again", CPU, "",
			[]proc{{pid: 10, comm: "make", start: 5}, {pid: 11, ppid: 10, comm: "cc", utime: 790, start: 6}}, []proc{{pid: 10, comm: "make", cutime: 800, start: 5}}},
		{"nor is a whole family of them", CPU, "",
			[]proc{{pid: 10, comm: "sh", start: 5}, {pid: 11, ppid: 10, comm: "make", utime: 100, start: 6}, {pid: 12, ppid: 11, comm: "cc", utime: 690, start: 7}}, []proc{{pid: 10, comm: "sh", cutime: 800, start: 5}}},
		{"threads of the kernel work for others", CPU, "",
			[]proc{{pid: 10, comm: "kswapd0", flags: kthread, start: 5}}, []proc{{pid: 10, comm: "kswapd0", flags: kthread, utime: 900, start: 5}}},
		{"who grew, not who is large", Memory, "leak memory_growth Bytes 104857600",
			[]proc{{pid: 10, comm: "db", pages: 800 * mb, start: 5}, {pid: 11, comm: "leak", pages: 10 * mb, start: 6}},
			[]proc{{pid: 10, comm: "db", pages: 801 * mb, start: 5}, {pid: 11, comm: "leak", pages: 110 * mb, start: 6}}},
		{"who is largest where nobody grew, without what is shared", Memory, "java memory_rss Bytes 524288000; db memory_rss Bytes 209715200",
			[]proc{{pid: 10, comm: "db", pages: 800 * mb, shared: 600 * mb, start: 5}, {pid: 11, comm: "java", pages: 500 * mb, start: 6}},
			[]proc{{pid: 10, comm: "db", pages: 800 * mb, shared: 600 * mb, start: 5}, {pid: 11, comm: "java", pages: 500 * mb, start: 6}}},
		{"who wrote", IO, "dd diskio_write_bytes Bytes/Second 10000000",
			[]proc{{pid: 10, comm: "db", written: 1 << 40, start: 5}, {pid: 11, comm: "dd", start: 6}},
			[]proc{{pid: 10, comm: "db", written: 1 << 40, utime: 9, start: 5}, {pid: 11, comm: "dd", stime: 50, written: 100_000_000, start: 6}}},
		{"who read", IO, "cat diskio_read_bytes Bytes/Second 10000000",
			[]proc{{pid: 11, comm: "cat", start: 6}}, []proc{{pid: 11, comm: "cat", stime: 50, read: 100_000_000, start: 6}}},
		{"who forks children that end", Children, "sh forks (estimated) Count/Second 90",
			[]proc{{pid: 10, comm: "sh", start: 5}, {pid: 11, comm: "cron", start: 6}}, []proc{{pid: 10, comm: "sh", cminflt: 90000, start: 5}, {pid: 11, comm: "cron", cminflt: 10000, start: 6}}},
		{"who forks children that stay", Children, "bomb forks (estimated) Count/Second 100",
			[]proc{{pid: 10, comm: "bomb", start: 5}}, []proc{{pid: 10, comm: "bomb", start: 5}, {pid: 20, ppid: 10, start: 360100}, {pid: 21, ppid: 10, start: 360101}}},
		{"who starts threads, not who forks children that end", Threads, "pool threads_started Count/Second 30; jvm threads_started Count/Second 20",
			[]proc{{pid: 10, comm: "pool", threads: 100, start: 5}, {pid: 11, comm: "sh", start: 6}},
			[]proc{{pid: 10, comm: "pool", threads: 400, start: 5}, {pid: 11, comm: "sh", cminflt: 90000, start: 6}, {pid: 12, comm: "jvm", threads: 200, start: 360100}}},
		{"or children that stay", Threads, "cron threads_started Count/Second 2",
			[]proc{{pid: 10, comm: "cron", start: 5}}, append([]proc{{pid: 10, comm: "cron", start: 5}}, sleepers(20)...)},
		{"or has most of them", Threads, "pool threads Count 405",
			[]proc{{pid: 10, comm: "pool", threads: 400, start: 5}}, []proc{{pid: 10, comm: "pool", threads: 405, start: 5}}},
		{"nothing to blame a process for", None, "", []proc{{pid: 10, start: 5}}, []proc{{pid: 10, utime: 900, start: 5}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := named(passes(t, false, c.base, c.now).Blame(c.kind)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// sleepers are new children of process 10.
func sleepers(n int) (out []proc) {
	for i := range n {
		out = append(out, proc{pid: 20 + i, ppid: 10, start: 360100 + i})
	}
	return out
}

// TestFirstPassBlamesNobody: what was used since boot is not what is used now.
func TestFirstPassBlamesNobody(t *testing.T) {
	t.Parallel()
	w := passes(t, true, []proc{{pid: 10, utime: 1 << 30, cminflt: 1 << 30, start: 5, written: 1 << 40}})
	for _, k := range []Kind{CPU, IO, Children} {
		if got := named(w.Blame(k)); got != "" {
			t.Errorf("kind %d: %s", k, got)
		}
	}
}

// TestIdentity: who it is, without the arguments.
func TestIdentity(t *testing.T) {
	t.Parallel()
	w := passes(t, false, []proc{{pid: 10, comm: "a", start: 5}}, []proc{{pid: 10, comm: "a", utime: 900, start: 5}})
	if err := os.MkdirAll(filepath.Join(w.who.root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.who.root, "etc/passwd"), fmt.Appendf(nil, "x:x:99999:9:::\nme:x:%d:9:::\n", os.Getuid()), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []Process{{PID: 10, Command: "a", User: "me", Unit: "a.service", Cgroup: "/system.slice/a.service", What: "cpu_usage Percent", Value: 90}}
	if diff := cmp.Diff(want, w.Blame(CPU).Processes); diff != "" {
		t.Error(diff)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cmdline, comm, want string }{
		{"/usr/bin/mysqld\x00--password=x\x00", "mysqld", "mysqld"},
		{"/usr/bin/python3.11\x00-u\x00/srv/app/worker.py\x00--token=x\x00", "python3.11", "python3.11 worker.py"},
		{"python3\x00-m\x00http.server\x00", "python3", "python3 http.server"},
		{"python3\x00-c\x00import os; secret\x00", "python3", "python3"},
		{"java\x00-Xmx4g\x00-Dkey=x\x00-jar\x00/opt/shop.jar\x00", "java", "java shop.jar"},
		{"java\x00-cp\x00secret\x00", "java", "java"},
		{"nginx: worker process\x00", "nginx", "nginx"},
		{"-bash\x00", "bash", "-bash"},
		{"sh\x00/etc/cron.daily/backup\x00s3cret\x00", "sh", "sh backup"},
		{"\x00", "kworker", "kworker"},
	} {
		if got := command([]byte(c.cmdline), c.comm); got != c.want {
			t.Errorf("%q: %q, want %q", c.cmdline, got, c.want)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("0a1b", 16)
	for _, c := range []struct{ in, unit, cgroup, container, pod string }{
		{"0::/system.slice/nginx.service\n", "nginx.service", "/system.slice/nginx.service", "", ""},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n", "x.scope", "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope", "", ""},
		{"12:cpu:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n0::/\n", "", "/docker/" + id, id[:12], ""},
		{"0::/system.slice/docker-" + id + ".scope\n", "", "/system.slice/docker-" + id + ".scope", id[:12], ""},
		{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice/cri-containerd-" + id + ".scope\n", "",
			"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice/cri-containerd-" + id + ".scope", id[:12], "01234567-89ab-cdef-0123-456789abcdef"},
		{"4:memory:/kubepods/besteffort/pod01234567-89ab-cdef-0123-456789abcdef/" + id + "\n0::/\n", "",
			"/kubepods/besteffort/pod01234567-89ab-cdef-0123-456789abcdef/" + id, id[:12], "01234567-89ab-cdef-0123-456789abcdef"},
		{"0::/\n", "", "", "", ""},
		{"nonsense\n::\n", "", "", "", ""},
	} {
		unit, cgroup, container, pod := parseCgroup([]byte(c.in))
		if unit != c.unit || cgroup != c.cgroup || container != c.container || pod != c.pod {
			t.Errorf("%q: %q %q %q %q", c.in, unit, cgroup, container, pod)
		}
	}
}

// TestFilesAndSockets: of this very process, which opens many.
func TestFilesAndSockets(t *testing.T) {
	w := New(collect.Host{Proc: "/proc", Root: "/"})
	boot := time.Hour
	if err := w.Pass(boot, true); err != nil {
		t.Skip(err)
	}
	me := w.all[int32(os.Getpid())]
	if me == nil || !me.files.have {
		t.Skip("the kernel does not tell the number of open files (before 6.2)")
	}
	var open []*os.File
	t.Cleanup(func() {
		for _, f := range open {
			_ = f.Close()
		}
	})
	for range 100 {
		r, p, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, r, p)
	}
	before := me.files.read
	if err := w.Pass(boot+time.Second, true); err != nil {
		t.Fatal(err)
	}
	if me = w.all[int32(os.Getpid())]; me.files.read < before+190 || me.files.baseRead != before {
		t.Errorf("%d open files before, %+v after opening 200", before, me.files)
	}
	if n, err := w.countSockets(me.pid); err != nil || n > 100 {
		t.Errorf("%d sockets, %v: pipes are none", n, err)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	w := passes(t, false)
	if !w.Due(0) {
		t.Error("the first pass is due")
	}
	w = passes(t, false, []proc{{pid: 1, start: 1}})
	w.took = 0
	if w.Due(time.Hour+9*time.Second) || !w.Due(time.Hour+10*time.Second) {
		t.Error("every ten seconds")
	}
	if w.took = 50 * time.Millisecond; w.Due(time.Hour+49*time.Second) || !w.Due(time.Hour+50*time.Second) {
		t.Error("a pass of 50 ms is worth 50 s")
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (a) b) S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9 1000 11 1\n"))
	f.Add([]byte("1 () R 99999999999999999999"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, ok := parseStat(b); ok && u.ppid < 0 {
			t.Errorf("%+v", u)
		}
		_, _, _ = parseIO(b)
		_ = parseForks(b)
		unit, cgroup, container, pod := parseCgroup(b)
		if len(unit)+len(cgroup)+len(container)+len(pod) > 4*len(b)+12 {
			t.Error("longer than what it was read from")
		}
		if c := command(b, "comm"); len(c) > 2*len(b)+4 {
			t.Errorf("command %q", c)
		}
	})
}

// cpuTime is what this process used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPass reads this host. cpu-ms/100procs, CPU time and not time that
// passed, is what is bounded by 1.
func BenchmarkPass(b *testing.B) {
	w := New(collect.Host{Proc: "/proc", Root: "/"})
	var boot time.Duration
	began := cpuTime()
	for b.Loop() {
		boot += time.Second
		if err := w.Pass(boot, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuTime()-began).Seconds()*1000/float64(b.N)/float64(len(w.all))*100, "cpu-ms/100procs")
}

// What passes keep open is bounded, and given back: of a process when it ends,
// of all by Close.
func TestOpenFilesAreBounded(t *testing.T) {
	root := t.TempDir()
	open := func() int {
		n, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc/self/fd")
		}
		return len(n)
	}
	var many []proc
	for i := range maxKept + 20 {
		many = append(many, proc{pid: i + 1, start: 5})
	}
	w := New(collect.Host{Proc: root, Root: "/"})
	before := open()
	show(t, root, 1, many...)
	for turn := range 3 {
		if err := w.Pass(time.Duration(turn+1)*time.Second, false); err != nil {
			t.Fatal(err)
		}
	}
	if n := open() - before; n != maxKept || w.kept != maxKept || len(w.all) != len(many) {
		t.Errorf("%d open, %d counted, want %d; %d processes", n, w.kept, maxKept, len(w.all))
	}
	show(t, root, 1, many[:10]...)
	for turn := range 2 { // what was not kept for want of room is in the second
		if err := w.Pass(time.Duration(turn+1)*time.Minute, false); err != nil {
			t.Fatal(err)
		}
	}
	if n := open() - before; n != 10 || w.kept != 10 {
		t.Errorf("after most ended %d are open, %d counted", n, w.kept)
	}
	w.Close()
	if n := open() - before; n != 0 || w.kept != 0 {
		t.Errorf("after Close %d are open, %d counted", n, w.kept)
	}
}
