package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/collect/culprit"
	"github.com/firewatch-agent/firewatch/detect"
)

// TestCulpritIsNamed: a process ran while a rule fired; the alert names it, and
// so does the resolved one.
func TestCulpritIsNamed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	ran := func(ticks int) {
		for name, text := range map[string]string{"10/stat": fmt.Sprintf("10 (dd) R 1 1 1 0 -1 0 0 0 0 0 %d 0 0 0 20 0 1 0 5 1000 9\n", ticks), "10/comm": "dd\n"} {
			if err := os.MkdirAll(filepath.Join(root, "10"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := newSuspects(t.Context(), collect.Host{Proc: root, Root: root}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	blame := func(boot time.Duration, a alert.Alert) alert.Alert {
		for range 100 { // on a busy machine a tick may have to go without
			list := []alert.Alert{a}
			if s.blame(list, 1, boot); len(list[0].Culprits) > 0 || a.State == alert.Resolved {
				return list[0]
			}
			boot += time.Second
		}
		t.Fatal("nobody is named")
		return a
	}
	ran(0)
	s.wait(question{boot: time.Hour, full: true})
	ran(1_000_000)
	got := blame(time.Hour+time.Second, alert.Alert{Rule: "r", Metric: "cpu_usage_active", State: alert.Firing, Summary: "busy"})
	if c := got.Culprits[0]; c.PID != 10 || c.Command != "dd" || c.What != "cpu_usage Percent" || got.Summary != "busy, by dd (pid 10)" {
		t.Errorf("%+v", got)
	}
	if got := blame(time.Hour+2*time.Second, alert.Alert{Rule: "r", Metric: "cpu_usage_active", State: alert.Resolved}); len(got.Culprits) != 1 || len(s.told) != 0 {
		t.Errorf("%+v, %d still told", got, len(s.told))
	}
}

// TestBlameNeverHoldsTheTick: with a pass that hangs, a tick in which an alert
// starts is late by blameWait at most, and any other not at all.
func TestBlameNeverHoldsTheTick(t *testing.T) {
	t.Parallel()
	s := &suspects{ask: make(chan question, 1), told: map[string][]alert.Culprit{}} // nobody answers
	began := time.Now()
	for range 100 {
		s.blame(nil, 1, time.Hour)
	}
	if took := time.Since(began); took > blameWait {
		t.Errorf("a hundred ticks took %s", took)
	}
	alerts := []alert.Alert{{Rule: "r", Metric: "cpu_usage_active", State: alert.Firing}}
	began = time.Now()
	s.blame(alerts, 0, time.Hour)
	if took := time.Since(began); took < blameWait/2 || took > 20*blameWait || len(alerts[0].Culprits) != 0 {
		t.Errorf("took %s: %+v", took, alerts[0])
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for metric, want := range map[string]culprit.Kind{
		"cpu_usage_active": culprit.CPU, "mem_available_percent": culprit.Memory, "diskio_await": culprit.IO, "fd_used_percent": culprit.Files,
		"netstat_tcp_established": culprit.Sockets, "netstat_tcp_retrans_percent": culprit.None, "processes_forked": culprit.Children,
		"net_bytes_recv": culprit.None, "probe_duration": culprit.None, "netstat_tcp_listen_overflows": culprit.None, "disk_readonly": culprit.None,
		"disk_inodes_used_percent": culprit.IO, "processes_running_per_cpu": culprit.CPU, "processes_total_threads": culprit.Threads, "cpu_usage_iowait": culprit.IO, "cpu_usage_steal": culprit.None, "netstat_tcp_timeouts": culprit.None, "": culprit.None,
	} {
		if got := kindOf(alert.Alert{Metric: metric}); got != want {
			t.Errorf("%s: %d, want %d", metric, got, want)
		}
	}
	for metric, want := range map[string]culprit.Kind{"diskio_write_bytes": culprit.IO, "net_bytes_sent": culprit.None, "resolver_duration": culprit.None} {
		if got := kindOf(alert.Alert{Metric: detect.RankMetric, Causes: []alert.Cause{{Metric: metric}, {Metric: "cpu_usage_active"}}}); got != want {
			t.Errorf("an anomaly of %s: %d, want %d", metric, got, want)
		}
	}
}

func TestAccuse(t *testing.T) {
	t.Parallel()
	a := alert.Alert{Summary: "slow"}
	accuse(&a, culprit.Report{Unseen: "disk I/O of other users' processes", Processes: []culprit.Process{{PID: 7, Command: "dd\x1b[2J", User: "bob", What: "diskio_write_bytes Bytes/Second", Value: 5}}})
	if want := "slow, by dd[2J (pid 7); not visible to this user: disk I/O of other users' processes"; a.Summary != want || len(a.Culprits) != 1 {
		t.Errorf("%q, want %q", a.Summary, want)
	}
}
