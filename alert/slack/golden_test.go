package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

var update = flag.Bool("update", false, "rewrite testdata; then `go run ./bench/blockkit` draws docs/img")

// situation is one picture: alerts of an incident, of which the last request is
// shown.
type situation struct {
	name   string
	alerts []alert.Alert
	pick   int    // request to show, from the end; 0 = the last
	refuse string // Slack's word for the first request
	trend  func(i int) float64
}

var start = time.Date(2026, 11, 25, 9, 41, 30, 0, time.UTC)

func at(phase string, after time.Duration, f func(*alert.Alert)) alert.Alert {
	const id = "9354bde320c04b5a0a01d2dd2cf3802c"
	a := alert.Alert{
		Schema: 1, Key: id + "." + phase, Incident: id, Phase: phase, Severity: alert.Critical, State: alert.Firing, Host: "web-1", Labels: map[string]string{"env": "prod", "team": "web"},
		Rule: "disk-full", Target: "/var", Metric: "disk_used_percent", Unit: "Percent", Value: 96.2, Threshold: num(95),
		Summary:   "a disk is nearly full on /var: disk_used_percent 96.2 % (min over 10 s), above 95 % for 30 s",
		StartedAt: start, ChangedAt: start.Add(after), SilenceCommand: "firewatch silence add --rule disk-full --target /var --for 2h", Agent: alert.Agent{Version: "0.2.0"},
	}
	if phase == alert.PhaseResolved {
		a.State, a.ResolvedAt = alert.Resolved, a.ChangedAt
	}
	if f != nil {
		f(&a)
	}
	return a
}

func num(v float64) *alert.Number { n := alert.Number(v); return &n }

func usual(low, high float64) *alert.Range {
	return &alert.Range{Low: alert.Number(low), High: alert.Number(high)}
}

func rampOf(low, high float64) func(int) float64 {
	return func(i int) float64 { return low + (high-low)*math.Pow(float64(i)/(ChartPoints-1), 2) }
}

func burst(calm, peak float64, from int) func(int) float64 {
	return func(i int) float64 {
		if i >= from {
			return peak * (0.93 + 0.07*math.Cos(float64(i)))
		}
		return calm * (1 + 0.15*math.Sin(float64(3*i)))
	}
}

func anomaly(a *alert.Alert) {
	a.Severity, a.Rule, a.Target, a.Metric, a.Unit, a.Value, a.Threshold = alert.Warning, "anomaly-cpu", "", "anomaly_score", "None", 0.81, nil
	a.Summary = "unusual for this host: cpu_usage_active 93.4 %, usually 11 to 38 %; system_load1 31, usually 0.5 to 4"
	a.SilenceCommand = "firewatch silence add --rule anomaly-cpu --for 2h"
	a.Causes = []alert.Cause{{Metric: "cpu_usage_active", Unit: "Percent", Value: 93.4, Usual: usual(11, 38), Share: 0.6}, {Metric: "system_load1", Unit: "None", Value: 31, Usual: usual(0.5, 4), Share: 0.3},
		{Metric: "diskio_await", Target: "nvme0n1", Unit: "Milliseconds", Value: 41, Usual: usual(0.3, 2.2), Share: 0.1}}
}

func memory(a *alert.Alert) {
	a.Rule, a.Target, a.Metric, a.Value, a.Threshold = "memory-low", "", "mem_available_percent", 2.1, num(4)
	a.Summary = "memory is running out: mem_available_percent 2.1 % (avg over 30 s), below 4 % for 1 min"
	a.SilenceCommand = "firewatch silence add --rule memory-low --for 2h"
	a.Culprits = []alert.Culprit{{PID: 48213, Command: "java -Xmx24g -jar search.jar", User: "search", Unit: "search.service", What: "memory_rss Bytes", Value: 25 << 30},
		{PID: 1172, Command: "postgres: autovacuum worker", User: "postgres", What: "memory_rss Bytes", Value: 2.4e9}, {PID: 51, Command: "python3 train.py", User: "1000", Pod: "ml/train-7c9d", What: "memory_rss Bytes", Value: 1.1e9}, {PID: 7, What: "x"}}
}

func storm(n int) func(*alert.Alert) {
	all := []alert.Member{{Rule: "io-stalled", Severity: alert.Warning, State: alert.Firing, Summary: "tasks wait for io 82 % of the time"}, {Rule: "disk-slow", Target: "nvme0n1", Severity: alert.Warning, State: alert.Firing, Summary: "await 412 ms, usually 0.3 to 2.2 ms"},
		{Rule: "probe-failing", Target: "shop", Severity: alert.Critical, State: alert.Firing, Summary: "no answer within 5 s"}, {Rule: "disk-readonly", Target: "/srv", Severity: alert.Critical, State: alert.Firing, Summary: "the file system turned read-only"}}
	return func(a *alert.Alert) {
		a.Severity, a.Rule, a.Target, a.Metric, a.Unit, a.Value, a.Threshold = alert.Warning, "io-stalled", "", "pressure_io_full_avg60", "Percent", 82, num(70)
		a.Summary = "the host stands still waiting for its disks: pressure_io_full_avg60 82 %, above 70 % for 5 min"
		a.SilenceCommand = "firewatch silence add --rule io-stalled --for 2h"
		a.Members = all[:n]
		if n > 2 {
			a.Severity = alert.Critical
		}
	}
}

