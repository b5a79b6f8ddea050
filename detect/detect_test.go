package detect

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

var testMetrics = []collect.Metric{
	{Name: "m", Unit: "Percent", Subsystem: "cpu", Help: "test", Min: 0, Max: 100},
	{Name: "disk", Unit: "Percent", Subsystem: "disk", Help: "test", Min: 0, Max: 100},
}

func level(v float64) *float64 { return &v }

func seconds(n int) conf.Duration { return conf.Duration(time.Duration(n) * time.Second) }

// rig feeds a detector one frame a second.
type rig struct {
	t       *testing.T
	d       *Detector
	now     time.Time
	started bool
}

func newRig(t *testing.T, rules ...RuleConfig) *rig {
	t.Helper()
	if faults := ValidateRules(rules, testMetrics); len(faults) > 0 {
		t.Fatal(faults)
	}
	made, err := Rules(rules)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, d: New(made, Options{Metrics: testMetrics}), now: time.Unix(1_790_000_000, 0)}
}

// frame is one tick with the given samples of metric m, by target; NaN is a
// missing reading.
func (r *rig) frame(values map[string]float64) []alert.Alert {
	r.now = r.now.Add(time.Second)
	f := collect.Frame{Time: r.now}
	if r.started {
		f.Elapsed = time.Second
	}
	r.started = true
	for target, v := range values {
		if !math.IsNaN(v) {
			f.Samples = append(f.Samples, collect.Sample{Metric: "m", Target: target, Value: v})
		}
	}
	return r.d.Observe(f)
}

// script plays one letter a second: B bad (100), g good (0), b between clear
// and threshold (50), - missing. It returns a letter each: F fired, R
// resolved, U updated, . nothing.
func (r *rig) script(letters string) string {
	out := ""
	for _, c := range letters {
		v := map[rune]float64{'B': 100, 'g': 0, 'b': 50, '-': math.NaN()}[c]
		got := "."
		for _, a := range r.frame(map[string]float64{"": v}) {
			got = map[string]string{alert.PhaseFiring: "F", alert.PhaseResolved: "R", alert.PhaseUpdate: "U"}[a.Phase]
		}
		out += got
	}
	return out
}

func TestScripts(t *testing.T) {
	t.Parallel()
	base := RuleConfig{Name: "r", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80)}
	for _, c := range []struct {
		name, in, want string
		with           func(*RuleConfig)
	}{
		{"three in a row", "BBgBBB", ".....F", func(r *RuleConfig) { r.EvaluationPeriods = 3 }},
		{"for is sugar", "BBgBBB", ".....F", func(r *RuleConfig) { r.For = seconds(3) }},
		{"two of three", "BgB", "..F", func(r *RuleConfig) { r.EvaluationPeriods, r.DatapointsToAlarm = 3, 2 }},
		{"resolves after the hold", "Bgggggggg", "F.....R..", nil},
		{"flapping within the hold is one incident", "BggBggBgggggggg", "F...........R..", nil},
		{"clear holds between the levels", "Bbbbbbbbbgggggggg", "F.............R..", func(r *RuleConfig) { r.Clear = level(30) }},
		{"fires again after a resolve", "BggggggBgggggg", "F.....RF.....R", nil},
		{"missing resolves what fires", "B-------", "F.....R.", nil},
		{"ignore keeps what fires", "B---------", "F.........", func(r *RuleConfig) { r.Missing = "ignore" }},
		{"breaching fires", "g----", ".F...", func(r *RuleConfig) { r.Missing = "breaching" }},
		{"notBreaching resolves", "B-------", "F.....R.", func(r *RuleConfig) { r.Missing = "notBreaching" }},
		{"good from the start", "gggg", "....", nil},
		{"a period must be full", "BBBB", "...F", func(r *RuleConfig) { r.Period = seconds(4) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := base
			if c.with != nil {
				c.with(&cfg)
			}
			if got := newRig(t, cfg).script(c.in); got != c.want {
				t.Errorf("\n in   %s\n got  %s\n want %s", c.in, got, c.want)
			}
		})
	}
}

