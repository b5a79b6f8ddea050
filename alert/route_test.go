package alert_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestRoutesChooseTheSinks(t *testing.T) {
	t.Parallel()
	routes := []alert.RouteConfig{
		{Match: alert.RouteMatch{Severity: []alert.Severity{alert.Critical}}, To: []string{"page", "chat"}},
		{Match: alert.RouteMatch{Rule: []string{"disk-*", "inode-*"}}, To: []string{"storage"}},
		{Match: alert.RouteMatch{Labels: map[string]string{"env": "t*", "team": "web"}}, To: []string{"chat"}},
	}
	for _, tc := range []struct {
		rule     string
		severity alert.Severity
		labels   map[string]string
		want     []string
	}{
		{"cpu", alert.Critical, nil, []string{"chat", "page"}},
		{"disk-full", alert.Critical, nil, []string{"chat", "page", "storage"}},
		{"inode-full", alert.Info, nil, []string{"storage"}},
		{"cpu", alert.Info, map[string]string{"team": "web"}, []string{"chat"}},
		{"cpu", alert.Info, map[string]string{"team": "db"}, []string{"chat", "page", "storage"}}, // none matches: everywhere
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			r := open(t, dir, routes, alerttest.NewSink("page"), alerttest.NewSink("chat"), alerttest.NewSink("storage"))
			a := firing(tc.rule, tc.severity)
			a.Labels = tc.labels
			r.put(a)
			settle()
			var got []string
			for _, d := range r.Incidents()[0].Sinks {
				if d.Confirmed == "firing" {
					got = append(got, d.Sink)
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("%s %s %v: %s", tc.rule, tc.severity, tc.labels, d)
			}
		})
	}
}

func TestWhatWasAcceptedWithoutSinksGoesToTheFirstOnes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, nil)
		r.put(firing("a", alert.Warning))
		r.put(firing("b", alert.Warning))
		r.put(resolved("b", alert.Warning))
		r.stop()
		sink := alerttest.NewSink("s")
		r = open(t, dir, nil, sink)
		settle()
		wantPhases(t, sink.Taken(), "a:firing")
		if n := len(r.Incidents()); n != 1 {
			t.Errorf("%d incidents are open", n)
		}
	})
}

func failover(severity alert.Severity) []alert.RouteConfig {
	return []alert.RouteConfig{{Match: alert.RouteMatch{Severity: []alert.Severity{severity}}, Failover: []string{"a", "b", "c"}}}
}

func TestACriticalMovesOnAfter15Seconds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := alerttest.NewSink("a"), alerttest.NewSink("b"), alerttest.NewSink("c")
		a.Answer(func(c ctx, _ int, _ alert.Alert) error { <-c.Done(); return c.Err() }) // a black hole
		r := open(t, dir, failover(alert.Critical), a, b, c)
		start := time.Now()
		r.put(firing("cpu", alert.Critical))
		time.Sleep(14 * time.Second)
		if n := len(b.Calls()); n != 0 {
			t.Fatalf("%d calls of the fallback within 14 s", n)
		}
		time.Sleep(2 * time.Second)
		wantPhases(t, b.Taken(), "cpu:firing")
		if took := b.Calls()[0].At.Sub(start); took > 16*time.Second {
			t.Errorf("failover took %s", took)
		}
		a.Fail(nil)
		time.Sleep(5 * time.Minute)
		r.put(resolved("cpu", alert.Critical))
		time.Sleep(5 * time.Minute)
		wantPhases(t, b.Taken(), "cpu:firing", "cpu:resolved")
		wantPhases(t, a.Taken())
		wantPhases(t, c.Taken())
		if n := len(r.Incidents()); n != 0 {
			t.Errorf("%d incidents are open: what the fallback delivered is satisfied", n)
		}
		wantClean(t, r)
	})
}

