package collect_test

import (
	"math"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	psnet "github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/firewatch-agent/firewatch/collect"
)

// once collects one collector twice, with cpu time spent between, and returns
// the second reading by metric and target.
func twice(t *testing.T, c collect.Collector, between func()) map[string]float64 {
	t.Helper()
	start := time.Now()
	if _, err := c.Collect(t.Context(), start, nil); err != nil {
		t.Fatal(err)
	}
	between()
	samples, err := c.Collect(t.Context(), time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range samples {
		out[s.Metric+" "+s.Target] = s.Value
	}
	return out
}

// near reports a value that differs from gopsutil's by more than the
// tolerance: relative, with an absolute floor.
func near(t *testing.T, what string, got, want, relative, absolute float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > math.Max(relative*math.Abs(want), absolute) {
		t.Errorf("%s = %g, gopsutil says %g", what, got, want)
	}
}

func TestMemoryEqualsGopsutil(t *testing.T) {
	got := twice(t, collect.NewMem(collect.LocalHost(time.Second)), func() {})
	want, err := mem.VirtualMemory()
	if err != nil {
		t.Fatal(err)
	}
	const slack = 64 << 20 // other processes allocate between the two readings
	near(t, "mem_total", got["mem_total "], float64(want.Total), 0, 0)
	near(t, "mem_available", got["mem_available "], float64(want.Available), 0, slack)
	near(t, "mem_free", got["mem_free "], float64(want.Free), 0, slack)
	near(t, "mem_buffered", got["mem_buffered "], float64(want.Buffers), 0, slack)
	near(t, "mem_dirty", got["mem_dirty "], float64(want.Dirty), 0, slack)
	near(t, "mem_active", got["mem_active "], float64(want.Active), 0, slack)
	near(t, "mem_slab", got["mem_slab "], float64(want.Slab), 0, slack)
	near(t, "mem_available_percent", got["mem_available_percent "], 100*float64(want.Available)/float64(want.Total), 0, 1)
}

func TestCPUEqualsGopsutil(t *testing.T) {
	before, err := cpu.Times(false)
	if err != nil || len(before) == 0 {
		t.Fatal(err)
	}
	got := twice(t, collect.NewCPU(collect.LocalHost(time.Second)), burn)
	after, err := cpu.Times(false)
	if err != nil || len(after) == 0 {
		t.Fatal(err)
	}
	a, b := before[0], after[0]
	total := (b.User + b.System + b.Idle + b.Nice + b.Iowait + b.Irq + b.Softirq + b.Steal) -
		(a.User + a.System + a.Idle + a.Nice + a.Iowait + a.Irq + a.Softirq + a.Steal)
	// Both read in ticks of 10 ms around 400 ms: 10 points are a few ticks.
	near(t, "cpu_usage_user", got["cpu_usage_user "], 100*(b.User-a.User)/total, 0, 10)
	near(t, "cpu_usage_system", got["cpu_usage_system "], 100*(b.System-a.System)/total, 0, 10)
	near(t, "cpu_usage_idle", got["cpu_usage_idle "], 100*(b.Idle-a.Idle)/total, 0, 10)
	near(t, "cpu_usage_active", got["cpu_usage_active "], 100*(total-(b.Idle-a.Idle))/total, 0, 10)
	counts, err := cpu.Counts(true)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got["cpu_usage_active cpu0"]; !ok && counts > 0 {
		t.Error("no series for cpu0")
	}
}

// burn keeps one core busy for 400 ms.
func burn() {
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		_ = math.Sqrt(2)
	}
}

func TestLoadEqualsGopsutil(t *testing.T) {
	got := twice(t, collect.NewLoad(collect.LocalHost(time.Second)), func() {})
	want, err := load.Avg()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "system_load1", got["system_load1 "], want.Load1, 0, 0.5)
	near(t, "system_load5", got["system_load5 "], want.Load5, 0, 0.2)
	near(t, "system_load15", got["system_load15 "], want.Load15, 0, 0.1)
}

func TestDiskEqualsGopsutil(t *testing.T) {
	got := twice(t, collect.NewDisk(collect.LocalHost(time.Second), collect.DiskConfig{}), func() {})
	want, err := disk.Usage("/")
	if err != nil {
		t.Fatal(err)
	}
	const slack = 512 << 20
	near(t, "disk_total /", got["disk_total /"], float64(want.Total), 0, 0)
	near(t, "disk_free /", got["disk_free /"], float64(want.Free), 0, slack)
	near(t, "disk_used /", got["disk_used /"], float64(want.Used), 0, slack)
	near(t, "disk_used_percent /", got["disk_used_percent /"], want.UsedPercent, 0, 1)
	near(t, "disk_inodes_total /", got["disk_inodes_total /"], float64(want.InodesTotal), 0, 0)
	near(t, "disk_inodes_used_percent /", got["disk_inodes_used_percent /"], want.InodesUsedPercent, 0, 1)
}

