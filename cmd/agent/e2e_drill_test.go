//go:build e2e

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const drillConfig = `
[[sink.webhook]]
name = "good"
url = "GOOD"
[[sink.webhook]]
name = "cut"
url = "CUT"
`

// TestDrills: every drill passes on a quiet host with its sinks up; with one cut
// off it fails and names that one; killed half-way nothing of it is left.
func TestDrills(t *testing.T) {
	var down atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cut" && down.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer s.Close()
	a := launch(t, strings.NewReplacer("GOOD", s.URL+"/good", "CUT", s.URL+"/cut").Replace(drillConfig))
	quiet := func() {
		a.eventually(90*time.Second, "no incident is open", func() bool {
			out, _ := a.command("incidents")
			return strings.Contains(out, "no open incidents")
		})
	}
	a.eventually(20*time.Second, "the CPU is measured", func() bool { out, _ := a.command("status", "--json"); return strings.Contains(out, "cpu_usage_active") })
	for _, kind := range []string{"sink", "memory", "disk", "cpu"} {
		quiet()
		out, code := a.command("drill", kind)
		if strings.Contains(out, "this host is loaded") {
			t.Logf("%s: %s", kind, out)
			continue
		}
		if code != 0 || strings.Count(out, "delivered") != 3 || !strings.Contains(out, "drill-"+kind+" fired after") {
			t.Errorf("drill %s: exit code %d\n%s", kind, code, out)
		}
		t.Logf("%s", out)
	}
	quiet()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, "drill", "disk", "--state-dir", a.state)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	a.eventually(20*time.Second, "the drill begins", func() bool { return strings.Contains(a.log.String(), "drill-disk") })
	_ = c.Process.Signal(syscall.SIGKILL)
	_ = c.Wait()
	if left, err := os.Stat(filepath.Join(a.state, "drill.tmp")); err == nil && left.Size() > 0 {
		t.Errorf("a killed drill left %d bytes", left.Size())
	}
	a.eventually(90*time.Second, "the rule of a killed drill goes", func() bool {
		out, _ := a.command("status", "--json")
		return !strings.Contains(out, "drill-disk")
	})
	quiet()
	down.Store(true)
	out, code := a.command("drill", "sink")
	if code != 1 || !strings.Contains(out, "FAILED") || !strings.Contains(out, "cut") || strings.Count(out, "delivered") != 2 {
		t.Errorf("with a sink cut off: exit code %d\n%s", code, out)
	}
	t.Logf("%s", out)
}
