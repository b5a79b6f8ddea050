package collect

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzProc gives one hostile text to every parser of /proc, as every file it
// reads, twice.
func FuzzProc(f *testing.F) {
	f.Add([]byte("cpu  1 2 3 4 5 6 7 8 9 10\nctxt 5\n"), []byte("cpu  2 3 4 5 6 7 8 9 10 11\nctxt 6\n"))
	f.Add([]byte("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n"), []byte("   8       0 sda 2 3 4 5 6 7 8 9 10 11 12\n"))
	f.Add([]byte("Tcp: A InSegs\nTcp: 1 2\n"), []byte("some avg10=1.00 avg60=nan\n"))
	f.Add([]byte("36 35 8:1 / /mnt\\040x rw - ext4 /dev/sda1 rw\n"), []byte("MemTotal: 5 kB\nMemAvailable: 3 kB\n"))
	root := f.TempDir()
	content := filepath.Join(root, "content") // all files are this one
	files := []string{"stat", "loadavg", "meminfo", "vmstat", "schedstat", "diskstats", "net/dev", "net/snmp", "net/netstat", "net/sockstat",
		"pressure/cpu", "sys/fs/file-nr", "1/stat", "1/mountinfo"}
	for _, name := range files {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.Symlink(content, filepath.Join(root, name)); err != nil {
			f.Fatal(err)
		}
	}
	h := Host{Proc: root, Sys: root, Root: root}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var all []Collector
		for _, c := range All(h, Config{}) {
			if c.Name() != "resolver" {
				all = append(all, c)
			}
		}
		s := NewSet(all, SetOptions{})
		for i, b := range [][]byte{first, second} {
			if err := os.WriteFile(content+".new", b, 0o600); err != nil {
				t.Fatal(err)
			}
			_ = os.Remove(content) // a rename over it would wait for the disk
			if err := os.Rename(content+".new", content); err != nil {
				t.Fatal(err)
			}
			fr := s.Collect(t.Context(), time.Unix(int64(1000+i), 0), time.Duration(i)*time.Second)
			for name, why := range fr.Errors {
				if len(why) >= 6 && why[:6] == "panic:" {
					t.Fatalf("%s: %s", name, why)
				}
			}
		}
	})
}

// FuzzDevices gives hostile text to the parsers of nvidia-smi's table and of the
// kernel's log: numbers are finite, counts only grow.
func FuzzDevices(f *testing.F) {
	f.Add([]byte("0, Tesla T4, 35, 12, 40, 1024, 15360, 70.1, 0\n"))
	f.Add([]byte("0, A, [N/A], [Not Supported], 1e400, -1, nan, 1, 2\n0, again, 1, 2, 3, 4, 5, 6, 7\n"))
	f.Add([]byte("3,1,2,-;I/O error, dev sda, sector 8\n SUBSYSTEM=block\n"))
	f.Add([]byte("6,1,2,-;Out of memory: Killed process 1 (a)\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		samples, _ := gpuTable(b)
		for _, s := range samples {
			if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Target == "" {
				t.Fatalf("%+v", s)
			}
		}
		counts := make([]int, len(kernelTrouble)+1)
		countMessage(b, counts)
		sum := 0
		for _, n := range counts {
			sum += n
		}
		if sum > 2 {
			t.Fatalf("one record counted %d times: %v", sum, counts)
		}
	})
}
