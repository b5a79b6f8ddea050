package term

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// clockTime is in the zone of whoever looks, so the files hold 00:00:00 UTC.
var clockTime = regexp.MustCompile(`\d\d:\d\d:\d\d [A-Z+-][A-Za-z0-9+-]*`)

const hostile = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202eesrever\r\nFAKE line\x9b2J"

// screens are all that a person sees, by name.
func screens(s Style) map[string]string {
	fires := firing()
	ends := firing()
	ends.State, ends.Phase, ends.Summary = alert.Resolved, alert.PhaseResolved, "resolved after 41 s, worst 9.4/s: tcp sends again"
	warns := firing()
	warns.Severity, warns.Causes, warns.Culprits = alert.Warning, nil, nil
	evil := firing()
	evil.Summary = hostile
	evil.Causes = []alert.Cause{{Metric: hostile, Target: hostile, Unit: hostile, Usual: &alert.Range{}}}
	evil.Culprits = []alert.Culprit{{Command: hostile, User: hostile, What: hostile}}
	ill := healthy()
	ill.Host = hostile
	ill.Sinks = append(ill.Sinks, alert.SinkStatus{Name: "ops", State: "backing off", Owed: 2, LastError: hostile})
	ill.Incidents = []alert.Incident{
		{ID: "9354bde320c04b5a0a01d2dd2cf3802c", Severity: alert.Critical, State: alert.Firing, StartedAt: start, Summary: hostile,
			Sinks: []alert.Delivery{{Sink: "terminal", Confirmed: "firing"}, {Sink: "ops", Owed: "firing", Attempts: 3, LastError: hostile}}},
		{ID: "0a01d2dd2cf3802c9354bde320c04b5a", Severity: alert.Warning, State: alert.Resolved, StartedAt: start, Summary: "resolved after 1 min"},
	}
	evilOne := &ill.Incidents[0]
	evilOne.Causes = append([]alert.Cause{{Metric: "netstat_tcp_retrans", Unit: "Count/Second", Value: 9.4, Usual: &alert.Range{Low: 0, High: 1.2}, Share: 1}}, evil.Causes...)
	evilOne.Culprits = append([]alert.Culprit{{PID: 812, Command: "curl", User: "www", What: "net_bytes Bytes/Second", Value: 1200}}, evil.Culprits...)
	for range maxWhy + 2 {
		evilOne.Members = append(evilOne.Members, alert.Member{Rule: "tcp-retrans", Target: hostile, Severity: alert.Critical, State: alert.Firing})
	}
	ill.Rules = append(ill.Rules, web.RuleStatus{Rule: "disk-full", Target: hostile, State: "firing", Since: start})
	ill.Outbox.Durable, ill.Outbox.Error = false, hostile
	quiet := healthy()
	return map[string]string{
		"start":          s.Start(quiet, []string{"terminal", "ops"}),
		"vitals":         s.Vitals(start, quiet.Vitals) + "\n",
		"alert-firing":   s.Alert(fires),
		"alert-warning":  s.Alert(warns),
		"alert-resolved": s.Alert(ends),
		"alert-hostile":  s.Alert(evil),
		"summary":        s.Summary(quiet, 2) + "\n",
		"summary-ill":    s.Summary(ill, 1) + "\n",
		"status":         s.Status(quiet),
		"status-ill":     s.Status(ill),
		"incidents":      s.Incidents(ill.Incidents, start.Add(90*time.Second)),
		"test-alert": s.TestAlert([]web.TestResult{{Sink: "ops", OK: true, Firing: 41.2, Resolved: 38, Attempts: 1, Receipt: "1700000000.000100"},
			{Sink: "topic", Attempts: 4, Error: "access denied " + hostile}}),
		"dead-letters": s.DeadLetters([]alert.DeadLetter{{Sink: "ops", At: start, Severity: alert.Warning, Summary: hostile, Error: hostile}}),
	}
}

// TestGolden: go test ./cmd/agent/term -run Golden -update writes the files anew.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, text := range screens(false) {
		file := filepath.Join("testdata", name+".golden")
		got := clockTime.ReplaceAllString(text, "00:00:00 UTC")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

var ours = regexp.MustCompile("\x1b\\[(0|1|2|1;31|33|32)m")

// TestColourIsOnlyColour: with Style the same text comes, painted in our own
// colours; without it no escape at all; and never one of the host's.
func TestColourIsOnlyColour(t *testing.T) {
	t.Parallel()
	painted := screens(true)
	for name, plain := range screens(false) {
		if strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x9b || r == 0x202e }) {
			t.Errorf("%s has control characters: %q", name, plain)
		}
		if got := ours.ReplaceAllString(painted[name], ""); got != plain {
			t.Errorf("%s: %s", name, cmp.Diff(plain, got))
		}
	}
	for _, name := range []string{"start", "alert-firing", "alert-warning", "alert-resolved", "status", "incidents"} {
		if !ours.MatchString(painted[name]) {
			t.Errorf("%s has no colour", name)
		}
	}
	if StyleOf(&strings.Builder{}) {
		t.Error("what is no terminal takes colour")
	}
}

// TestHealthyStatusIsOneScreen: 80 columns by 24 lines also with long names and
// figures, all there is to collect and three sinks.
func TestHealthyStatusIsOneScreen(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.Host, s.Config, s.Version = "ip-10-0-123-231.eu-west-1.compute.internal", "/etc/firewatch/firewatch.toml", "1.0.0-rc.1+0123456789ab"
	s.Now, s.Ticks, s.PID = s.StartedAt.Add(399*24*time.Hour), 34_473_600, 4_194_304
	for _, n := range []string{"system", "swap", "entropy", "kernel", "cgroup", "container", "systemd", "probe"} {
		s.Collectors = append(s.Collectors, web.Collector{Name: n, State: "ok"})
	}
	s.Sinks = append(s.Sinks, alert.SinkStatus{Name: "ops", State: "ok", Sent: 1234}, alert.SinkStatus{Name: "cloudwatch", State: "ok", Sent: 99999})
	lines := strings.Split(strings.TrimRight(Style(false).Status(s), "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}
