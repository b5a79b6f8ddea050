package collect_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestValuesOfARecordedHost: what the two readings of linux-6.1-cgroup2 must
// give if 2 s lie between them, worked out by hand from the files.
func TestValuesOfARecordedHost(t *testing.T) {
	t.Parallel()
	none := math.NaN()
	got := between(t, "linux-6.1-cgroup2")
	for series, want := range map[string]float64{
		"cpu_usage_active ":               100 * 246.0 / 306, // 306 ticks, 60 of them idle
		"cpu_usage_user_no_steal ":        100 * 8.0 / 306,
		"cpu_usage_user_no_steal cpu0":    none, // of the host only
		"cpu_usage_system cpu0":           100 * 150.0 / 152,
		"cpu_usage_active cpu0":           100,
		"cpu_usage_idle cpu1":             100 * 61.0 / 154,
		"context_switches ":               (2777 - 1817) / 2.0,
		"processes_forked ":               (335 - 129) / 2.0,
		"processes_running ":              2,
		"processes_running_per_cpu ":      1,
		"diskio_writes vda":               (73 - 1) / 2.0,
		"diskio_write_bytes vda":          (147458 - 2) * 512 / 2.0,
		"diskio_write_await vda":          (319.0 - 3) / 72,
		"diskio_await vda":                (319.0 - 3) / 72,
		"diskio_read_await vda":           none, // no read completed
		"diskio_reads vda":                0,
		"diskio_util vda":                 100 * (136 - 16) / 2000.0,
		"diskio_queue_length vda":         (332 - 15) / 2000.0,
		"net_bytes_recv eth0":             (6054 - 762) / 2.0,
		"net_packets_sent eth0":           (68 - 14) / 2.0,
		"net_bytes_recv lo":               none, // not counted unless asked for
		"pressure_cpu_some_avg10 ":        5.51,
		"pressure_cpu_some_percent ":      (923101 - 685835) / 2e4,
		"cpu_runqueue_wait ":              (409423110 - 246721417 + 642262873 - 188600901) / (887 - 628 + 1323 - 697.0) / 1e6,
		"netstat_tcp_out_segs ":           (120 - 14) / 2.0,
		"netstat_tcp_attempt_fails ":      (60 - 7) / 2.0,
		"netstat_tcp_retrans_percent ":    0,
		"netstat_tcp_established ":        0,
		"mem_total ":                      480004 * 1024,
		"mem_used_percent ":               100 * (480004 - 443900) / 480004.0,
		"swap_in ":                        0,
		"fd_open ":                        32,
		"fd_used_percent ":                100 * 32 / 46541.0,
		"processes_total ":                12,
		"processes_idle ":                 6,
		"processes_uninterruptible ":      0,
		"host_saturation ":                100 * 246.0 / 306,
		"pressure_memory_full_percent ":   0,
		"conntrack_used_percent ":         0,
		"cpu_usage_iowait ":               0,
		"pressure_cpu_full_avg10 nowhere": none,
	} {
		v, ok := got[series]
		if !ok {
			v = none
		}
		if math.IsNaN(v) != math.IsNaN(want) || math.Abs(v-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s = %g, want %g", series, v, want)
		}
	}
	if got := between(t, "linux-5.10-cgroup1-nopsi"); len(got) < 100 || math.Abs(got["cpu_usage_active "]-got["cpu_usage_iowait "]-got["host_saturation "]) > 1e-4 {
		t.Errorf("without PSI: %d series, saturation %g, cpu %g", len(got), got["host_saturation "], got["cpu_usage_active "])
	}
}

// TestUserOfWhatWasLeft: of 100 ticks the hypervisor took 30 and programs 66; where it
// took 90, what is left says nothing.
func TestUserOfWhatWasLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := collect.NewCPU(collect.Host{Proc: dir})
	got := math.NaN()
	for i, line := range []string{"cpu 5 0 1 50 0 0 0 7 0 0\n", "cpu 71 0 3 52 0 0 0 37 0 0\n", "cpu 81 0 3 52 0 0 0 127 0 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		samples, err := c.Collect(t.Context(), time.Unix(int64(1000+i), 0), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			if s.Metric == "cpu_usage_user_no_steal" {
				got = s.Value
			}
		}
	}
	if want := 100 * 66 / 70.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("%g %% of what was left, want %g", got, want)
	}
}

// TestUserOfOneCPU: a program keeps one of two CPUs, of which the hypervisor takes a
// fifth, in user mode; after a gap it takes eight readings again.
func TestUserOfOneCPU(t *testing.T) {
	t.Parallel()
	for cpus, want := range map[int]int{1: 0, 2: 13 - 8 + 1, 9: 0} {
		dir := t.TempDir()
		c := collect.NewCPU(collect.Host{Proc: dir})
		got := 0
		now := time.Unix(1000, 0)
		for i := range 24 {
			if now = now.Add(time.Second); i == 14 {
				now = now.Add(time.Hour)
			}
			text := "cpu 0 0 0 0 0 0 0 0 0 0\n"
			for k := range cpus {
				user, idle := 79*i, 0
				if k > 0 {
					user, idle = 0, 80*i
				}
				text += fmt.Sprintf("cpu%d %d 0 %d %d 0 0 0 %d 0 0\n", k, user, i, idle, 20*i)
			}
			if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			samples, err := c.Collect(t.Context(), now, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range samples {
				if s.Metric != "cpu_usage_user_one_cpu" {
					continue
				}
				if got++; math.Abs(s.Value-100*79/80.0) > 1e-9 {
					t.Errorf("%g %%", s.Value)
				}
			}
			if i == 21 && got != want {
				t.Errorf("%d CPUs: %d readings before the gap and within eight after it, want %d", cpus, got, want)
			}
		}
		if cpus == 2 && got != want+2 {
			t.Errorf("%d readings, want %d", got, want+2)
		}
	}
}

// between reads the two readings of a recorded tree by all collectors, 2 s apart.
func between(t *testing.T, tree string) map[string]float64 {
	t.Helper()
	base, err := filepath.Abs(filepath.Join("collecttest", "testdata", tree))
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "host")
	h := collect.Host{Proc: filepath.Join(link, "proc"), Sys: filepath.Join(link, "sys"), Root: link}
	set := collect.NewSet(collect.All(h, collect.Config{}), collect.SetOptions{Interval: time.Minute})
	out := map[string]float64{}
	for i, reading := range []string{"1", "2"} {
		_ = os.Remove(link)
		if err := os.Symlink(filepath.Join(base, reading), link); err != nil {
			t.Fatal(err)
		}
		clear(out)
		for _, s := range set.Collect(t.Context(), time.Unix(int64(1000+2*i), 0), time.Duration(2*i)*time.Second).Samples {
			if _, twice := out[s.Metric+" "+s.Target]; twice {
				t.Errorf("%s %s comes twice in a frame", s.Metric, s.Target)
			}
			out[s.Metric+" "+s.Target] = s.Value
		}
	}
	return out
}