func evil(a *alert.Alert) {
	const text = "<!channel> <https://evil.example|click> \u202egnp.exe \x1b[31m&lt; `rm -rf /` *bold*"
	a.Host, a.Target, a.Summary, a.Rule = "web-1<!here>", "/mnt/"+text, "a disk is nearly full on /mnt/"+text, "disk-full"
	a.Labels = map[string]string{"team": "<@U012AB3CD>"}
	a.Culprits = []alert.Culprit{{PID: 66, Command: text, User: "<!everyone>", What: "diskio_write_bytes Bytes/Second", Value: 1e8}}
	a.SilenceCommand = "firewatch silence add --rule disk-full --target '/mnt/<!channel> `x`' --for 2h"
}

func situations() []situation {
	digest := at(alert.PhaseDigest, 3*time.Hour, func(a *alert.Alert) {
		storm(4)(a)
		a.Rule, a.Metric, a.Value, a.Threshold, a.SilenceCommand, a.Severity = "digest", "", alert.Number(math.NaN()), nil, "", alert.Critical
		a.Summary = "chat was out of reach: 14 incidents changed meanwhile, 2 still fire, 12 began and ended"
		for i := range a.Members[:2] {
			a.Members = append([]alert.Member(nil), a.Members...)
			a.Members[i].State = alert.Resolved
		}
	})
	fires := at(alert.PhaseFiring, 30*time.Second, nil)
	return []situation{
		{name: "01-threshold", alerts: []alert.Alert{fires}, trend: rampOf(71, 96.2)},
		{name: "02-anomaly", alerts: []alert.Alert{at(alert.PhaseFiring, time.Minute, anomaly)}, trend: burst(24, 96, 17)},
		{name: "03-who-did-it", alerts: []alert.Alert{at(alert.PhaseFiring, time.Minute, memory)}, trend: rampOf(38, 2.1)},
		{name: "04-many-members", alerts: []alert.Alert{at(alert.PhaseFiring, 5*time.Minute, storm(4))}, trend: burst(6, 84, 16)},
		{name: "05-progress", alerts: []alert.Alert{fires, at("update-1", 12*time.Minute, func(a *alert.Alert) {
			a.Value, a.Summary = 98.9, "a disk is nearly full on /var: disk_used_percent 98.9 %, full in about 25 min"
		})}, trend: rampOf(76, 98.9)},
		{name: "06-escalation", alerts: []alert.Alert{at(alert.PhaseFiring, 5*time.Minute, storm(2)), at("update-1", 7*time.Minute, storm(3))}, trend: burst(6, 84, 16)},
		{name: "07-new-critical", alerts: []alert.Alert{at(alert.PhaseFiring, 5*time.Minute, storm(3)), at("update-1", 9*time.Minute, storm(4))}, trend: burst(6, 84, 16)},
		{name: "08-resolved", alerts: []alert.Alert{fires, at(alert.PhaseResolved, 41*time.Minute, func(a *alert.Alert) { a.Value, a.Summary = 61, "disk_used_percent on /var is 61 % again, below 93 %" })}, trend: func(i int) float64 {
			return map[bool]float64{true: 97, false: 61}[i < 17]
		}},
		{name: "09-digest", alerts: []alert.Alert{digest}},
		{name: "10-from-a-script", alerts: []alert.Alert{at(alert.PhaseFiring, 0, func(a *alert.Alert) {
			a.Rule, a.Target, a.Metric, a.Unit, a.Value, a.Threshold, a.Severity = "send", "backup", "", "", alert.Number(math.NaN()), nil, alert.Info
			a.Summary, a.SilenceCommand = "nightly backup took 6 h 12 min, 3 times as long as yesterday", "firewatch silence add --rule send --target backup --for 2h"
		})}},
		{name: "11-hostile-names", alerts: []alert.Alert{at(alert.PhaseFiring, 30*time.Second, evil)}, trend: rampOf(71, 96.2)},
		{name: "12-chart-refused", alerts: []alert.Alert{at(alert.PhaseFiring, time.Minute, anomaly)}, trend: burst(24, 96, 17), refuse: "invalid_blocks"},
	}
}

// golden is a file of testdata.
type golden struct {
	Situation string            `json:"situation"`
	Method    string            `json:"method"`
	Notifies  bool              `json:"notifies"`
	Text      string            `json:"text"`
	Blocks    []json.RawMessage `json:"blocks"`
}

// TestGolden: 12 situations, request for request as the strict fake took them.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, c := range situations() {
		t.Run(c.name, func(t *testing.T) {
			fake := slackfake.New("xoxb-test")
			fake.AnyRate()
			t.Cleanup(fake.Close)
			s, err := unpaced(New(Config{Name: "chat", Token: conf.NewSecret("xoxb-test"), Channel: "#ops", APIURL: fake.API()}, nil))
			if err != nil {
				t.Fatal(err)
			}
			if c.trend != nil {
				s.trend = func(context.Context, string, string, time.Time) (Hour, error) {
					h := Hour{Unit: "Percent"}
					for i := range ChartPoints {
						h.Means = append(h.Means, c.trend(i))
					}
					return h, nil
				}
			}
			if refuse := c.refuse; refuse != "" {
				fake.Fail(func(string) (int, http.Header, string) {
					defer func() { refuse = "" }()
					if refuse == "" {
						return 0, nil, ""
					}
					return 200, nil, `{"ok":false,"error":"` + refuse + `"}`
				})
			}
			var last alert.Receipt
			for _, a := range c.alerts {
				last = mustSend(t, s, a, last)
			}
			all := fake.Messages()
			m := all[len(all)-1-c.pick]
			compare(t, filepath.Join("testdata", c.name+".json"), golden{c.name, m.Method, m.Notifies(), m.Text, m.Blocks})
		})
	}
}

func compare(t *testing.T, path string, g golden) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(g); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(want, b.Bytes()) {
		t.Errorf("%s is not what is sent now (%v); look at it, then go test ./alert/slack -update\n%s", path, err, strings.TrimSpace(b.String()))
	}
}