// What the fallback delivered is satisfied, though its breaker opens later.
func TestTheBacklogDoesNotFloodThePrimary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, b := alerttest.NewSink("a"), alerttest.NewSink("b")
		a.Fail(errDown)
		r := open(t, dir, []alert.RouteConfig{
			{Match: alert.RouteMatch{Rule: []string{"cpu"}}, Failover: []string{"a", "b"}},
			{Match: alert.RouteMatch{Rule: []string{"b-only"}}, To: []string{"b"}},
		}, a, b)
		r.put(firing("cpu", alert.Critical))
		time.Sleep(time.Minute)
		wantPhases(t, b.Taken(), "cpu:firing")
		b.Fail(errDown)
		r.put(firing("b-only", alert.Critical))
		time.Sleep(time.Minute)
		a.Fail(nil)
		time.Sleep(10 * time.Minute)
		if st := r.SinkStatus()[1]; st.State != "breaker open" {
			t.Fatalf("status of b: %+v", st)
		}
		wantPhases(t, a.Taken())
	})
}

func TestAnOpenBreakerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := alerttest.NewSink("a"), alerttest.NewSink("b"), alerttest.NewSink("c")
		a.Fail(errDown)
		b.Fail(errors.Join(alert.ErrCredentials))
		r := open(t, dir, failover(alert.Critical), a, b, c)
		r.put(firing("one", alert.Critical))
		time.Sleep(time.Minute)
		wantPhases(t, c.Taken(), "one:firing")
		r.put(firing("two", alert.Critical))
		time.Sleep(time.Second)
		wantPhases(t, c.Taken(), "one:firing", "two:firing")
	})
}

func TestWhatIsNotCriticalWaitsForItsSink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := alerttest.NewSink("a"), alerttest.NewSink("b"), alerttest.NewSink("c")
		a.Fail(errDown)
		r := open(t, dir, failover(alert.Warning), a, b, c)
		r.put(firing("cpu", alert.Warning))
		time.Sleep(time.Hour)
		a.Fail(nil)
		time.Sleep(10 * time.Minute)
		wantPhases(t, a.Taken(), "cpu:firing")
		wantPhases(t, b.Taken())
		a.Fail(errors.Join(alert.ErrPermanent))
		r.put(firing("mem", alert.Warning))
		time.Sleep(time.Second)
		wantPhases(t, b.Taken(), "mem:firing") // refused for good: the next one gets it
	})
}

func TestRepeatUntilAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, []alert.RouteConfig{{To: []string{"s"}, Repeat: conf.Duration(time.Hour)}}, sink)
		r.put(firing("cpu", alert.Critical))
		time.Sleep(150 * time.Minute)
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:update-1", "cpu:update-2")
		in := r.Incidents()[0]
		if err := r.Acknowledge(t.Context(), in.ID, "ann"); err != nil {
			t.Fatal(err)
		}
		r.stop()
		r = open(t, dir, nil, sink)
		time.Sleep(5 * time.Hour)
		if in := r.Incidents()[0]; in.Acknowledged == nil || in.Acknowledged.By != "ann" {
			t.Errorf("acknowledged: %+v", in.Acknowledged)
		}
		if n := len(sink.Taken()); n != 3 {
			t.Errorf("%d messages: repeated after it was acknowledged", n)
		}
		if err := r.Acknowledge(t.Context(), "nope", "ann"); !errors.Is(err, alert.ErrUnknownIncident) {
			t.Errorf("unknown id: %v", err)
		}
	})
}

func TestCheckRoutes(t *testing.T) {
	t.Parallel()
	faults := alert.CheckRoutes([]alert.RouteConfig{
		{To: []string{"slack"}},
		{Match: alert.RouteMatch{Severity: []alert.Severity{"urgent"}, Rule: []string{"["}, Labels: map[string]string{"a": "["}}, To: []string{"slak"}, Failover: []string{"slack", "x"}, Repeat: conf.Duration(time.Second)},
		{},
	}, []string{"slack", "sns"})
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	want := []string{
		`route.1.match.severity.0: "urgent" is no severity; use info, warning or critical`,
		`route.1.match.rule.0: "[" is not a pattern; use for example cpu-*`,
		`route.1.match.labels.a: "[" is not a pattern; use for example web-*`,
		`route.1.repeat: 1s is too often; use at least 1m`,
		`route.1.to.0: no sink is named "slak"; did you mean "slack"?`,
		`route.1.failover.1: no sink is named "x"`,
		`route.2.to: the route names no sink; set to or failover`,
	}
	if d := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); d != "" {
		t.Error(d)
	}
}