// TestDiskIOEqualsGopsutil compares the counters behind the rates: the device
// list, and the rates of an idle 100 ms, which are small on both sides.
func TestDiskIOEqualsGopsutil(t *testing.T) {
	before, err := disk.IOCounters()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got := twice(t, collect.NewDiskIO(collect.LocalHost(time.Second), collect.DiskIOConfig{}), burn)
	after, err := disk.IOCounters()
	if err != nil {
		t.Fatal(err)
	}
	seconds := time.Since(start).Seconds()
	for name, a := range after {
		rate, ok := got["diskio_write_bytes "+name]
		if !ok {
			continue // a partition or a loop device
		}
		// Ours was read within gopsutil's two readings, over a part of the time.
		most := float64(a.WriteBytes-before[name].WriteBytes) / 0.35
		if rate > most+1 {
			t.Errorf("%s: wrote %g bytes/s, gopsutil saw at most %g in %.1f s", name, rate, most, seconds)
		}
	}
}

func TestNetEqualsGopsutil(t *testing.T) {
	c := collect.NewNet(collect.LocalHost(time.Second), collect.NetConfig{Ignore: []string{}})
	before, err := psnet.IOCounters(true)
	if err != nil {
		t.Fatal(err)
	}
	got := twice(t, c, burn)
	after, err := psnet.IOCounters(true)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range after {
		rate, ok := got["net_bytes_recv "+a.Name]
		if !ok {
			t.Errorf("%s: no series", a.Name)
			continue
		}
		if most := float64(a.BytesRecv-before[i].BytesRecv) / 0.35; rate > most+1 {
			t.Errorf("%s: received %g bytes/s, gopsutil saw at most %g", a.Name, rate, most)
		}
	}
}

func TestNetstatEqualsGopsutil(t *testing.T) {
	c := collect.NewNetstat(collect.LocalHost(time.Second))
	got := twice(t, c, func() {})
	tcp, err := psnet.ProtoCounters([]string{"tcp"})
	if err != nil || len(tcp) != 1 {
		t.Fatal(tcp, err)
	}
	near(t, "netstat_tcp_established", got["netstat_tcp_established "], float64(tcp[0].Stats["CurrEstab"]), 0.2, 20)
	all, err := psnet.Connections("tcp")
	if err != nil {
		t.Fatal(err)
	}
	listen := 0.0
	for _, s := range all {
		if s.Status == "LISTEN" {
			listen++
		}
	}
	near(t, "netstat_tcp_listen", got["netstat_tcp_listen "], listen, 0.2, 10) // other tests open some
	limits := twice(t, collect.NewLimits(collect.LocalHost(time.Second)), func() {})
	conntrack, err := psnet.FilterCounters()
	tracked, ok := limits["conntrack_count "]
	if ok != (err == nil) {
		t.Errorf("conntrack: series %v, gopsutil says %v", ok, err)
	}
	if ok {
		near(t, "conntrack_count", tracked, float64(conntrack[0].ConnTrackCount), 0.2, 50)
	}
}

func TestProcessesEqualGopsutil(t *testing.T) {
	c := collect.NewProcesses(collect.LocalHost(time.Second))
	got := twice(t, c, func() {})
	for end := time.Now().Add(10 * time.Second); len(got) == 0 && time.Now().Before(end); { // the pass is aside from the tick
		got = twice(t, c, func() {})
	}
	pids, err := process.Pids()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "processes_total", got["processes_total "], float64(len(pids)), 0.2, 50) // they come and go
}

func TestSwapEqualsGopsutil(t *testing.T) {
	got := twice(t, collect.NewMem(collect.LocalHost(time.Second)), func() {})
	want, err := mem.SwapMemory()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "swap_total", got["swap_total "], float64(want.Total), 0, 0)
	used, ok := got["swap_used "]
	if ok != (want.Total > 0) {
		t.Errorf("swap_used is there: %v, of %d bytes of swap", ok, want.Total)
	}
	if ok {
		near(t, "swap_used", used, float64(want.Used), 0.1, 64<<20)
	}
}
