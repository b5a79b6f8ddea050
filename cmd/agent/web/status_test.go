package web

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

func httpRequest(method, path string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "localhost"
	return r
}

// pageOf is the status page of s.
func pageOf(s Status) string {
	w := httptest.NewRecorder()
	a := &fakeAgent{status: s}
	(&page{agent: a, drawer: drawer{agent: a}, csrf: "token"}).write(context.Background(), w, spans[1])
	return w.Body.String()
}

func answer(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var tags = regexp.MustCompile(`</?[a-z0-9!]+( [a-zA-Z0-9-]+(="[^"<>]*")?)*/?>`)

// names are tags without the values of their attributes, which may hold text.
func names(page string) string {
	return quoted.ReplaceAllString(strings.Join(tags.FindAllString(page, -1), ""), "=")
}

var quoted = regexp.MustCompile(`="[^"]*"`)

// TestUntrustedTextOnThePage: whatever text comes from the host, the page has
// the same tags as with none, and no other angle bracket.
func TestUntrustedTextOnThePage(t *testing.T) {
	t.Parallel()
	render := func(s string) string {
		return pageOf(Status{
			Host: s, Version: s, Outbox: Outbox{Health: alert.Health{Durable: false, Error: s}},
			Incidents:  []alert.Incident{{Severity: alert.Severity(s), State: alert.Firing, Summary: s}, {State: alert.State(s), Summary: s}},
			Vitals:     []Vital{{Name: s, Unit: s, Value: 1}},
			Sinks:      []alert.SinkStatus{{Name: s, State: s, LastError: s}},
			Collectors: []Collector{{Name: s, State: s, Reason: s}},
		})
	}
	want := names(render("x"))
	check := func(t rapid.TB, text string) {
		got := render(text)
		if rest := tags.ReplaceAllString(got, ""); strings.ContainsAny(rest, "<>") || names(got) != want {
			t.Errorf("%.60q breaks the page:\n%.3000s", text, got)
		}
	}
	for _, text := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</title><b>", "<\x00b>", "\u202e<b>", "&lt;b&gt;", "'<b>'", strings.Repeat("<b>", 500)} {
		check(t, text)
	}
	pieces := rapid.SampledFrom([]string{"<", ">", "\"", "'", "&", "b", "/", "script", "\x00", "\u200b", "\xff", "=", " ", "&lt;"})
	rapid.Check(t, func(t *rapid.T) {
		check(t, strings.Join(rapid.SliceOfN(pieces, 0, 20).Draw(t, "text"), ""))
	})
}

func TestSentence(t *testing.T) {
	t.Parallel()
	fires := func(s alert.Severity, what string) alert.Incident {
		return alert.Incident{Severity: s, State: alert.Firing, Summary: what}
	}
	durable := Outbox{Health: alert.Health{Durable: true}}
	for want, s := range map[string]Status{
		"This host is all right: no rule fires.":                                                           {Outbox: durable},
		"One thing is wrong (warning): disk fills":                                                         {Outbox: durable, Incidents: []alert.Incident{fires("warning", "disk fills")}},
		"2 things are wrong, the worst (critical): no memory":                                              {Outbox: durable, Incidents: []alert.Incident{fires("info", "a"), fires("critical", "no memory"), {State: alert.Resolved, Severity: "critical"}}},
		"The host is all right as far as the rules can tell, but the agent cannot write to its disk: full": {Outbox: Outbox{Health: alert.Health{Error: "full"}}},
	} {
		if got := Sentence(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if word := map[bool]string{true: `class="verdict ok"`, false: `class="verdict bad"`}[strings.HasPrefix(want, "This")]; !strings.Contains(pageOf(s), word) {
			t.Errorf("%q is not shown with %s", want, word)
		}
	}
}

// line is one of the Prometheus text format, with the only three escapes it has.
var line = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*")*\})?) (-?[0-9.]+(e[+-]?[0-9]+)?)$`)

// sampling is an agent with these samples and counters.
type sampling struct {
	fakeAgent
	counters []Counter
	samples  []collect.Sample
}

func (s *sampling) Counters() []Counter       { return s.counters }
func (s *sampling) Samples() []collect.Sample { return s.samples }
func (s *sampling) MetricInfo(n string) collect.Metric {
	return collect.Metric{Name: n, Unit: "Percent"}
}

func metricsOf(t rapid.TB, a Agent) []string {
	var b strings.Builder
	WriteMetrics(&b, a)
	text := b.String()
	lines := slices.DeleteFunc(strings.Split(strings.TrimSuffix(text, "\n"), "\n"), func(l string) bool { return strings.HasPrefix(l, "# TYPE ") })
	seen := map[string]bool{}
	for _, l := range lines {
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Fatalf("%q is not a line of the text format", l)
		} else if seen[m[1]] {
			t.Fatalf("%s is there twice", m[1])
		} else {
			seen[m[1]] = true
		}
	}
	return lines
}

func TestMetricsLines(t *testing.T) {
	t.Parallel()
	f := &sampling{
		counters: []Counter{{Name: "firewatch_ticks_total", Value: 12}, {Name: `firewatch_sink_up{sink="ops"}`, Value: 1, Gauge: true}, {Name: "firewatch_process_cpu_percent", Value: 0.25, Gauge: true}},
		samples: []collect.Sample{
			{Metric: "cpu_usage_active", Value: 83.5}, {Metric: "mem_used_percent", Value: 41}, {Metric: "my-probe", Target: "x", Value: 1e9},
			{Metric: "disk_used_percent", Target: "/mnt/\"a\"\\b\tc\u202e\n\xffd", Dims: []collect.Label{{Name: "fstype", Value: "ext4"}}, Value: 5},
			{Metric: "mem_used_percent", Target: "late", Value: 2}, // a family's lines stand together
		},
	}
	want := []string{
		"firewatch_ticks_total 12", `firewatch_sink_up{sink="ops"} 1`, "firewatch_process_cpu_percent 0.25",
		"firewatch_cpu_usage_active_percent 83.5", "firewatch_mem_used_percent 41", `firewatch_mem_used_percent{target="late"} 2`, `firewatch_my_probe_percent{target="x"} 1e+09`,
		`firewatch_disk_used_percent{target="/mnt/\"a\"\\b` + "\tc\u202e" + `\n?d",fstype="ext4"} 5`,
	}
	if got := metricsOf(t, f); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for unit, want := range map[string]string{"Bytes": "firewatch_net_bytes", "Bytes/Second": "firewatch_net_bytes_per_second", "Seconds": "firewatch_net_bytes_seconds", "None": "firewatch_net_bytes", "": "firewatch_net_bytes"} {
		if got := seriesName(collect.Sample{Metric: "net_bytes"}, collect.Metric{Unit: unit}); got != want {
			t.Errorf("%s: %s, want %s", unit, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lines := metricsOf(t, &sampling{samples: []collect.Sample{{Metric: "disk_used_percent", Target: rapid.String().Draw(t, "target"), Value: rapid.Float64Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "value")}}})
		if len(lines) != 1 {
			t.Fatalf("%q", lines)
		}
	})
}
