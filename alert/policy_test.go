package alert_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// A sink for criticals alone learns of an incident when it grows critical: as
// firing, with what it is now, once; and then of its end.
func TestEscalationReachesTheSinkForCriticals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		pager, chat := alerttest.NewSink("pager"), alerttest.NewSink("chat")
		routes := []alert.RouteConfig{{Match: alert.RouteMatch{Severity: []alert.Severity{alert.Critical}}, To: []string{"pager"}}, {To: []string{"chat"}}}
		r := open(t, dir, routes, pager, chat)
		r.put(firing("disk", alert.Warning))
		settle()
		pager.Fail(errDown)
		r.put(update("disk", alert.Critical))
		time.Sleep(time.Second)
		r.put(update("disk", alert.Critical)) // merges into what comes after
		r.stop()
		pager.Fail(nil)
		r = open(t, dir, routes, pager, chat) // it is on disk
		time.Sleep(time.Minute)
		r.put(resolved("disk", alert.Critical))
		time.Sleep(time.Second)
		wantPhases(t, pager.Taken(), "disk:firing", "disk:update-2", "disk:resolved")
		for _, a := range pager.Taken() {
			if a.Severity != alert.Critical {
				t.Errorf("the pager got %s of severity %s", a.Key, a.Severity)
			}
		}
		wantPhases(t, chat.Taken(), "disk:firing", "disk:update-1", "disk:update-2", "disk:resolved")
		wantClean(t, r)
	})
}

func TestEscalationIsToldOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		pager, spare := alerttest.NewSink("pager"), alerttest.NewSink("spare")
		routes := []alert.RouteConfig{{Match: alert.RouteMatch{Severity: []alert.Severity{alert.Critical}}, Failover: []string{"pager", "spare"}}, {To: []string{"x"}}}
		r := open(t, dir, routes, pager, spare, alerttest.NewSink("x"))
		r.put(firing("disk", alert.Warning))
		settle()
		pager.Fail(alert.ErrCredentials)
		r.put(update("disk", alert.Critical))
		time.Sleep(time.Second)
		r.put(resolved("disk", alert.Critical))
		time.Sleep(time.Minute)
		wantPhases(t, spare.Taken(), "disk:firing", "disk:resolved")
		if a := spare.Taken()[0]; a.FailoverFor != "pager" || a.Severity != alert.Critical {
			t.Errorf("the fallback's alert is for %q, severity %s", a.FailoverFor, a.Severity)
		}
		if n := len(pager.Taken()); n != 0 {
			t.Errorf("the pager got %d", n)
		}
	})
}

// An attempt that may have got through 5 minutes ago makes the next a possible
// repeat; one that never had a connection does not.
func TestPossibleRepeatIsMarked(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"reset": {errors.New("connection reset by peer"), true},
		"dial":  {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				sink := alerttest.NewSink("s")
				sink.Fail(tc.err)
				r := open(t, dir, nil, sink)
				r.put(firing("a", alert.Critical))
				time.Sleep(4 * time.Minute)
				for _, c := range sink.Calls() {
					if c.Alert.PossibleRepeat {
						t.Fatalf("marked after %s", c.At.Sub(sink.Calls()[0].At))
					}
				}
				time.Sleep(3 * time.Minute)
				sink.Fail(nil)
				time.Sleep(3 * time.Minute)
				r.put(resolved("a", alert.Critical))
				settle()
				got := sink.Taken()
				if got[0].PossibleRepeat != tc.want || got[1].PossibleRepeat {
					t.Errorf("firing marked %v (want %v), resolved marked %v", got[0].PossibleRepeat, tc.want, got[1].PossibleRepeat)
				}
			})
		})
	}
}

// A breaker that was left open for long by info alerts opens for 60 s at most
// once a critical is owed.
func TestACriticalHurriesTheBreaker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		r.put(firing("info", alert.Info))
		time.Sleep(3 * time.Hour)
		until := r.SinkStatus()[0].Until
		if left := time.Until(until); left < 61*time.Second {
			time.Sleep(left + time.Second)
		}
		sink.Fail(nil)
		began := time.Now()
		r.put(firing("crit", alert.Critical))
		time.Sleep(61 * time.Second)
		got := sink.Taken()
		if len(got) == 0 || got[0].Rule != "crit" {
			t.Fatalf("after %s: %v", time.Since(began), phases(got))
		}
	})
}

func TestDeadLettersAreRetriedAndDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(alert.ErrPermanent)
		r := open(t, dir, nil, sink)
		for _, rule := range []string{"a", "b", "c"} {
			r.put(firing(rule, alert.Warning))
		}
		settle()
		r.put(resolved("a", alert.Warning))
		r.put(resolved("c", alert.Warning))
		time.Sleep(5 * time.Second) // a and c are closed with their dead letters
		dead := r.DeadLetters()
		if len(dead) != 5 {
			t.Fatalf("%d dead letters", len(dead))
		}
		sink.Fail(nil)
		key := func(rule, phase string) string {
			for _, d := range r.DeadLetters() {
				if d.Summary == rule+map[string]string{"firing": " is bad", "resolved": " is well"}[phase] {
					return d.Key
				}
			}
			t.Fatal("no dead letter of " + rule)
			return ""
		}
		if n, err := r.RetryDead(t.Context(), key("a", "firing"), "", "anna"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(3 * time.Second)
		wantPhases(t, sink.Taken(), "a:firing", "a:resolved") // in order, the end too
		if n, err := r.RetryDead(t.Context(), key("b", "firing"), "s", "anna"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(3 * time.Second)
		wantPhases(t, sink.Taken()[2:], "b:firing")
		if n, err := r.DropDead(t.Context(), "", "", "anna"); n != 3 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		if _, err := r.DropDead(t.Context(), "", "", "anna"); !errors.Is(err, alert.ErrUnknownDeadLetter) {
			t.Errorf("dropped again: %v", err)
		}
		time.Sleep(3 * time.Second)
		r.stop()
		r = open(t, dir, nil, sink)
		if n := len(r.DeadLetters()); n != 0 {
			t.Errorf("%d dead letters after a restart", n)
		}
		if n := len(sink.Taken()); n != 3 {
			t.Errorf("%d were sent in all", n)
		}
		wantClean(t, r)
	})
}

func TestTheBacklogOfARemovedSinkIsDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		gone, stays := alerttest.NewSink("gone"), alerttest.NewSink("stays")
		gone.Fail(errDown)
		r := open(t, dir, nil, gone, stays)
		r.put(firing("a", alert.Critical))
		time.Sleep(time.Second)
		if _, err := r.DropBacklog(t.Context(), "gone", "anna"); !errors.Is(err, alert.ErrInvalid) {
			t.Errorf("a configured sink: %v", err)
		}
		r.SetSinks([]alert.Sink{stays}, nil)
		r.put(resolved("a", alert.Critical))
		time.Sleep(2 * time.Second)
		if n := len(r.Incidents()); n != 1 {
			t.Fatalf("%d incidents wait for the sink that is gone", n)
		}
		if n, err := r.DropBacklog(t.Context(), "gone", "anna"); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		time.Sleep(2 * time.Second)
		if n := len(r.Incidents()); n != 0 {
			t.Errorf("%d incidents are left", n)
		}
		wantClean(t, r)
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, tc := range []struct {
		header map[string]string
		want   time.Duration
		ok     bool
	}{
		{map[string]string{"Retry-After": "120"}, 2 * time.Minute, true},
		{map[string]string{"Retry-After": " 1.5 "}, 1500 * time.Millisecond, true},
		{map[string]string{"Retry-After": "0"}, 0, true},
		{map[string]string{"Retry-After": "99999999999999999999999"}, 24 * time.Hour, true},
		{map[string]string{"Retry-After": "-5"}, 0, false},
		{map[string]string{"Retry-After": "soon"}, 0, false},
		{map[string]string{"Retry-After": "0x10"}, 0, false},
		{map[string]string{"Retry-After": "1e3"}, 0, false},
		{map[string]string{"Retry-After": "."}, 0, false},
		{map[string]string{"X-Amz-Retry-After": "1500"}, 1500 * time.Millisecond, true},
		{map[string]string{"Retry-After": "junk", "X-Amz-Retry-After": "700"}, 700 * time.Millisecond, true},
		{map[string]string{"Retry-After": "Wed, 25 Nov 2026 10:00:30 GMT", "Date": "Wed, 25 Nov 2026 10:00:00 GMT"}, 30 * time.Second, true},
		{map[string]string{"Retry-After": now.Add(-time.Hour).UTC().Format(http.TimeFormat)}, 0, true},
	} {
		h := http.Header{}
		for k, v := range tc.header {
			h.Set(k, v)
		}
		if got, ok := alert.RetryAfter(h); got != tc.want || ok != tc.ok {
			t.Errorf("%v: %s %v, want %s %v", tc.header, got, ok, tc.want, tc.ok)
		}
	}
}

// While a service asks to wait it is asked nothing, and then once.
func TestAStormOf429(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		open := openHooked(t, dir, (&badDisk{lazy: true}).step, nil, sink)
		end := time.Now().Add(10 * time.Minute)
		sink.Answer(func(context.Context, int, alert.Alert) error {
			if time.Now().Before(end) {
				return &alert.ThrottledError{After: 20 * time.Second}
			}
			return nil
		})
		for i := range 40 {
			open.put(firing(string(rune('a'+i%26))+string(rune('a'+i/26)), alert.Warning))
		}
		time.Sleep(11 * time.Minute)
		calls := sink.Calls()
		for i := 1; i < len(calls); i++ {
			if gap := calls[i].At.Sub(calls[i-1].At); calls[i-1].Err != nil && gap < 20*time.Second {
				t.Errorf("asked again after %s", gap)
			}
		}
		if n := len(sink.Taken()); n != 40 {
			t.Errorf("%d of 40 arrived", n)
		}
		if st := open.SinkStatus()[0]; st.State != "ok" {
			t.Errorf("throttling is a failure: %+v", st)
		}
	})
}
