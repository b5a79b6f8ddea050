package detect

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// slow is a rule that takes three minutes to notice.
func slow() RuleConfig {
	return RuleConfig{Name: "r", Metric: "m", Period: seconds(60), Comparison: ">", Threshold: level(80), Clear: level(30), EvaluationPeriods: 3}
}

// restarted is the rig after its agent was away for a time: killed, with what
// it accepted as firing still open and perhaps its state lost.
func (r *rig) restarted(cfg RuleConfig, away time.Duration, stateLost bool) *rig {
	r.t.Helper()
	state, err := r.d.State()
	if err != nil {
		r.t.Fatal(err)
	}
	var open []alert.Alert
	for _, e := range r.d.entries {
		if e.Phase == firing || e.Phase == clearing {
			open = append(open, e.Alert)
		}
	}
	again := newRig(r.t, cfg)
	again.now = r.now.Add(away)
	if !stateLost {
		if err := again.d.Restore(state); err != nil {
			r.t.Fatal(err)
		}
	}
	if out := again.d.Adopt(open, again.now); len(out) != 0 {
		r.t.Fatalf("adopting raised %v", out)
	}
	return again
}

// TestLongAway: firing, away for a time (killed or suspended), and the trouble
// is still there or is gone. It is never raised again, and never ended before
// the data says so.
func TestLongAway(t *testing.T) {
	t.Parallel()
	bad, good := strings.Repeat("B", 400), strings.Repeat("g", 400)
	for _, away := range []time.Duration{0, 5 * time.Second, 40 * time.Second, 10 * time.Minute, 30 * time.Hour} {
		for how, back := range map[string]func(*rig) *rig{
			"killed":            func(r *rig) *rig { return r.restarted(slow(), away, false) },
			"killed state lost": func(r *rig) *rig { return r.restarted(slow(), away, true) },
			"suspended": func(r *rig) *rig {
				r.now = r.now.Add(away)
				if out := r.d.Observe(collect.Frame{Time: r.now, Elapsed: away}); len(out) != 0 {
					t.Errorf("suspended for %s: %v", away, out)
				}
				return r
			},
		} {
			start := func() *rig {
				r := newRig(t, slow())
				if got := r.script(bad); strings.Count(got, "F") != 1 {
					t.Fatal(got)
				}
				return back(r)
			}
			if got := start().script("--" + bad); strings.Trim(got, ".") != "" {
				t.Errorf("%s for %s, still bad: %s", how, away, got)
			}
			got := start().script("--" + good)
			if strings.Trim(got, ".") != "R" {
				t.Errorf("%s for %s, good again: %s", how, away, got)
			}
			if at := strings.Index(got, "R"); at < 20 || at > 75 {
				t.Errorf("%s for %s: resolved after %d s of good data", how, away, at)
			}
		}
	}
}

// TestAwayWhileTheTargetGoes: its disk is unmounted while the agent is down.
// The rule looks for as long as it always does, then says that it is gone.
func TestAwayWhileTheTargetGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t, slow())
	r.script(strings.Repeat("B", 200))
	again := r.restarted(slow(), time.Hour, false)
	var out []alert.Alert
	after := 0
	for i := range 400 {
		if got := again.frame(nil); len(got) > 0 {
			out, after = append(out, got...), i
		}
	}
	if len(out) != 1 || out[0].State != alert.Resolved || !strings.Contains(out[0].Summary, "no longer measured") || after < 175 {
		t.Errorf("after %d s: %+v", after, out)
	}
}

// TestAdoptedAlertIsAnOwnOne: what the outbox added to an alert it adds anew.
func TestAdoptedAlertIsAnOwnOne(t *testing.T) {
	t.Parallel()
	cfg := RuleConfig{Name: "r", Metric: "m", Period: seconds(1), Comparison: ">", Threshold: level(80)}
	r := newRig(t, cfg)
	r.d.Adopt([]alert.Alert{{Schema: alert.Schema, Key: "k.firing", Incident: "k", Host: "h", Labels: map[string]string{"a": "b"}, Rule: "r",
		State: alert.Firing, Phase: alert.PhaseFiring, SilenceCommand: "s", Agent: alert.Agent{Version: "1"}, StartedAt: r.now}}, r.now)
	var out []alert.Alert
	for range 10 {
		out = append(out, r.frame(map[string]float64{"": 1})...)
	}
	if len(out) != 1 || out[0].Key+out[0].Incident+out[0].Host+out[0].SilenceCommand+out[0].Agent.Version != "" || out[0].Labels != nil {
		t.Errorf("%+v", out)
	}
}

// TestStatus says what is not quiet, with its newest value, and which rules
// have no data.
func TestStatus(t *testing.T) {
	t.Parallel()
	cfg := RuleConfig{Name: "r", Metric: "m", Period: seconds(2), Comparison: ">", Threshold: level(80)}
	lacks := cfg
	lacks.Name, lacks.Metric = "lacks", "disk"
	r := newRig(t, cfg, lacks)
	r.script("ggBB")
	r.frame(map[string]float64{"": 90})
	got := r.d.Status()
	if len(got) != 2 || got[0].State != "firing" || got[0].Value == nil || float64(*got[0].Value) != 95 || float64(*got[0].Threshold) != 80 || got[1].State != "no data" {
		b, _ := json.Marshal(got)
		t.Errorf("%s", b)
	}
	if f := r.d.Firing(); len(f) != 1 || f[0].Rule != "r" || f[0].Summary == "" {
		t.Errorf("%+v", f)
	}
	if r.script("gggggggggg"); len(r.d.Firing()) != 0 {
		t.Error("still firing")
	}
}

// TestDurationSpansTheTimeAway: what fired before the agent was away for a day
// lasted a day.
func TestDurationSpansTheTimeAway(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		r := newRig(t, slow())
		r.script(strings.Repeat("B", 300))
		again := r.restarted(slow(), 24*time.Hour, lost)
		var out []alert.Alert
		for range 100 {
			out = append(out, again.frame(map[string]float64{"": 0})...)
		}
		if len(out) != 1 || !strings.HasPrefix(out[0].Summary, "resolved after 1 d") {
			t.Errorf("state lost %v: %+v", lost, out)
		}
	}
}
