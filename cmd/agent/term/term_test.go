package term

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

var start = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)

// healthy is a host in order.
func healthy() web.Status {
	s := web.Status{Host: "web1", System: "debian 12.5, kernel 6.1", Version: "1.0", PID: 42, StartedAt: start, Now: start.Add(182 * time.Second),
		Config: "built-in rules (no config file)", StateDir: "/var/lib/firewatch", Interval: 1, Ticks: 182, Series: 86,
		Self: web.Self{CPUPercent: 0.1, RSSBytes: 18 << 20}, Sinks: []alert.SinkStatus{{Name: "terminal", State: "ok", Sent: 2}},
		Vitals: []web.Vital{{Name: "cpu", Unit: "Percent", Value: 12.5}, {Name: "mem", Unit: "Percent", Value: 40}, {Name: "disk await", Unit: "Milliseconds", Value: 0.8}}}
	s.Outbox.Durable = true
	for _, n := range []string{"cpu", "load", "mem", "psi", "diskio", "net", "netstat", "limits", "processes", "resolver", "disk"} {
		s.Collectors = append(s.Collectors, web.Collector{Name: n, State: "ok", Series: 5})
	}
	s.Collectors = append(s.Collectors, web.Collector{Name: "runqueue", State: "skipped", Reason: "/proc/schedstat is absent"})
	s.Rules = []web.RuleStatus{{Rule: "disk-full", State: "quiet"}, {Rule: "probe-failing", State: "no data"}, {Rule: "anomaly-cpu", State: "learning 3/60 min"}}
	return s
}

func TestStart(t *testing.T) {
	t.Parallel()
	want := `firewatch 1.0 watches web1 (debian 12.5, kernel 6.1)
  collectors  11 every 1 s, 86 series: cpu, load, mem, psi, diskio, net, netstat, limits, processes, resolver, disk
  skipped     runqueue (/proc/schedstat is absent)
  rules       1 watch, 1 wait for data; anomaly detection learns
  alerts go   to terminal
  config      built-in rules (no config file); state in /var/lib/firewatch
`
	if diff := cmp.Diff(want, Style(false).Start(healthy(), []string{"terminal"})); diff != "" {
		t.Error(diff)
	}
}

func TestStatusFitsASmallTerminal(t *testing.T) {
	t.Parallel()
	got := Style(false).Status(healthy())
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 80 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
	for _, text := range []string{"web1: This host is all right", "up 3 min 2 s: 182 ticks", "cpu 12.5 %, mem 40 %, disk await 0.8 ms", "runqueue  skipped", "anomaly-cpu    learning 3/60 min", "terminal  ok  0 owed  2 delivered"} {
		if !strings.Contains(strings.Join(lines, "\n"), text) && !strings.Contains(strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(text), " ")) {
			t.Errorf("no %q in\n%s", text, got)
		}
	}
}

// TestSilencedAndTakenOn: both are said, and nothing is then called late.
func TestSilencedAndTakenOn(t *testing.T) {
	t.Parallel()
	got := Style(false).Incidents([]alert.Incident{{ID: "9354bde320c04b5a0a01d2dd2cf3802c", Severity: alert.Warning, State: alert.Firing, StartedAt: start, Summary: "backup failed",
		Silenced: "ebcf3665", Acknowledged: &alert.Ack{By: "ann", At: start}, Sinks: []alert.Delivery{{Sink: "ops", Confirmed: "firing", Owed: "update-1"}}}}, start)
	for _, text := range []string{"taken on by ann at ", "silenced by ebcf3665: what is owed is kept back", "ops: has firing, update-1 is kept back"} {
		if !strings.Contains(got, text) || strings.Contains(got, "failed attempts") {
			t.Errorf("no %q in\n%s", text, got)
		}
	}
}

func TestStatusOfTrouble(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.Incidents = []alert.Incident{{ID: "9354bde320c04b5a0a01d2dd2cf3802c", Severity: alert.Critical, State: alert.Firing, StartedAt: start, Summary: "a disk is nearly full on /var",
		Sinks: []alert.Delivery{{Sink: "ops", Owed: "firing", Attempts: 3, LastError: "connection refused"}, {Sink: "pager", Dead: 1, LastError: "the receiver answered 404"}}}}
	s.Outbox.Durable, s.Outbox.Error = false, "no space left on device"
	got := Style(false).Status(s)
	for _, text := range []string{"One thing is wrong (critical): a disk is nearly full on /var", "CRITICAL 9354bde320c04b5a0a01d2dd2cf3802c", "ops: has nothing yet, owed firing, 3 failed attempts: connection\n           refused", "pager: has nothing yet, dead letters 1: the receiver answered 404", "THE DISK FAILS, alerts are kept in memory: no space left on device"} {
		if !strings.Contains(got, text) {
			t.Errorf("no %q in\n%s", text, got)
		}
	}
}

