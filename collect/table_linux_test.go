package collect_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/disk"
	psnet "github.com/shirou/gopsutil/v3/net"
	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
)

// raw reads everything that the table compares with: /proc by hand as a person
// would (key and number), and gopsutil for disks, file systems and interfaces.
func raw(t *testing.T) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	lines := func(path string) []string {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return strings.Split(string(b), "\n")
	}
	set := func(key, value string) {
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[key] = v
		}
	}
	for _, path := range []string{"/proc/meminfo", "/proc/vmstat", "/proc/stat"} {
		for _, l := range lines(path) {
			if f := strings.Fields(l); len(f) > 1 {
				set(strings.TrimSuffix(f[0], ":"), f[1])
			}
		}
	}
	for _, path := range []string{"/proc/net/snmp", "/proc/net/netstat"} { // as nstat prints them: TcpInSegs
		all := lines(path)
		for i := 0; i+1 < len(all); i += 2 {
			names, values := strings.Fields(all[i]), strings.Fields(all[i+1])
			for j := 1; j < len(names) && j < len(values); j++ {
				set(strings.TrimSuffix(names[0], ":")+names[j], values[j])
			}
		}
	}
	for _, l := range lines("/proc/net/sockstat") {
		f := strings.Fields(l)
		for i := 1; i+1 < len(f); i += 2 {
			set("sock"+f[0]+f[i], f[i+1])
		}
	}
	if f := strings.FieldsFunc(strings.Join(lines("/proc/loadavg"), " "), func(r rune) bool { return r == ' ' || r == '/' }); len(f) > 4 {
		for i, name := range []string{"load1", "load5", "load15", "runnable", "threads"} {
			set(name, f[i])
		}
	}
	if f := strings.Fields(strings.Join(lines("/proc/sys/fs/file-nr"), " ")); len(f) > 2 {
		set("files", f[0])
	}
	set("entropy", strings.Join(lines("/proc/sys/kernel/random/entropy_avail"), ""))
	if all, err := disk.IOCounters(); err == nil {
		for n, d := range all {
			for key, v := range map[string]uint64{"reads": d.ReadCount, "writes": d.WriteCount, "read_bytes": d.ReadBytes, "write_bytes": d.WriteBytes, "queue": d.WeightedIO} {
				out["disk "+n+" "+key] = float64(v)
			}
		}
	}
	if all, err := psnet.IOCounters(true); err == nil {
		for _, n := range all {
			for key, v := range map[string]uint64{"bytes_recv": n.BytesRecv, "bytes_sent": n.BytesSent, "packets_recv": n.PacketsRecv, "packets_sent": n.PacketsSent, "err_in": n.Errin, "err_out": n.Errout, "drop_in": n.Dropin, "drop_out": n.Dropout} {
				out["net "+n.Name+" "+key] = float64(v)
			}
		}
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err == nil {
		block := float64(st.Bsize)
		used := float64(st.Blocks-st.Bfree) * block
		out["df total"], out["df free"], out["df used"] = float64(st.Blocks)*block, float64(st.Bavail)*block, used
		out["df percent"] = 100 * used / (used + float64(st.Bavail)*block)
		out["df inodes"], out["df ifree"] = float64(st.Files), float64(st.Ffree)
	}
	return out
}

// equal is one line of the table: a series, what it is read from, a factor
// (of a rate: units per count), and for a gauge how far it may move meanwhile.
type equal struct {
	series, from  string
	factor        float64
	rate          bool
	absolute, rel float64
}

