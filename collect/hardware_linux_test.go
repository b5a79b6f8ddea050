package collect

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// TestValuesOfAMadeHost: what the two readings of made-by-hand give if 10 s lie
// between them, worked out from the files.
func TestValuesOfAMadeHost(t *testing.T) {
	t.Parallel()
	got := map[string]float64{}
	link := filepath.Join(t.TempDir(), "host")
	h := Host{Proc: filepath.Join(link, "proc"), Sys: filepath.Join(link, "sys"), Root: link, MaxGap: 15 * time.Second}
	set := NewSet(All(h, Config{}), SetOptions{Interval: time.Minute})
	for i, reading := range []string{"1", "2"} {
		base, err := filepath.Abs(filepath.Join("collecttest", "testdata", "made-by-hand", reading))
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(link)
		if err := os.Symlink(base, link); err != nil {
			t.Fatal(err)
		}
		clear(got)
		for _, s := range set.Collect(t.Context(), time.Unix(int64(1000+10*i), 0), time.Duration(10*i)*time.Second).Samples {
			got[s.Metric+" "+s.Target] = s.Value
		}
	}
	none := math.NaN()
	for series, want := range map[string]float64{
		"temp_celsius coretemp/Package id 0":          48,
		"temp_critical_percent coretemp/Package id 0": 48,
		"temp_celsius nvme/Composite":                 38.85,
		"edac_corrected_errors mc0":                   3,
		"edac_uncorrected_errors mc0":                 0,
		"cpu_frequency_mhz ":                          3000,
		"cpu_thermal_throttles ":                      2,
		"md_active md0":                               1,
		"md_degraded md0":                             1,
		"md_degraded md1":                             0,
		"md_sync_percent md0":                         25,
		"md_sync_percent md1":                         none,
		"dm_suspended dm-0":                           0,
		"diskio_errors sda":                           (0x20 - 0x14) / 10.0,
		"disk_online sda":                             1,
		"nvme_live nvme0":                             1,
		"nvme_pcie_errors nvme0":                      1,
		"ext4_errors sda2":                            0.2,
		"net_link_up eno1":                            1,
		"net_link_up eno2":                            0,
		"net_link_up eno3":                            none, // switched off
		"net_link_up docker0":                         none, // a bridge
		"net_link_up bond0":                           1,
		"net_speed bond0":                             1000,
		"net_speed eno2":                              none,
		"net_link_changes eno1":                       0.1,
		"net_bond_links_down bond0":                   1,
		"cgroup_mem_used container":                   402653184 - 134217728,
		"cgroup_mem_used_percent container":           50,
		"cgroup_cpu_usage container":                  4,
		"cgroup_cpu_throttled_percent container":      50,
		"cgroup_oom_kills container":                  0.1,
		"cgroup_pids_used_percent container":          40,
		"cgroup_pressure_io_some_avg10 container":     3.25,
		"pressure_irq_full_avg10 ":                    0.4,
		"pressure_irq_full_percent ":                  0.05,
		"pressure_irq_some_avg10 ":                    none,
		"net_softnet_dropped ":                        0.1,
		"net_softnet_squeezed ":                       0,
		"mem_huge_pages_total ":                       64,
		"mem_huge_pages_free ":                        60,
		"mem_sunreclaim ":                             200000 * 1024,
		"mem_reclaim_stalls ":                         1,
		"mem_compact_stalls ":                         0.2,
		"mem_faults ":                                 30,
		"mem_refaults ":                               0.8,
	} {
		v, ok := got[series]
		if !ok {
			v = none
		}
		if math.IsNaN(v) != math.IsNaN(want) || math.Abs(v-want) > 1e-6*math.Abs(want) {
			t.Errorf("%s = %g, want %g", series, v, want)
		}
	}
}

func TestKernelMessages(t *testing.T) {
	t.Parallel()
	counts := make([]int, len(kernelTrouble)+1)
	for _, m := range []string{
		"3,1,100,-;Out of memory: Killed process 77 (java) total-vm:1kB\n",
		"3,2,100,-;blk_update_request: I/O error, dev sda, sector 1 op 0x0\n SUBSYSTEM=block\n DEVICE=b8:0\n",
		"2,3,100,-;EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2\n",
		"3,4,100,-;INFO: task jbd2:33 blocked for more than 120 seconds.\n",
		"6,5,100,-;EXT4-fs (sda1): mounted filesystem\n",
		"6,6,100,-;EDAC MC: Ver: 3.0.0\n",
		"12,7,100,-;Out of memory: a program wrote this\n", // facility 1: user
		"garbage", ";", "3", "x,1;Out of memory:",
	} {
		countMessage([]byte(m), counts)
	}
	got := map[string]int{"errors": counts[len(counts)-1]}
	for i, k := range kernelTrouble {
		got[k.metric] = counts[i]
	}
	for name, want := range map[string]int{"errors": 4, "kernel_log_oom": 1, "kernel_log_io_errors": 1, "kernel_log_fs_errors": 1, "kernel_log_hung_tasks": 1, "kernel_log_hardware_errors": 0, "kernel_log_lockups": 0} {
		if got[name] != want {
			t.Errorf("%s = %d, want %d", name, got[name], want)
		}
	}
}

