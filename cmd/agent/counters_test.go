package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
)

// TestOwnMetrics: a real agent gives all the metrics of the documented list, of
// their types, and no others; Prometheus' own parser takes the whole scrape,
// with every series of the newest tick in it once.
func TestOwnMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := newAgent(t.Context(), env{out: &bytes.Buffer{}, err: &bytes.Buffer{}}, runOptions{stateDir: dir, socket: filepath.Join(dir, "agent.sock")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, m := range ownMetrics() {
		want[m[0]] = m[1]
	}
	seen := map[string]bool{}
	for _, c := range a.Counters() {
		name, _, _ := strings.Cut(c.Name, "{")
		if kind := map[bool]string{true: "gauge", false: "counter"}[c.Gauge]; want[name] != kind {
			t.Errorf("%s is a %s; the list says %q", name, kind, want[name])
		}
		if strings.HasSuffix(name, "_total") == c.Gauge {
			t.Errorf("%s: a counter ends in _total, and no gauge does", name)
		}
		seen[name] = true
	}
	for name := range want {
		if !seen[name] && !strings.HasPrefix(name, "firewatch_collector_") && !strings.HasPrefix(name, "firewatch_sink_") && !strings.HasPrefix(name, "firewatch_anomaly_") {
			t.Errorf("%s is in the list and not in /metrics", name)
		}
	}
	var b bytes.Buffer
	a.frame = collect.Frame{Samples: []collect.Sample{{Metric: "mem_used_percent", Value: 12}, {Metric: "disk_used_percent", Target: `/a "b"\`, Value: 50}}}
	for _, m := range config.Metrics() { // one series of each that there can be
		if m.Name != "mem_used_percent" && m.Name != "disk_used_percent" {
			a.frame.Samples = append(a.frame.Samples, collect.Sample{Metric: m.Name, Value: 1})
			a.metrics[m.Name] = m
		}
	}
	web.WriteMetrics(&b, a)
	problems, err := promlint.New(bytes.NewReader(b.Bytes())).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		if p.Metric != "firewatch_statsd_gauge" { // StatsD's own word for what it holds
			t.Errorf("promlint: %s: %s", p.Metric, p.Text)
		}
	}
	names := map[string]string{}
	for _, m := range config.Metrics() {
		if n := web.PrometheusName(m); names[n] != "" {
			t.Errorf("%s and %s are both %s", names[n], m.Name, n)
		} else {
			names[n] = m.Name
		}
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(families["firewatch_mem_used_percent"].GetMetric()) != 1 || families["firewatch_disk_used_percent"].GetMetric()[0].GetLabel()[0].GetValue() != `/a "b"\` {
		t.Errorf("the parser understood other series: %v", families)
	}
}

var (
	prometheusName = regexp.MustCompile(`\bfirewatch_[a-z0-9_]+`)
	alertName      = regexp.MustCompile(`(?m)^\s*- alert: .*$`)
)

// TestDashboards: all that the dashboards and rules name exists.
func TestDashboards(t *testing.T) {
	t.Parallel()
	exists, metrics := map[string]bool{}, map[string]bool{}
	for _, m := range ownMetrics() {
		exists[m[0]] = true
	}
	for _, m := range config.Metrics() {
		metrics[m.Name] = true
		exists[web.PrometheusName(m)] = true
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("..", "..", "packaging", "dashboards", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, name := range []string{"grafana.json", "prometheus-rules.yml"} {
		text := alertName.ReplaceAllString(string(read(name)), "")
		found := prometheusName.FindAllString(text, -1)
		for _, m := range found {
			if !exists[m] {
				t.Errorf("%s names %s, which there is not", name, m)
			}
		}
		if len(found) < 8 {
			t.Errorf("%s names %d metrics only", name, len(found))
		}
	}
	var grafana map[string]any
	if err := json.Unmarshal(read("grafana.json"), &grafana); err != nil {
		t.Error(err)
	}
	var board struct {
		Widgets []struct {
			Properties struct {
				Metrics [][]any
			}
		}
	}
	if err := json.Unmarshal(read("cloudwatch.json"), &board); err != nil || len(board.Widgets) == 0 {
		t.Fatalf("%d widgets, %v", len(board.Widgets), err)
	}
	named := regexp.MustCompile(`MetricName="([a-z0-9_]+)`)
	for _, w := range board.Widgets {
		for _, m := range w.Properties.Metrics {
			expression, _ := m[0].(map[string]any)
			text, _ := expression["expression"].(string)
			found := named.FindStringSubmatch(text)
			if found == nil || !metrics[found[1]] && !slices.Contains([]string{"firewatch_up"}, found[1]) {
				t.Errorf("cloudwatch.json: %q names no metric of ours", text)
			}
		}
	}
}