func TestAlertSaysWhatSinceWhenAndHowLong(t *testing.T) {
	t.Parallel()
	r := newRig(t, RuleConfig{Name: "cpu", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80), EvaluationPeriods: 3, Severity: alert.Critical, Summary: "every core is busy"})
	began := r.now.Add(time.Second)
	var got []alert.Alert
	for range 3 {
		got = append(got, r.frame(map[string]float64{"": 99.84})...)
	}
	for range 10 {
		got = append(got, r.frame(map[string]float64{"": 3})...)
	}
	if len(got) != 2 {
		t.Fatalf("%d alerts, want 2: %v", len(got), got)
	}
	f := got[0]
	if f.State != alert.Firing || f.Severity != alert.Critical || !f.StartedAt.Equal(began) || f.Unit != "Percent" || float64(*f.Threshold) != 80 || math.Abs(float64(f.Value)-99.84) > 1e-3 {
		t.Errorf("%+v", f)
	}
	if want := "every core is busy: m 99.8 % (avg over 1 s), above 80 % for 3 s"; f.Summary != want {
		t.Errorf("summary %q, want %q", f.Summary, want)
	}
	if want := "resolved after 8 s, worst 99.8 %: every core is busy: m 99.8 % (avg over 1 s), above 80 % for 3 s"; got[1].Summary != want {
		t.Errorf("summary %q, want %q", got[1].Summary, want)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	host := RuleConfig{Name: "host", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80)}
	each := host
	each.Name, each.Target = "each", "/data*"
	r := newRig(t, host, each)
	got := r.frame(map[string]float64{"": 1, "/data/a": 90, "/data/b": 95, "/": 99})
	var who []string
	for _, a := range got {
		for _, m := range a.Members {
			who = append(who, m.Rule+" "+m.Target)
		}
	}
	if len(got) != 1 || len(who) != 2 || !strings.HasPrefix(who[0], "each /data/") || !strings.HasPrefix(who[1], "each /data/") {
		t.Errorf("fired for %v", who)
	}
}

// TestVanishedTarget: a disk that is unmounted while its rule fires.
func TestVanishedTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t, RuleConfig{Name: "disk", Metric: "m", Target: "*", Period: seconds(2), Comparison: ">", Threshold: level(80)})
	r.d.opt.Apart = true
	var got []alert.Alert
	for range 4 {
		got = append(got, r.frame(map[string]float64{"/a": 99, "/b": 99})...)
	}
	for range 20 {
		got = append(got, r.frame(map[string]float64{"/b": 99})...)
	}
	got = slices.DeleteFunc(got, func(a alert.Alert) bool { return a.Target != "/a" })
	if len(got) != 2 || got[1].State != alert.Resolved || !strings.Contains(got[1].Summary, "no longer measured") {
		t.Errorf("%v", got)
	}
}

func TestGapIsMissingTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, RuleConfig{Name: "r", Metric: "m", Period: seconds(10), Comparison: ">", Threshold: level(80)})
	for range 9 {
		r.frame(map[string]float64{"": 100})
	}
	// An hour of suspend: the nine bad seconds before it are an hour old.
	r.now = r.now.Add(time.Hour)
	if got := r.d.Observe(collect.Frame{Time: r.now, Elapsed: time.Hour, Samples: []collect.Sample{{Metric: "m", Value: 100}}}); len(got) != 0 {
		t.Errorf("fired on one reading after a gap: %v", got)
	}
}

// TestRestart plays every script with a restart at every point: the alerts are
// those of the run without one, whether it was firing, pending or clearing.
func TestRestart(t *testing.T) {
	t.Parallel()
	cfg := RuleConfig{Name: "r", Metric: "m", Period: seconds(2), Comparison: ">", Threshold: level(80), Clear: level(30), EvaluationPeriods: 2}
	for _, in := range []string{"ggBBBBBBBBgggggggggggggg", "BBBBBbbbbbbggggggggggggg", "BBBgBBBBBBBBgggBBBBggggggggggg"} {
		want := newRig(t, cfg).script(in)
		for cut := 1; cut < len(in); cut++ {
			r := newRig(t, cfg)
			got := r.script(in[:cut])
			if len(r.d.entries) == 0 && in[cut-1] == 'B' {
				continue // bad for less than a period: not pending yet, so that second is not kept
			}
			state, err := r.d.State()
			if err != nil {
				t.Fatal(err)
			}
			var open []alert.Alert
			if n := strings.Count(got, "F") - strings.Count(got, "R"); n == 1 {
				open = append(open, r.d.entries[0].Alert)
			}
			again := newRig(t, cfg)
			again.now = r.now
			if err := again.d.Restore(state); err != nil {
				t.Fatal(err)
			}
			if out := again.d.Adopt(open, again.now); len(out) != 0 {
				t.Fatalf("adopting raised %v", out)
			}
			if got += again.script(in[cut:]); got != want {
				t.Errorf("%s cut at %d\n got  %s\n want %s", in, cut, got, want)
			}
		}
	}
}