func table(all map[string]float64) []equal {
	page := float64(os.Getpagesize())
	var out []equal
	gauge := func(absolute, rel, factor float64, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, equal{pairs[i] + " ", pairs[i+1], factor, false, absolute, rel})
		}
	}
	rate := func(factor float64, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, equal{pairs[i] + " ", pairs[i+1], factor, true, 0, 0})
		}
	}
	gauge(0, 0, 1024, "mem_total", "MemTotal", "mem_commit_limit", "CommitLimit", "swap_total", "SwapTotal")
	gauge(512<<20, 0.05, 1024, "mem_free", "MemFree", "mem_available", "MemAvailable", "mem_buffered", "Buffers", "mem_cached", "Cached", "mem_active", "Active", "mem_inactive", "Inactive",
		"mem_dirty", "Dirty", "mem_write_back", "Writeback", "mem_slab", "Slab", "mem_sunreclaim", "SUnreclaim", "mem_page_tables", "PageTables", "mem_shared", "Shmem", "mem_committed_as", "Committed_AS", "swap_free", "SwapFree")
	gauge(1.5, 0.2, 1, "system_load1", "load1", "system_load5", "load5", "system_load15", "load15")
	gauge(60, 0.2, 1, "processes_total_threads", "threads", "processes_running", "procs_running", "processes_blocked", "procs_blocked", "netstat_tcp_established", "TcpCurrEstab",
		"netstat_tcp_time_wait", "sockTCP:tw", "netstat_tcp_inuse", "sockTCP:inuse", "netstat_tcp_orphans", "sockTCP:orphan", "netstat_udp_socket", "sockUDP:inuse", "kernel_entropy_avail", "entropy")
	gauge(2000, 0.2, 1, "fd_open", "files")
	rate(page, "swap_in", "pswpin", "swap_out", "pswpout")
	rate(1, "mem_faults", "pgfault", "mem_major_faults", "pgmajfault", "mem_oom_kills", "oom_kill", "mem_compact_stalls", "compact_stall", "mem_refaults", "workingset_refault_file",
		"context_switches", "ctxt", "processes_forked", "processes", "interrupts", "intr", "softirqs", "softirq",
		"netstat_tcp_in_segs", "TcpInSegs", "netstat_tcp_out_segs", "TcpOutSegs", "netstat_tcp_retrans", "TcpRetransSegs", "netstat_tcp_attempt_fails", "TcpAttemptFails",
		"netstat_tcp_estab_resets", "TcpEstabResets", "netstat_tcp_out_rsts", "TcpOutRsts", "netstat_tcp_active_opens", "TcpActiveOpens", "netstat_tcp_passive_opens", "TcpPassiveOpens",
		"netstat_tcp_syn_retrans", "TcpExtTCPSynRetrans", "netstat_tcp_listen_drops", "TcpExtListenDrops", "netstat_tcp_listen_overflows", "TcpExtListenOverflows", "netstat_tcp_timeouts", "TcpExtTCPTimeouts",
		"netstat_udp_in_errors", "UdpInErrors", "netstat_udp_rcvbuf_errors", "UdpRcvbufErrors", "netstat_udp_no_ports", "UdpNoPorts", "netstat_udp_out_datagrams", "UdpOutDatagrams", "netstat_udp_in_datagrams", "UdpInDatagrams")
	for key := range all {
		f := strings.Fields(key)
		if len(f) != 3 {
			continue
		}
		e := equal{fmt.Sprintf("%s_%s %s", map[string]string{"disk": "diskio", "net": "net"}[f[0]], f[2], f[1]), key, 1, true, 0, 0}
		if f[2] == "queue" {
			e.series, e.factor = "diskio_queue_length "+f[1], 1e-3
		}
		out = append(out, e)
	}
	const root = "/"
	for _, p := range [][2]string{{"disk_total", "df total"}, {"disk_free", "df free"}, {"disk_used", "df used"}, {"disk_inodes_total", "df inodes"}, {"disk_inodes_free", "df ifree"}} {
		out = append(out, equal{p[0] + " " + root, p[1], 1, false, 1 << 30, 0.01})
	}
	return append(out, equal{"disk_used_percent " + root, "df percent", 1, false, 1, 0})
}

// TestTable: at least 60 series equal what /proc by hand, df and gopsutil say.
// A rate must lie between what the counters, read before and after each of the
// two readings, allow: no tolerance is needed.
func TestTable(t *testing.T) {
	var all []collect.Collector
	h := collect.LocalHost(time.Second)
	for _, c := range collect.All(h, collect.Config{}) {
		if n := c.Name(); n != "resolver" && n != "gpu" && n != "systemd" {
			all = append(all, c)
		}
	}
	set := collect.NewSet(all, collect.SetOptions{Interval: 20 * time.Second})
	const sec = 2.0 // what the readings are told; how long it takes does not matter
	now := time.Now().Round(0)
	a0 := raw(t)
	set.Collect(t.Context(), now, 0)
	a1 := raw(t)
	burn()
	b0 := raw(t)
	got := map[string]float64{}
	for _, s := range set.Collect(t.Context(), now.Add(2*time.Second), 2*time.Second).Samples {
		got[s.Metric+" "+s.Target] = s.Value
	}
	b1 := raw(t)
	compared := 0
	for _, e := range table(a0) {
		v, ok := got[e.series]
		_, there := b1[e.from]
		if !ok || !there {
			continue
		}
		compared++
		low, high := e.factor*(b0[e.from]-a1[e.from])/sec, e.factor*(b1[e.from]-a0[e.from])/sec
		if !e.rate {
			slack := math.Max(e.absolute, e.rel*e.factor*b1[e.from])
			low, high = e.factor*math.Min(b0[e.from], b1[e.from])-slack, e.factor*math.Max(b0[e.from], b1[e.from])+slack
		}
		if v < low-1e-6*math.Abs(low) || v > high+1e-6*math.Abs(high) {
			t.Errorf("%s = %g, want %g…%g (%s)", e.series, v, low, high, e.from)
		}
	}
	t.Logf("%d series compared", compared)
	if compared < 60 {
		t.Errorf("only %d series compared, want at least 60", compared)
	}
}
