package main

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// What fires is repeated to the sinks that were told of it, and to no other; a
// member that the rules know to be well is not, though its incident goes on.
func TestFiringAtASink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		half := 0.5
		rule := func(name, metric string) detect.RuleConfig {
			return detect.RuleConfig{Name: name, Metric: metric, Comparison: ">", Threshold: &half, Period: conf.Duration(time.Second), EvaluationPeriods: 2}
		}
		rules, err := detect.Rules([]detect.RuleConfig{rule("busy", "m"), rule("idle", "n")})
		if err != nil {
			t.Fatal(err)
		}
		a := &agent{log: slog.New(slog.DiscardHandler), detector: detect.New(rules, detect.Options{})}
		for range 10 {
			a.detector.Observe(collect.Frame{Time: time.Now(), Elapsed: time.Second, Samples: []collect.Sample{{Metric: "m", Value: 1}, {Metric: "n", Value: 0}}})
		}
		if f := a.detector.Firing(); len(f) != 1 || f[0].Rule != "busy" {
			t.Fatalf("%+v", f)
		}
		told, other := alerttest.NewSink("told"), alerttest.NewSink("other")
		var stop func()
		a.box, stop = runBox(t, dir, []alert.RouteConfig{{Match: alert.RouteMatch{Rule: []string{"busy"}}, To: []string{"told"}}, {To: []string{"other"}, Match: alert.RouteMatch{Rule: []string{"job"}}}}, told, other)
		defer stop()
		put := func(rule string, s alert.State, members ...alert.Member) {
			al := alerttest.Alert(alert.PhaseFiring)
			al.Rule, al.Target, al.State, al.Members, al.Key, al.Incident = rule, "", s, members, "", ""
			if s == alert.Resolved {
				al.Phase = alert.PhaseResolved
			}
			if err := a.box.Put(t.Context(), al); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		list := func(sink string) string {
			out := ""
			for _, m := range a.firingAt(sink) {
				out += m.Rule + " "
			}
			return out
		}
		put("busy", alert.Firing, alert.Member{Rule: "busy", State: alert.Firing}, alert.Member{Rule: "idle", State: alert.Firing},
			alert.Member{Rule: "sent", State: alert.Firing}, alert.Member{Rule: "over", State: alert.Resolved})
		put("job", alert.Firing)
		if got, want := fmt.Sprintf("%s| %s", list("told"), list("other")), "busy sent | job "; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		put("busy", alert.Resolved)
		if got := list("told"); got != "" {
			t.Errorf("after the end: %q", got)
		}
	})
}