// TestTroubleEndsWhileDown: fired, killed, and all is well when the agent is
// back: exactly one resolved, and not before there is data.
func TestTroubleEndsWhileDown(t *testing.T) {
	t.Parallel()
	cfg := RuleConfig{Name: "r", Metric: "m", Period: seconds(5), Comparison: ">", Threshold: level(80)}
	r := newRig(t, cfg)
	r.script("BBBBB")
	open := []alert.Alert{r.d.entries[0].Alert}
	state, _ := r.d.State()
	for name, restore := range map[string][]byte{"with state": state, "state lost": nil} {
		again := newRig(t, cfg)
		again.now = r.now.Add(10 * time.Minute)
		if restore != nil {
			if err := again.d.Restore(restore); err != nil {
				t.Fatal(err)
			}
		}
		again.d.Adopt(open, again.now)
		got := again.script("---ggggggggggggggggggg")
		if strings.Count(got, "R") != 1 || strings.Contains(got, "F") || strings.HasPrefix(got, "...R") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestAdoptRaisesWhatWasNeverAcceptedAndEndsRemovedRules(t *testing.T) {
	t.Parallel()
	cfg := RuleConfig{Name: "r", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80)}
	r := newRig(t, cfg)
	r.script("BB")
	state, _ := r.d.State()
	again := newRig(t, cfg)
	if err := again.d.Restore(state); err != nil {
		t.Fatal(err)
	}
	gone := alert.Alert{Rule: "old", Target: "x", State: alert.Firing, StartedAt: r.now.Add(-time.Hour), Summary: "old trouble"}
	out := again.d.Adopt([]alert.Alert{gone}, r.now)
	if len(out) != 1 || out[0].Rule != "old" || out[0].State != alert.Resolved || !strings.Contains(out[0].Summary, "rule removed") {
		t.Errorf("%v", out)
	}
	again.now = r.now
	if got := again.script("BB"); got != "F." {
		t.Errorf("a firing alert that was never accepted must be raised again: %s", got)
	}
}

func TestReloadKeepsStateAndResolvesRemovedRules(t *testing.T) {
	t.Parallel()
	a := RuleConfig{Name: "a", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80)}
	b := a
	b.Name = "b"
	r := newRig(t, a, b)
	r.d.opt.Apart = true
	r.script("BB")
	rules, err := Rules([]RuleConfig{a})
	if err != nil {
		t.Fatal(err)
	}
	out := r.d.SetRules(rules)
	if len(out) != 1 || out[0].Rule != "b" || out[0].Phase != alert.PhaseResolved {
		t.Errorf("%v", out)
	}
	if got := r.script("BBgggggggg"); strings.Contains(got, "F") || strings.Count(got, "R") != 1 {
		t.Errorf("%s", got)
	}
}

func TestReplayIsBitIdentical(t *testing.T) {
	t.Parallel()
	run := func() string {
		r := newRig(t, RuleConfig{Name: "r", Metric: "m", Target: "*", Statistic: "p90", Period: seconds(3), Comparison: ">", Threshold: level(80)})
		out := ""
		for i := range 500 {
			x := math.Mod(float64(i*i)*0.37, 100)
			b, err := json.Marshal(r.frame(map[string]float64{"a": x}))
			if err != nil {
				t.Fatal(err)
			}
			out += string(b)
		}
		return out
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Error(diff)
	}
}

func TestRestoreRefusesGarbage(t *testing.T) {
	t.Parallel()
	for _, b := range []string{"", "{", `{"version":2}`, `{"version":1,"entries":[null]}`, `{"version":1,"entries":[{"phase":"odd"}]}`, `{"version":1,"clock":-5}`} {
		if err := newRig(t).d.Restore([]byte(b)); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"version":1,"clock":5,"slot":7,"entries":[{"rule":"r","target":"","phase":"firing","began":1}],"windows":[{"metric":"m","target":"","values":"AAAAAA=="}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRig(t, RuleConfig{Name: "r", Metric: "m", Period: seconds(2), Comparison: ">", Threshold: level(80)})
		if r.d.Restore(b) != nil {
			return
		}
		r.script("BBBg-")
		if _, err := r.d.State(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDefaultRulesAreValid(t *testing.T) {
	t.Parallel()
	var metrics []collect.Metric
	for _, c := range collect.All(collect.Host{}, collect.Config{}) {
		metrics = append(metrics, c.Metrics()...)
	}
	metrics = append(metrics, collect.Metric{Name: "probe_success", Unit: "None"}, collect.Metric{Name: "probe_duration", Unit: "Milliseconds"},
		collect.Metric{Name: "probe_tls_expiry", Unit: "Seconds", Min: math.NaN(), Max: math.NaN()},
		collect.Metric{Name: "probe_replication_lag", Unit: "Seconds", Max: math.NaN()})
	if faults := ValidateRules(DefaultRules(), metrics); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestWorst is the farthest beyond the threshold, not the farthest from it.
func TestWorst(t *testing.T) {
	t.Parallel()
	for comparison, values := range map[string][]float64{">": {90, 95, 85, 10, 10, 10, 10, 10, 10, 10, 10, 10}, "<": {10, 5, 15, 95, 95, 95, 95, 95, 95, 95, 95, 95}} {
		r := newRig(t, RuleConfig{Name: "r", Metric: "m", Period: seconds(1), Statistic: "last", Comparison: comparison, Threshold: level(50), EvaluationPeriods: 4, DatapointsToAlarm: 1})
		var out []alert.Alert
		for _, v := range values {
			out = append(out, r.frame(map[string]float64{"": v})...)
		}
		if want := map[string]string{">": "worst 95 %", "<": "worst 5 %"}[comparison]; len(out) != 2 || !strings.Contains(out[1].Summary, want) {
			t.Errorf("%s: %+v", comparison, out)
		}
	}
}
