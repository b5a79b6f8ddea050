//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/internal/awsfake"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// services are the fakes behind the real SDKs; they refuse whatever is over a
// documented limit.
type services struct {
	slack *slackfake.Server
	aws   *awsfake.Server
}

func newServices(t *testing.T) services {
	t.Helper()
	s := services{slackfake.New("xoxb-" + canary), awsfake.New()}
	t.Cleanup(s.slack.Close)
	t.Cleanup(s.aws.Close)
	return s
}

func (s services) config() string {
	return fmt.Sprintf(`
[[sink.slack]]
name = "chat"
token = "xoxb-%s"
channel = "#ops"
api_url = %q

[[sink.sns]]
name = "topic"
topic = "arn:aws:sns:eu-west-1:123456789012:alerts"
endpoint = %q

[[sink.cloudwatch]]
name = "cw"
region = "eu-west-1"
endpoint = %q
`, canary, s.slack.API(), s.aws.URL, s.aws.URL)
}

// states is the series of the flag's alert state at CloudWatch, without repeats: a
// state is told again at the end of each minute, whenever that is.
func (s services) states() []float64 {
	var out []float64
	for _, d := range s.aws.Data() {
		if d.Metric == cloudwatch.StateMetric && d.Dimensions["rule"] == "flag-down" {
			out = append(out, d.Value)
		}
	}
	return slices.Compact(out)
}

// counts is the total of messages, not of unique keys.
func (s services) counts() string {
	return fmt.Sprintf("slack %d, sns %d, cloudwatch %v", len(s.slack.Messages()), len(s.aws.Messages()), s.states())
}

// confirmed reports whether every sink has confirmed the rule's firing alert,
// on disk: a kill before that leaves the delivery ambiguous, and a sink that
// takes no key may then see it twice.
func confirmed(a *agentProc, rule string) bool {
	out, code := a.command("incidents", "--json")
	var list []alert.Incident
	if code != 0 || json.Unmarshal([]byte(out), &list) != nil {
		return false
	}
	for _, i := range list {
		if i.Rule == rule && i.Durable && len(i.Sinks) == 4 {
			return !slices.ContainsFunc(i.Sinks, func(d alert.Delivery) bool { return d.Confirmed != alert.PhaseFiring })
		}
	}
	return false
}

// TestKillNineWhileFiring: no second firing alert, one resolved, whether the
// trouble goes on during the restart or ended while the agent was down.
func TestKillNineWhileFiring(t *testing.T) {
	for name, endedWhileDown := range map[string]bool{"trouble goes on": false, "trouble ended while down": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServices(t)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the services have %s", s.counts())
				}
			})
			file := filepath.Join(t.TempDir(), "flag")
			config := flagRule(t, file) + s.config()
			addr := strings.TrimSpace(readFile(t, file))
			server := startWeb(t, addr)
			a := launch(t, config)
			_ = server.Close()
			a.eventually(30*time.Second, "every sink confirms the firing alert", func() bool { return confirmed(a, "flag-down") })
			if got := s.counts(); got != "slack 1, sns 1, cloudwatch [1]" {
				t.Fatalf("after firing: %s", got)
			}
			a.kill(syscall.SIGKILL)
			if endedWhileDown {
				startWeb(t, addr)
			}
			a.start()
			if !endedWhileDown {
				before := a.status().Ticks
				a.eventually(20*time.Second, "five more ticks", func() bool { return a.status().Ticks >= before+5 })
				if got := s.counts(); got != "slack 1, sns 1, cloudwatch [1]" {
					t.Fatalf("after the restart, while it still fires: %s", got)
				}
				startWeb(t, addr)
			}
			a.eventually(60*time.Second, "the resolved alert everywhere", func() bool { return s.counts() == "slack 2, sns 2, cloudwatch [1 0]" })
			after := a.status().Ticks
			a.eventually(20*time.Second, "three more ticks", func() bool { return a.status().Ticks >= after+3 })
			if got := s.counts(); got != "slack 2, sns 2, cloudwatch [1 0]" {
				t.Errorf("at the end: %s", got)
			}
			if m := s.slack.Messages(); m[1].Method != "chat.update" || m[1].TS != m[0].TS {
				t.Errorf("the resolution is not an edit of the message: %+v", m)
			}
			if out, code := a.command("outbox", "check"); code != 0 {
				t.Errorf("outbox check: %s", out)
			}
		})
	}
}

// TestSendTwiceIsOnce: the same key twice is one alert, with and without an
// agent.
func TestSendTwiceIsOnce(t *testing.T) {
	s := newServices(t)
	a := launch(t, s.config())
	for range 2 {
		if out, code := a.command("send", "--severity", "critical", "--summary", "backup failed", "--key", "backup"); code != 0 {
			t.Fatal(out)
		}
	}
	a.eventually(20*time.Second, "every sink confirms", func() bool { return confirmed(a, "send") })
	if got := s.counts(); got != "slack 1, sns 1, cloudwatch []" {
		t.Fatalf("after the same key twice: %s", got)
	}
	a.kill(syscall.SIGKILL)
	for range 2 {
		if out, code := a.command("send", "--severity", "critical", "--summary", "disk odd", "--key", "odd"); code != 0 {
			t.Fatal(out)
		}
	}
	if out, code := a.command("send", "--key", "backup", "--resolve"); code != 0 {
		t.Fatal(out)
	}
	a.start()
	a.eventually(30*time.Second, "the new alert and the end of the old one", func() bool { return len(s.aws.Messages()) == 3 })
	a.eventually(20*time.Second, "slack too", func() bool { return len(s.slack.Messages()) == 3 })
	var phases []string
	for _, m := range s.aws.Messages() {
		phases = append(phases, m.Attributes["phase"])
	}
	slices.Sort(phases)
	if got := strings.Join(phases, " "); got != "firing firing resolved" {
		t.Errorf("phases %s", got)
	}
}
