package detect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// replay runs the default rules and an anomaly rule over frames.
func replay(t *testing.T, frames []collect.Frame, c AnomalyConfig) []alert.Alert {
	t.Helper()
	rules, err := Rules(DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	anomaly, err := NewAnomaly(c)
	if err != nil {
		t.Fatal(err)
	}
	var metrics []collect.Metric
	for _, c := range collect.All(collect.Host{}, collect.Config{}) {
		metrics = append(metrics, c.Metrics()...)
	}
	d := New(append(rules, anomaly...), Options{Metrics: metrics})
	var out []alert.Alert
	for _, f := range frames {
		out = append(out, d.Observe(f)...)
	}
	return out
}

// changed is frames with change made to the samples of those from at on.
func changed(frames []collect.Frame, at int, change func(i int, s *collect.Sample)) []collect.Frame {
	out := slices.Clone(frames)
	for i := at; i < len(out); i++ {
		out[i].Samples = slices.Clone(out[i].Samples)
		for k := range out[i].Samples {
			change(i, &out[i].Samples[k])
		}
	}
	return out
}

// staysInRange fails where one of the series is beyond what it was before at.
func staysInRange(t *testing.T, frames []collect.Frame, at int, series []string) {
	t.Helper()
	type span struct{ low, high float64 }
	spans := map[key]span{}
	for i, f := range frames {
		for _, s := range f.Samples {
			k := key{s.Metric, s.Target}
			r, known := spans[k]
			switch {
			case !known && i < at:
				spans[k] = span{s.Value, s.Value}
			case i < at:
				spans[k] = span{min(r.low, s.Value), max(r.high, s.Value)}
			case slices.Contains(series, s.Metric):
				if s.Value < r.low || s.Value > r.high {
					t.Fatalf("%s %s: %g is not within %g to %g", s.Metric, s.Target, s.Value, r.low, r.high)
				}
			}
		}
	}
}

// brokenRelation checks that nothing fires on frames, and that the anomaly rule
// and nothing else does once they are broken, soon, by the series named, and
// the same bit for bit when replayed.
func brokenRelation(t *testing.T, frames, broken []collect.Frame, at int, c AnomalyConfig, rule string, series ...string) {
	t.Helper()
	staysInRange(t, broken, at, series)
	if out := replay(t, frames, c); len(out) != 0 {
		t.Errorf("alerts on the frames as they were: %v", out)
	}
	first, again := replay(t, broken, c), replay(t, broken, c)
	x, errX := json.Marshal(first)
	y, errY := json.Marshal(again)
	if errX != nil || errY != nil || string(x) != string(y) {
		t.Error("two replays differ")
	}
	if len(first) == 0 || first[0].State != alert.Firing {
		t.Fatalf("alerts: %s", x)
	}
	for _, a := range first {
		if a.Rule != rule {
			t.Errorf("%s fired too: %s", a.Rule, a.Summary)
		}
	}
	if since := first[0].ChangedAt.Sub(broken[at].Time); since < 0 || since > time.Minute {
		t.Errorf("fired %s after the relation broke", since)
	}
	if got := first[0].Causes; len(got) == 0 || !slices.Contains(series, got[0].Metric) || got[0].Usual == nil {
		t.Errorf("causes: %+v", got)
	}
	if !strings.Contains(first[0].Summary, " per ") || !strings.Contains(first[0].Summary, "usually") {
		t.Errorf("summary: %s", first[0].Summary)
	}
	t.Log(first[0].Summary)
}

// TestIdleButSwitching: the host is as idle as it was before and switches
// contexts as it did before, but under load: never both together.
func TestIdleButSwitching(t *testing.T) {
	t.Parallel()
	frames := recording(t, "testdata/linux-6.18-builds.csv.gz")
	const at = 1500
	broken := changed(frames[:at+120], at, func(_ int, s *collect.Sample) {
		switch s.Metric {
		case "cpu_usage_active":
			s.Value = 2
		case "context_switches":
			s.Value = 60_000
		}
	})
	c := AnomalyConfig{Series: strings.Fields("cpu_usage_active context_switches processes_forked"), Row: seconds(5), Learn: seconds(900), Budget: "1 per day"}
	brokenRelation(t, frames, broken, at, c, "anomaly", "cpu_usage_active", "context_switches")
}

// TestDefaultRulesAreQuietOnBusyHosts: hours would be better than minutes; the
// machines compiled, ran tests, served and archived all the while.
func TestDefaultRulesAreQuietOnBusyHosts(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"testdata/linux-6.18-builds.csv.gz", "testdata/linux-6.18-web.csv.gz"} {
		for _, a := range replay(t, recording(t, path), AnomalyConfig{Enable: new(bool)}) {
			t.Errorf("%s: %s", path, a.Summary)
		}
	}
}
