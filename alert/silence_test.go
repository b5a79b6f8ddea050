package alert_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func silence(t *testing.T, r *rig, s alert.Silence, d time.Duration) string {
	t.Helper()
	s.Until = time.Now().Add(d)
	got, err := r.AddSilence(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}

// What fires on at the end of a silence is told then; what ended in it never.
func TestSilence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		r.put(firing("told-before", alert.Warning))
		settle()
		silence(t, r, alert.Silence{Rule: "t*", By: "anna"}, time.Hour)
		silence(t, r, alert.Silence{Rule: "quiet", Target: "/", Comment: "new disk"}, time.Hour)
		r.put(firing("quiet", alert.Critical))
		r.put(firing("loud", alert.Warning))
		r.put(firing("to-end", alert.Critical))
		time.Sleep(time.Minute)
		r.put(update("quiet", alert.Critical))
		r.put(update("told-before", alert.Warning))
		r.put(resolved("to-end", alert.Critical))
		r.put(resolved("told-before", alert.Warning))
		time.Sleep(time.Minute)
		wantPhases(t, sink.Taken(), "told-before:firing", "loud:firing", "told-before:update-1", "told-before:resolved")
		if st := r.Stats(); st.Silenced != 1 {
			t.Errorf("%d silenced were counted, want 1", st.Silenced)
		}
		r.stop()
		r = open(t, dir, nil, sink) // silences outlive a restart
		time.Sleep(50 * time.Minute)
		if n := len(sink.Taken()); n != 4 {
			t.Fatalf("%d sent, the silence did not outlive the restart", n)
		}
		time.Sleep(10 * time.Minute)
		wantPhases(t, sink.Taken()[4:], "quiet:firing", "quiet:update-1")
		if n := len(r.Silences()); n != 0 {
			t.Errorf("%d silences after their end", n)
		}
		wantClean(t, r)
	})
}

func TestSilenceIsRemovedAndLogged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		id := silence(t, r, alert.Silence{Severity: alert.Warning, Labels: map[string]string{"env": "te*"}}, time.Hour)
		r.put(firing("a", alert.Warning))
		r.put(firing("b", alert.Critical))
		settle()
		wantPhases(t, sink.Taken(), "b:firing")
		if in := r.Incidents(); in[1].Silenced != id {
			t.Errorf("incident %+v, want silenced by %s", in[1], id)
		}
		if err := r.Acknowledge(t.Context(), r.Incidents()[0].ID, "bert"); err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveSilence(t.Context(), id, "carl"); err != nil {
			t.Fatal(err)
		}
		settle()
		wantPhases(t, sink.Taken(), "b:firing", "a:firing")
		if err := r.RemoveSilence(t.Context(), id, "carl"); !errors.Is(err, alert.ErrUnknownSilence) {
			t.Errorf("the second removal: %v", err)
		}
		b, err := os.ReadFile(dir + "/audit.log")
		if err != nil {
			t.Fatal(err)
		}
		var did []string
		for line := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n") {
			var e alert.AuditEntry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			did = append(did, e.By+" "+e.Action)
		}
		if got := strings.Join(did, ", "); got != " silence-add, bert acknowledge, carl silence-remove" {
			t.Errorf("audit log: %s", got)
		}
	})
}

func TestSilenceOfOneMemberHidesNoOther(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		silence(t, r, alert.Silence{Rule: "disk"}, time.Hour)
		a := firing("disk", alert.Warning)
		a.Members = []alert.Member{{Rule: "disk", Target: "/", Severity: alert.Warning, State: alert.Firing}}
		r.put(a)
		settle()
		wantPhases(t, sink.Taken())
		a.Members = append(a.Members, alert.Member{Rule: "io", Severity: alert.Warning, State: alert.Firing})
		r.put(a)
		settle()
		wantPhases(t, sink.Taken(), "disk:firing", "disk:update-1")
	})
}

func TestSilenceIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, nil)
		for name, s := range map[string]alert.Silence{
			"empty": {Until: time.Now().Add(time.Hour)}, "past": {Rule: "a", Until: time.Now()}, "long": {Rule: "a", Until: time.Now().Add(9000 * time.Hour)},
			"severity": {Severity: "bad", Until: time.Now().Add(time.Hour)},
		} {
			if _, err := r.AddSilence(t.Context(), s); !errors.Is(err, alert.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Maintenance comes again every day; the bubble's time begins at 2000-01-01
// 00:00 UTC, a Saturday.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		c := alert.MaintenanceConfig{Cron: "0 3 * * sat,sun", Duration: conf.Duration(time.Hour), Zone: "Europe/Berlin", Match: alert.RouteMatch{Rule: []string{"backup-*"}}}
		if f := c.Validate(); len(f) > 0 {
			t.Fatal(f)
		}
		r.SetMaintenance([]alert.MaintenanceConfig{c})
		for day := range 2 {
			time.Sleep(time.Until(time.Date(2000, 1, 1+day, 2, 1, 0, 0, time.UTC))) // 3:01 in Berlin
			r.put(firing("backup-slow", alert.Critical))
			r.put(firing("other", alert.Critical))
			time.Sleep(58 * time.Minute)
			if n := len(sink.Taken()); n != 1+4*day {
				t.Fatalf("%d told in the window", n)
			}
			time.Sleep(2 * time.Minute)
			if n := len(sink.Taken()); n != 2+4*day {
				t.Fatalf("%d told after the window", n)
			}
			r.put(resolved("backup-slow", alert.Critical))
			r.put(resolved("other", alert.Critical))
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Until(time.Date(2000, 1, 3, 2, 1, 0, 0, time.UTC)))
		r.put(firing("backup-slow", alert.Critical))
		settle()
		wantPhases(t, sink.Taken()[8:], "backup-slow:firing") // a Monday
	})
}
