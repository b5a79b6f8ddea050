package alert_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

var errDown = errors.New("no route to host")

func TestBackoffIsFullJitterUpToItsCap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		n     int
		s     alert.Severity
		limit time.Duration
	}{{1, alert.Info, time.Second}, {4, alert.Info, 8 * time.Second}, {100, alert.Warning, 300 * time.Second}, {7, alert.Critical, 60 * time.Second}, {1 << 40, alert.Critical, 60 * time.Second}} {
		var least, most time.Duration = time.Hour, 0
		for seed := range uint64(2000) {
			d := alert.Backoff(tc.n, tc.s, seed)
			least, most = min(least, d), max(most, d)
		}
		if least < 0 || least > tc.limit/50 || most > tc.limit || most < tc.limit*49/50 {
			t.Errorf("attempt %d of a %s: waits %s … %s, want 0 … %s", tc.n, tc.s, least, most, tc.limit)
		}
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		start := time.Now()
		for i := range 4 {
			r.put(firing(fmt.Sprint("w", i), alert.Warning))
		}
		time.Sleep(time.Second)
		r.put(firing("crit", alert.Critical))
		time.Sleep(20 * time.Minute)
		calls := sink.Calls()
		if len(calls) < 6 {
			t.Fatalf("only %d calls", len(calls))
		}
		opened := calls[4].At
		for i, c := range calls[5:] {
			gap := c.At.Sub(calls[4+i].At)
			if gap < 48*time.Second || gap > 72*time.Second {
				t.Errorf("probe %d came %s after the call before it, want 60 s ± 20 %%", i, gap)
			}
			if c.Alert.Rule != "crit" {
				t.Errorf("probe %d was %s, want the oldest critical", i, c.Alert.Rule)
			}
		}
		if opened.Sub(start) > 10*time.Second {
			t.Errorf("the breaker opened after %s", opened.Sub(start))
		}
		if st := r.SinkStatus()[0]; st.State != "breaker open" || st.Owed != 5 {
			t.Errorf("status %+v", st)
		}
		sink.Fail(nil)
		time.Sleep(73 * time.Second)
		taken := sink.Taken()
		if len(taken) != 5 || taken[0].Rule != "crit" || taken[1].Rule != "w0" || taken[4].Rule != "w3" {
			t.Errorf("after the first good probe: %v", phases(taken))
		}
	})
}

func TestPermanentRefusalsAndThrottlingNeverTripTheBreaker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(fmt.Errorf("%w: too long", alert.ErrPermanent))
		r := open(t, dir, nil, sink)
		for i := range 8 {
			r.put(firing(fmt.Sprint("r", i), alert.Critical))
		}
		time.Sleep(time.Second)
		if st := r.SinkStatus()[0]; st.State != "ok" || st.Dead != 8 || st.Owed != 0 {
			t.Errorf("status %+v", st)
		}
		sink.Fail(&alert.ThrottledError{After: 2 * time.Second})
		r.put(firing("t", alert.Critical))
		time.Sleep(time.Minute)
		if st := r.SinkStatus()[0]; st.State != "throttled" || st.Throttled < 5 || st.Failed != 8 {
			t.Errorf("status %+v", st)
		}
		sink.Fail(nil)
		time.Sleep(34 * time.Second)
		wantPhases(t, sink.Taken(), "t:firing")
	})
}

func TestRetryAfterGatesTheWholeSink(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ after, least, most time.Duration }{
		{7 * time.Second, 7 * time.Second, 7 * time.Second},
		{time.Millisecond, time.Second, time.Second},
		{24 * time.Hour, 15 * time.Minute, 15 * time.Minute},
		{0, time.Second, time.Second},
	} {
		t.Run(tc.after.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				sink := alerttest.NewSink("s")
				sink.Answer(func(_ context.Context, n int, _ alert.Alert) error {
					if n == 0 {
						return &alert.ThrottledError{After: tc.after}
					}
					return nil
				})
				r := open(t, dir, nil, sink)
				r.put(firing("a", alert.Warning))
				settle()
				r.put(firing("b", alert.Critical))
				time.Sleep(20 * time.Minute)
				calls := sink.Calls()
				if len(calls) != 3 || calls[1].Alert.Rule != "b" {
					t.Fatalf("%d calls", len(calls))
				}
				if gap := calls[1].At.Sub(calls[0].At); gap < tc.least || gap > tc.most {
					t.Errorf("the next request came after %s, want %s", gap, tc.least)
				}
			})
		})
	}
}

func TestRefusedCredentialsParkTheSinkAndLoseNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(fmt.Errorf("%w: expired", alert.ErrCredentials))
		r := open(t, dir, nil, sink)
		r.put(firing("a", alert.Critical))
		r.put(firing("b", alert.Warning))
		time.Sleep(16 * time.Minute)
		if n := len(sink.Calls()); n != 4 {
			t.Errorf("%d calls in 16 min, want one every 5 min", n)
		}
		if st := r.SinkStatus()[0]; st.State != "parked" || st.Owed != 2 || st.Dead != 0 {
			t.Errorf("status %+v", st)
		}
		mended := alerttest.NewSink("s")
		r.SetSinks([]alert.Sink{mended}, nil) // a reload with new credentials
		time.Sleep(time.Second)
		wantPhases(t, mended.Taken(), "a:firing", "b:firing")
	})
}

func TestDeadLettersSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, other := alerttest.NewSink("s"), alerttest.NewSink("other")
		sink.Fail(fmt.Errorf("%w: channel_not_found", alert.ErrPermanent))
		r := open(t, dir, nil, sink, other)
		r.put(firing("a", alert.Critical))
		r.put(firing("b", alert.Warning))
		settle()
		r.put(resolved("a", alert.Critical))
		time.Sleep(time.Second)
		check := func(r *rig) {
			t.Helper()
			dead := r.DeadLetters()
			if len(dead) != 3 || dead[0].Sink != "s" || !strings.Contains(dead[0].Error, "channel_not_found") || dead[2].Key != dead[2].Incident+".resolved" {
				t.Errorf("dead letters %+v", dead)
			}
		}
		check(r)
		wantPhases(t, other.Taken(), "a:firing", "b:firing", "a:resolved")
		if in := r.Incidents(); len(in) != 1 || in[0].Rule != "b" || in[0].Sinks[1].Dead != 1 || !strings.Contains(in[0].Sinks[1].LastError, "channel_not_found") {
			t.Errorf("incidents %+v", in)
		}
		r.stop()
		r = open(t, dir, nil, sink, other)
		settle() // those of closed incidents are read lazily
		check(r)
		wantClean(t, r)
	})
}

func TestWhatIsNotCriticalAndEndedUnsentIsCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		for i := range 5 { // trips the breaker: from here nothing is tried
			r.put(firing(fmt.Sprint("trip", i), alert.Critical))
		}
		time.Sleep(time.Minute)
		r.put(firing("short", alert.Warning))
		r.put(firing("grew", alert.Warning))
		r.put(firing("crit", alert.Critical))
		r.put(update("grew", alert.Critical))
		for _, rule := range []string{"short", "grew", "crit"} {
			r.put(resolved(rule, alert.Warning))
		}
		sink.Fail(nil)
		time.Sleep(5 * time.Minute)
		got := strings.Join(phases(sink.Taken()), " ")
		for _, want := range []string{"crit:firing", "crit:resolved", "grew:firing", "grew:update-1", "grew:resolved"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s was not told: %s", want, got)
			}
		}
		if strings.Contains(got, "short") || r.Stats().Cancelled != 1 {
			t.Errorf("short was told, or not counted (%d): %s", r.Stats().Cancelled, got)
		}
		wantClean(t, r)
	})
}

// A request that timed out may have been heard: who may have heard "firing"
// hears "resolved", a warning too.
func TestAnAmbiguousFiringIsNotCancelled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Answer(func(ctx context.Context, n int, _ alert.Alert) error {
			if n > 0 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		r := open(t, dir, nil, sink)
		r.put(firing("w", alert.Warning))
		time.Sleep(5 * time.Second)
		r.put(resolved("w", alert.Warning))
		time.Sleep(time.Minute)
		wantPhases(t, sink.Taken(), "w:firing", "w:resolved")
		if gap := sink.Calls()[1].At.Sub(sink.Calls()[0].At); gap < 10*time.Second || gap > 12*time.Second {
			t.Errorf("the hanging request held the sink for %s, want 10 s", gap)
		}
	})
}

func TestAnIncidentThatBacksOffHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Answer(func(_ context.Context, n int, a alert.Alert) error {
			if a.Rule == "poison" {
				return errDown
			}
			return nil
		})
		r := open(t, dir, nil, sink)
		r.put(firing("poison", alert.Critical))
		for i := range 20 {
			r.put(firing(fmt.Sprint("r", i), alert.Info))
			time.Sleep(time.Second)
		}
		if n := len(sink.Taken()); n != 20 {
			t.Errorf("%d of 20 were delivered beside the one that fails", n)
		}
		if sink.Most() != 1 {
			t.Errorf("%d requests at the same time", sink.Most())
		}
	})
}

func TestARemovedSinksBacklogIsParkedAndReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gone, stays := alerttest.NewSink("gone"), alerttest.NewSink("stays")
		r := open(t, dir, nil, gone, stays)
		r.put(firing("a", alert.Warning))
		settle()
		r.SetSinks([]alert.Sink{stays}, nil)
		r.put(resolved("a", alert.Warning))
		r.put(firing("b", alert.Warning))
		time.Sleep(time.Second)
		wantPhases(t, gone.Taken(), "a:firing")
		st := r.SinkStatus()
		if len(st) != 2 || st[0].State != "removed" || st[0].Owed != 1 || st[1].State != "ok" {
			t.Errorf("status %+v", st)
		}
		r.stop()
		open(t, dir, nil, gone, stays)
		time.Sleep(time.Second)
		wantPhases(t, gone.Taken(), "a:firing", "a:resolved")
		wantPhases(t, stays.Taken(), "a:firing", "a:resolved", "b:firing")
	})
}

func TestASinkThatPanicsKillsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Answer(func(_ context.Context, n int, _ alert.Alert) error {
			if n == 0 {
				panic("index out of range")
			}
			return nil
		})
		r := open(t, dir, nil, sink)
		r.put(firing("a", alert.Warning))
		time.Sleep(time.Second)
		r.put(resolved("a", alert.Warning))
		time.Sleep(time.Second)
		if d := r.DeadLetters(); len(d) != 1 || !strings.Contains(d[0].Error, "panicked") {
			t.Errorf("dead letters %+v", d)
		}
		wantPhases(t, sink.Taken()[len(sink.Taken())-1:], "a:resolved")
	})
}

// wantClean fails if the directory breaks an invariant.
func wantClean(t *testing.T, r *rig) {
	t.Helper()
	for _, p := range alert.Check(r.root) {
		t.Errorf("check: %s: %s", p.Path, p.Problem)
	}
}