// TestKmsgOfThisKernel: where it may be read, nothing that was logged before
// the start counts; where it may not, the reason says what is missing.
func TestKmsgOfThisKernel(t *testing.T) {
	t.Parallel()
	c := NewKmsg(LocalHost(time.Second))
	now := time.Now()
	samples, err := c.Collect(t.Context(), now, nil)
	if len(samples) != 0 || err != nil && !onlySkipped(err) {
		t.Fatalf("first: %v, %v", samples, err)
	}
	if err == nil {
		if samples, err = c.Collect(t.Context(), now.Add(time.Second), nil); err != nil || len(samples) != len(kernelTrouble)+1 {
			t.Fatalf("second: %v, %v", samples, err)
		}
	}
}

func TestGPUTable(t *testing.T) {
	t.Parallel()
	got, err := gpuTable([]byte("0, NVIDIA A10G, 37, 12, 1024, 23028, 41, 58.21, 0\n1, NVIDIA A10G, [N/A], 0, 0, 23028, 30, [Not Supported], [N/A]\n0, twice, 1, 1, 1, 1, 1, 1, 1\nbroken\n"))
	if err != nil || len(got) != 11 || got[2].Value != 1024<<20 || got[0].Target != "0" || got[0].Value != 37 || got[5].Value != 58.21 {
		t.Errorf("%d: %v, %v", len(got), got, err)
	}
	if got, err := gpuTable([]byte("NVIDIA-SMI has failed\n")); err == nil {
		t.Errorf("no table: %v", got)
	}
}

// TestGPUProgram: a program that never ends is killed, and one that is absent
// is no fault.
func TestGPUProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &GPU{program: filepath.Join(dir, "nvidia-smi"), local: true}
	if _, err := c.ask(t.Context()); !onlySkipped(err) {
		t.Errorf("absent: %v", err)
	}
	write := func(script string) {
		if err := os.WriteFile(c.program, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("echo '0, A, 1, 2, 3, 4, 5, 6, 7'\n")
	if got, err := c.ask(t.Context()); err != nil || len(got) != len(gpuColumns) {
		t.Errorf("%v, %v", got, err)
	}
	write("exec sleep 60\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.ask(ctx); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("hanging: %v after %s", err, time.Since(start))
	}
}

// TestAside: a reading that hangs costs no tick anything, is told, and its last
// result is given no longer than it is worth.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a aside
		hang := make(chan struct{})
		turns := 0
		read := func(context.Context) ([]Sample, error) {
			if turns++; turns == 2 {
				<-hang
				return nil, errors.New("late")
			}
			return []Sample{{Metric: "m", Value: float64(turns)}}, nil
		}
		var got []float64
		var last error
		begin := time.Now()
		for range 60 {
			samples, err := a.get(t.Context(), time.Now(), nil, read)
			last = err
			if len(samples) == 1 && err == nil {
				got = append(got, samples[0].Value)
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("ticks waited: %s", took)
		}
		if len(got) != 20 || last == nil || !strings.Contains(last.Error(), "does not answer since") {
			t.Errorf("%d readings, %v", len(got), last)
		}
		close(hang)
		synctest.Wait()
		time.Sleep(10 * time.Second)
		_, _ = a.get(t.Context(), time.Now(), nil, read)
		synctest.Wait()
		if samples, err := a.get(t.Context(), time.Now(), nil, read); err != nil || len(samples) != 1 || samples[0].Value != 3 {
			t.Errorf("after: %v, %v", samples, err)
		}
	})
}

// TestKeptFiles: files of the kernel stay open and give new content; others do not.
func TestKeptFiles(t *testing.T) {
	t.Parallel()
	var r fileReader
	first, err := r.read("/proc/self/stat")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	before := string(first)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		again, err := r.read("/proc/self/stat")
		if pid, _, _ := strings.Cut(before, " "); err != nil || !strings.HasPrefix(string(again), pid+" ") {
			t.Fatalf("%q, %v", again, err)
		}
		if string(again) != before {
			before = ""
			break
		}
	}
	if before != "" || len(r.kept) != 1 {
		t.Errorf("%d kept; the content changed: %v", len(r.kept), before == "")
	}
	path := filepath.Join(t.TempDir(), "plain")
	for _, text := range []string{"one", "two"} {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		if b, err := r.read(path); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := r.once("/proc/self/status"); err != nil || len(r.kept) != 1 {
		t.Errorf("%d kept after once, %v", len(r.kept), err)
	}
	// One that is closed behind its back is opened anew.
	_ = r.kept["/proc/self/stat"].Close()
	if _, err := r.read("/proc/self/stat"); err != nil {
		t.Error(err)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	c := NewClock(LocalHost(time.Second))
	c.read = func() (clockState, error) { return clockState{-1.5, 16000, false}, nil }
	got, err := c.Collect(t.Context(), time.Unix(1, 0), nil)
	if err != nil || len(got) != 3 || got[0].Value != -1.5 || got[1].Value != 16000 || got[2].Value != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := adjtimex(); err != nil && !onlySkipped(err) {
		t.Error(err)
	}
	var tx unix.Timex
	if _, err := unix.Adjtimex(&tx); err == nil {
		if st, _ := adjtimex(); st.synchronized != (tx.Status&unix.STA_UNSYNC == 0) {
			t.Errorf("%+v, status %#x", st, tx.Status)
		}
	}
}
