package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// fault is a kind of trouble, and what a message about it must name: one of the
// series, and the object (mount point, probe; for a live message also process)
// where there is one.
type fault struct {
	name    string
	series  []string // beginnings of metrics' names, one of which must be named
	object  string   // target that must be named; "" = none
	process string   // name of the process that a live message should name; shown, not required
	slow    bool
	lasts   time.Duration // of a slow one
	begin   func(l *lab) (undo func(), err error)
}

// faults is the table, as it stood before the run.
func faults() []fault {
	cpu := []string{"cpu_", "pressure_cpu", "processes_running", "context_switches", "system_load"}
	disk := []string{"diskio_", "pressure_io", "cpu_usage_iowait"}
	return []fault{
		{name: "cpu-one", series: cpu, process: "stress-ng", begin: stress("--cpu", "1", "--cpu-method", "matrixprod")},
		{name: "cpu-all", series: cpu, process: "stress-ng", begin: stress("--cpu", "8", "--cpu-method", "matrixprod")},
		{name: "run-queue", series: cpu, process: "stress-ng", begin: stress("--cpu", "150", "--cpu-method", "int64")},
		{name: "memory-leak", series: []string{"mem_", "pressure_memory", "cgroup_"}, process: "faults", begin: leak},
		{name: "reclaim", series: []string{"mem_", "pressure_memory", "cgroup_", "pressure_io", "diskio_"}, process: "faults", begin: reclaim},
		{name: "disk-writes", series: disk, process: "fio", begin: fio("--rw=randwrite", "--direct=1", "--ioengine=libaio", "--iodepth=64", "--numjobs=4", "--size=128m", "--bs=64k")},
		{name: "fsyncs", series: disk, process: "fio", begin: fio("--rw=write", "--fsync=1", "--numjobs=16", "--size=16m", "--bs=4k")},
		{name: "disk-full", series: []string{"disk_used_percent", "disk_free"}, object: "fill", begin: fill(20 * time.Second)},
		{name: "inodes", series: []string{"disk_inodes"}, object: "inodes", begin: inodes},
		{name: "fd-leak", series: []string{"fd_"}, process: "faults", begin: childFault("fds")},
		{name: "zombies", series: []string{"processes_zombies", "processes_total"}, process: "faults", begin: childFault("zombies")},
		{name: "packet-loss", series: []string{"netstat_tcp_retrans", "netstat_tcp_timeouts", "net_"}, begin: loss},
		{name: "connection-flood", series: []string{"netstat_tcp_", "conntrack_"}, begin: flood},
		{name: "probe-slow", series: []string{"probe_"}, object: "web", begin: toxic("latency", `{"latency":45}`)},
		{name: "probe-timeout", series: []string{"probe_"}, object: "web", begin: toxic("timeout", `{"timeout":0}`)},
		{name: "dns-slow", series: []string{"resolver_"}, begin: func(l *lab) (func(), error) {
			l.dnsDelay.Store(int64(800 * time.Millisecond))
			return func() { l.dnsDelay.Store(0) }, nil
		}},
		// The first two have no threshold: what is too much differs from host to host. What piles up got one after seed 97.
		{name: "dead-port", series: []string{"netstat_tcp_attempt_fails", "netstat_tcp_out_rsts", "netstat_tcp_active_opens"}, begin: childFault("retry", deadAddr, "200")},
		{name: "bulk-transfer", series: []string{"net_bytes_", "net_packets_"}, object: link, begin: childFault("send", farAddr, "60")},
		{name: "hung-jobs", series: []string{"processes_total", "processes_sleeping", "cgroup_pids"}, begin: childFault("jobs", "20")},
		{name: "disk-fills", series: []string{"disk_used_percent", "disk_free"}, object: "fill", slow: true, lasts: 120 * time.Second, begin: fill(240 * time.Second)},
		{name: "memory-leak-slow", series: []string{"mem_", "pressure_memory"}, process: "faults", slow: true, lasts: 330 * time.Second, begin: slowLeak},
	}
}

func stress(args ...string) func(*lab) (func(), error) {
	return func(l *lab) (func(), error) { return l.start("stress-ng", append(args, "--timeout", "60")...) }
}

