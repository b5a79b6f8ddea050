package alert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// keyed sends an alert of its own target with a key.
func (r *rig) keyed(target, summary, key string, want alert.Result) {
	r.t.Helper()
	a := posted(summary, alert.Firing)
	a.Target = target
	if got, err := r.Accept(r.t.Context(), a, key); got != want {
		r.t.Errorf("Accept %s %q: %s, %v, want %s", target, summary, got, err, want)
	}
}

// giveUp has the outbox, of 2 incidents at most, give up what it holds.
func (r *rig) giveUp() {
	r.t.Helper()
	for i := range 2 {
		r.put(firing(fmt.Sprint("more", i), alert.Critical))
	}
	time.Sleep(3 * time.Second) // it is closed by then
	for i := range 2 {
		r.put(resolved(fmt.Sprint("more", i), alert.Critical))
	}
	time.Sleep(3 * time.Second)
}

func openSmall(t *testing.T, dir string) *rig {
	return openWith(t, dir, alert.Options{Host: "web-1", Seed: 7, MaxOpen: 2}, (&badDisk{lazy: true}).step, nil, alerttest.NewSink("s"))
}

// A key outlives its incident, a restart too, unless the sender ended the
// incident; after 24 h it is free again.
func TestAKeyOutlivesItsIncident(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := openSmall(t, dir)
		r.keyed("a", "failed", "k", alert.Accepted)
		time.Sleep(time.Second)
		r.giveUp()
		for range 2 {
			r.keyed("a", "failed", "k", alert.Repeated)
			r.keyed("a", "failed otherwise", "k", alert.Conflict)
			r.stop()
			r = openSmall(t, dir) // the second time by what the closed files hold
		}
		r.stop()
		r = openSmall(t, dir)
		if n := len(r.Incidents()); n != 0 {
			t.Errorf("%d incidents are open", n)
		}
		names, _ := filepath.Glob(dir + "/incidents/closed/*.json")
		old := time.Now().Add(-25 * time.Hour)
		for _, n := range names {
			if err := os.Chtimes(n, old, old); err != nil {
				t.Fatal(err)
			}
		}
		r.stop()
		r = openSmall(t, dir)
		r.keyed("a", "failed", "k", alert.Accepted)
		r.stop()
	})
}

func TestAKeyIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := openSmall(t, dir)
		r.keyed("a", "failed", "k", alert.Accepted)
		time.Sleep(time.Second)
		r.giveUp()
		time.Sleep(23 * time.Hour)
		r.keyed("a", "failed", "k", alert.Repeated)
		time.Sleep(2 * time.Hour)
		r.keyed("a", "failed", "k", alert.Accepted)
		r.stop()
	})
}

// An intake file that is read twice, as a crash between its alert and its
// removal has it, is one alert even where its incident has ended meanwhile.
func TestAnIntakeFileThatIsReadTwiceIsOneAlert(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := intake(t, dir)
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		a := posted("failed", alert.Firing)
		a.Severity = alert.Critical
		if err := alert.WriteIntake(in, a, ""); err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(dir + "/intake/*.json")
		if len(files) != 1 {
			t.Fatalf("%d files", len(files))
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, dir, nil, sink)
		time.Sleep(3 * time.Second)
		if got, err := r.Accept(t.Context(), posted("", alert.Resolved), ""); got != alert.Accepted {
			t.Fatalf("%s, %v", got, err)
		}
		time.Sleep(3 * time.Second)
		r.stop()
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		r = open(t, dir, nil, sink)
		time.Sleep(5 * time.Second)
		wantPhases(t, sink.Taken(), "send:firing", "send:resolved")
		wantClean(t, r)
		r.stop()
	})
}
