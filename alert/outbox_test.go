package alert_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// rig is an outbox on a real directory inside a synctest bubble.
type rig struct {
	*alert.Outbox
	t    *testing.T
	dir  string
	root *os.Root
	stop func()
}

// open starts an outbox on dir with the sinks; it is stopped by t's end or by
// rig.stop. It does not wait for fsync.
func open(t *testing.T, dir string, routes []alert.RouteConfig, sinks ...alert.Sink) *rig {
	t.Helper()
	return openHooked(t, dir, (&badDisk{lazy: true}).step, routes, sinks...)
}

// openHooked is open with a hook that sees each step on the disk.
func openHooked(t *testing.T, dir string, hook func(alert.Step) error, routes []alert.RouteConfig, sinks ...alert.Sink) *rig {
	t.Helper()
	return openWith(t, dir, usual, hook, routes, sinks...)
}

var usual = alert.Options{Host: "web-1", Version: "test", Seed: 7, MachineID: "m1", Labels: map[string]string{"env": "test"}}

func openWith(t *testing.T, dir string, o alert.Options, hook func(alert.Step) error, routes []alert.RouteConfig, sinks ...alert.Sink) *rig {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := openTree(t, alert.Directory(root), o, hook, routes, sinks...)
	r.dir, r.root = dir, root
	stop := r.stop
	r.stop = func() {
		stop()
		_ = root.Close()
	}
	return r
}

// openTree is openWith on any tree.
func openTree(t *testing.T, tree alert.Tree, o alert.Options, hook func(alert.Step) error, routes []alert.RouteConfig, sinks ...alert.Sink) *rig {
	t.Helper()
	box := alert.OpenTree(tree, o, hook)
	box.SetSinks(sinks, routes)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { box.Run(ctx); close(done) }()
	r := &rig{Outbox: box, t: t, stop: func() {
		cancel()
		<-done
	}}
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) put(a alert.Alert) {
	r.t.Helper()
	if err := r.Put(context.Background(), a); err != nil {
		r.t.Fatalf("Put %s %s: %v", a.Phase, a.Rule, err)
	}
	time.Sleep(time.Millisecond) // no two incidents are of the same age
}

func firing(rule string, s alert.Severity) alert.Alert {
	return alert.Alert{Phase: alert.PhaseFiring, Rule: rule, Target: "/", Severity: s, State: alert.Firing, Summary: rule + " is bad", Metric: "m", Value: 1, StartedAt: time.Now()}
}

func update(rule string, s alert.Severity) alert.Alert {
	a := firing(rule, s)
	a.Phase = alert.PhaseUpdate
	return a
}

func resolved(rule string, s alert.Severity) alert.Alert {
	a := firing(rule, s)
	a.Phase, a.State, a.Summary = alert.PhaseResolved, alert.Resolved, rule+" is well"
	return a
}

// phases gives "rule:phase" of each.
func phases(as []alert.Alert) []string {
	out := []string{}
	for _, a := range as {
		out = append(out, a.Rule+":"+a.Phase)
	}
	return out
}

func wantPhases(t *testing.T, got []alert.Alert, want ...string) {
	t.Helper()
	p := phases(got)
	if len(p) != len(want) {
		t.Fatalf("sent %v, want %v", p, want)
	}
	for i := range want {
		if p[i] != want[i] {
			t.Fatalf("sent %v, want %v", p, want)
		}
	}
}

func settle() { synctest.Wait() }

type ctx = context.Context

func TestAnIncidentGoesItsWholeWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		r.put(firing("cpu", alert.Warning))
		settle()
		r.put(update("cpu", alert.Critical))
		settle()
		r.put(resolved("cpu", alert.Critical))
		time.Sleep(time.Second)
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:update-1", "cpu:resolved")
		first, last := sink.Calls()[0], sink.Calls()[2]
		if first.Alert.Key != first.Alert.Incident+".firing" || len(first.Alert.Incident) != 32 || first.Alert.Host != "web-1" || first.Alert.Labels["env"] != "test" || first.Alert.Agent.InstallID != r.InstallID() {
			t.Errorf("the alert was not filled in: %+v", first.Alert)
		}
		if string(last.Last.Memo) != first.Alert.Incident+".update-1" || last.Last.ID != "s-1" {
			t.Errorf("the last receipt was not given back: %+v", last.Last)
		}
		if n := len(r.Incidents()); n != 0 {
			t.Errorf("%d incidents are still open", n)
		}
		if _, err := os.Stat(dir + "/incidents/closed/" + first.Alert.Incident + ".json"); err != nil {
			t.Error(err)
		}
	})
}

func TestARestartWhileFiringRepeatsNothingAndForgetsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		r.put(firing("cpu", alert.Warning))
		settle()
		id := r.InstallID()
		r.stop()
		r = open(t, dir, nil, sink)
		if got := r.OpenFiring(); len(got) != 1 || got[0].Rule != "cpu" {
			t.Fatalf("OpenFiring = %v", got)
		}
		if r.InstallID() != id {
			t.Error("the install id changed")
		}
		r.put(resolved("cpu", alert.Warning))
		settle()
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:resolved")
	})
}

func TestASinkThatFailsGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errors.New("no route to host"))
		r := open(t, dir, nil, sink)
		r.put(firing("cpu", alert.Critical))
		r.put(update("cpu", alert.Critical))
		r.put(update("cpu", alert.Critical))
		r.put(resolved("cpu", alert.Critical))
		time.Sleep(10 * time.Minute)
		if st := r.SinkStatus()[0]; st.State != "breaker open" || st.Owed != 1 || st.LastError == "" {
			t.Errorf("status %+v", st)
		}
		sink.Fail(nil)
		time.Sleep(2 * time.Minute)
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:update-2", "cpu:resolved")
	})
}