func fio(args ...string) func(*lab) (func(), error) {
	return func(l *lab) (func(), error) {
		dir := filepath.Join(l.dir, "fio")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return func() {}, err
		}
		// As threads: its processes leave the group, and would go on for the rest of the minute.
		stop, err := l.start("fio", append(args, "--thread", "--name=lab", "--directory="+dir, "--time_based", "--runtime=60", "--output=/dev/null")...)
		return func() { stop(); _ = os.RemoveAll(dir) }, err
	}
}

// childFault runs this program as a child that does the harm.
func childFault(args ...string) func(*lab) (func(), error) {
	return func(l *lab) (func(), error) { return l.start(self(), append([]string{"child"}, args...)...) }
}

// leak is a program that takes 60 MB a second in a memory cgroup of 512 MiB,
// until the kernel kills it, and again.
func leak(l *lab) (func(), error) {
	group, err := l.memoryGroup("leak", 512<<20)
	if err != nil {
		return func() {}, err
	}
	return l.start(self(), "child", "in", group, "leak", "60")
}

// slowLeak is a program that would fill what is available in 40 minutes, as the
// rule for it looks an hour ahead.
func slowLeak(l *lab) (func(), error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return func() {}, err
	}
	_, rest, _ := strings.Cut(string(text), "MemAvailable:")
	kB, err := strconv.Atoi(strings.Fields(rest + " 0")[0])
	if err != nil {
		return func() {}, err
	}
	return l.start(self(), "child", "leak", strconv.Itoa(max(1, kB>>10/2400)))
}

// reclaim is a program that reads a file of 600 MB at random in a memory cgroup
// of 64 MiB.
func reclaim(l *lab) (func(), error) {
	group, err := l.memoryGroup("reclaim", 64<<20)
	if err != nil {
		return func() {}, err
	}
	file := filepath.Join(l.dir, "reclaim.dat")
	if err := l.ballast(file, 600<<20); err != nil {
		return func() {}, err
	}
	stop, err := l.start(self(), "child", "in", group, "thrash", file)
	return func() { stop(); _ = os.Remove(file) }, err
}

// fill writes the 64 MiB tmpfs full over a time.
func fill(over time.Duration) func(*lab) (func(), error) {
	return func(l *lab) (func(), error) {
		file := filepath.Join(l.dir, "fill", "file")
		stop, err := l.start(self(), "child", "fill", file, strconv.Itoa(int(64<<20/over.Seconds())))
		return func() { stop(); _ = os.Remove(file) }, err
	}
}

func inodes(l *lab) (func(), error) {
	dir := filepath.Join(l.dir, "inodes", "many")
	stop, err := l.start(self(), "child", "inodes", dir)
	return func() { stop(); _ = os.RemoveAll(dir) }, err
}

// loss drops every fourth packet of the traffic that runs all the time.
func loss(l *lab) (func(), error) {
	rule := strings.Fields("INPUT -i lo -p tcp --dport " + bulkPort + " -m statistic --mode random --probability 0.25 -j DROP")
	if err := l.command("iptables", append([]string{"-A"}, rule...)...); err != nil {
		return func() {}, err
	}
	return func() { _ = l.command("iptables", append([]string{"-D"}, rule...)...) }, nil
}

// flood opens 400 connections a second to a server that does not accept.
func flood(l *lab) (func(), error) {
	addr, shut, err := deaf()
	if err != nil {
		return shut, err
	}
	stop, err := l.start(self(), "child", "connect", addr, "400")
	return func() { stop(); shut() }, err
}

func toxic(kind, attributes string) func(*lab) (func(), error) {
	return func(l *lab) (func(), error) {
		_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":"t","type":%q,"stream":"downstream","attributes":%s}`, kind, attributes)))
		return func() { _ = l.proxy.Toxics.RemoveToxic(l.ctx, "t") }, err
	}
}

// self is this program, by the name that a message about its children should have.
func self() string {
	path, err := os.Executable()
	if err != nil {
		return "/proc/self/exe"
	}
	return path
}
