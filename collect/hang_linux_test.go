package collect_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestRealHang: a file whose open blocks in the kernel (a FIFO that nobody
// writes) takes its collector out for as long as it blocks, and nothing else.
func TestRealHang(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	fifo := filepath.Join(root, "meminfo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "loadavg"), []byte("1.00 2.00 3.00 1/2 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := collect.Host{Proc: root}
	set := collect.NewSet([]collect.Collector{collect.NewMem(h), collect.NewLoad(h)}, collect.SetOptions{Interval: 200 * time.Millisecond})
	for i := range 3 {
		f := set.Collect(t.Context(), time.Now(), time.Duration(i)*time.Second)
		if len(f.Samples) != 4 || !strings.Contains(f.Errors["mem"], "hangs since") {
			t.Fatalf("frame %d: %d samples, %v", i, len(f.Samples), f.Errors)
		}
	}
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("MemTotal: 100 kB\nMemAvailable: 40 kB\n"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fifo, fifo+".old"); err != nil { // the next call reads a plain file
		t.Fatal(err)
	}
	if err := os.WriteFile(fifo, []byte("MemTotal: 100 kB\nMemAvailable: 40 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, end := 0, time.Now().Add(10*time.Second); ; i++ {
		f := set.Collect(t.Context(), time.Now(), time.Duration(3+i)*time.Second)
		if len(f.Samples) > 4 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not back: %v", f.Errors)
		}
	}
	if st := set.Status()[0]; st.State != "error" || !strings.Contains(st.Reason, "vmstat") {
		t.Errorf("%+v", st) // its other file is missing, and said so
	}
}