func firing() alert.Alert {
	return alert.Alert{Severity: alert.Critical, State: alert.Firing, Phase: alert.PhaseFiring, ChangedAt: start, Summary: "tcp sends again",
		Causes: []alert.Cause{{Metric: "netstat_tcp_retrans", Unit: "Count/Second", Value: 9.4, Usual: &alert.Range{Low: 0, High: 0.3}}}, Culprits: []alert.Culprit{{PID: 7, Command: "rsync", User: "bob", What: "cpu", Value: 90}}}
}

func TestAlert(t *testing.T) {
	t.Parallel()
	got := Style(false).Alert(firing())
	for _, text := range []string{"CRITICAL tcp sends again\n", "    netstat_tcp_retrans 9.4/s, usually 0/s to 0.3/s\n", "    by rsync (pid 7, bob): cpu 90\n"} {
		if !strings.Contains(got, text) {
			t.Errorf("no %q in %q", text, got)
		}
	}
	a := firing()
	a.State, a.Summary = alert.Resolved, "resolved after 5 s"
	if got := Style(false).Alert(a); !strings.Contains(got, "RESOLVED resolved after 5 s") || strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	}
}

// TestNoForeignEscapes: neither a summary nor a name reaches the terminal's own
// language, and without colour nothing of ours does.
func TestNoForeignEscapes(t *testing.T) {
	t.Parallel()
	evil := "\x1b]0;pwned\x07\u202e\x9b31m\r\n"
	a := firing()
	a.Summary, a.Causes[0].Metric, a.Culprits[0].Command, a.Culprits[0].User = evil, evil, evil, evil
	s := healthy()
	s.Host, s.System, s.Config = evil, evil, evil
	s.Incidents = []alert.Incident{{Summary: evil, Sinks: []alert.Delivery{{LastError: evil}}}}
	s.Collectors[11].Reason = evil
	st := Style(false)
	for _, text := range []string{st.Alert(a), st.Status(s), st.Start(s, nil), st.Incidents(s.Incidents, start), st.TestAlert([]web.TestResult{{Error: evil}}), st.DeadLetters([]alert.DeadLetter{{Summary: evil, Error: evil}})} {
		if strings.ContainsAny(text, "\x1b\x07\u202e\r") {
			t.Errorf("%q", text)
		}
	}
	if !strings.Contains(Style(true).Alert(firing()), "\x1b[1;31m") {
		t.Error("no colour where it is wanted")
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := &Screen{out: &b, width: func() int { return 20 }}
	s.Bottom("a line that is too long for it")
	s.Print("an alert\n")
	s.Bottom("short")
	s.End("bye")
	s.Bottom("after the end")
	want := "\r\x1b[Ka line that is too…" + "\r\x1b[Kan alert\n" + "a line that is too…" + "\r\x1b[Kshort" + "\r\x1b[K" + "bye\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSinks(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	a := firing()
	a.Key = "k.firing"
	terminal := NewSink(&Screen{out: &b, width: func() int { return 80 }})
	if r, err := terminal.Send(t.Context(), a, alert.Receipt{}); err != nil || r.ID != "k.firing" || !strings.Contains(b.String(), "tcp sends again") {
		t.Errorf("%v %v %q", r, err, b.String())
	}
	b.Reset()
	journal := NewJournal(slog.New(slog.NewTextHandler(&b, nil)))
	if r, err := journal.Send(t.Context(), a, alert.Receipt{}); err != nil || r.ID != "k.firing" || !strings.Contains(b.String(), "level=ERROR") {
		t.Errorf("%v %v %q", r, err, b.String())
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.Late = 1
	s.Sinks[0].Owed = 2
	want := "ran 3 min 2 s, 182 ticks, 1 late, 0 dropped, 1 alert\nused 0.1 % of one core and 18 MiB of memory\nterminal: 2 still owed; they are on disk and go with the next run"
	if diff := cmp.Diff(want, Style(false).Summary(s, 1)); diff != "" {
		t.Error(diff)
	}
}

func TestTestAlert(t *testing.T) {
	t.Parallel()
	got := Style(false).TestAlert([]web.TestResult{{Sink: "ops", OK: true, Firing: 41.2, Resolved: 38, Attempts: 1, Receipt: "17.1"}, {Sink: "sns", Error: "access denied"}})
	for _, text := range []string{"ops   delivered  41.2 ms  38 ms", "sns   FAILED     -        -", "access denied"} {
		if !strings.Contains(got, text) {
			t.Errorf("no %q in\n%s", text, got)
		}
	}
	if Style(false).Incidents(nil, start) != "no open incidents\n" || fmt.Sprint(Style(false).DeadLetters(nil)) != "no dead letters\n" {
		t.Error("empty lists")
	}
}
