package alert_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// outage makes a backlog of criticals at a sink that is down: ended began and
// ended, fires fire on.
func outage(t *testing.T, r *rig, ended, fires int) {
	t.Helper()
	for i := range ended + fires {
		r.put(firing(fmt.Sprintf("c%02d", i), alert.Critical))
		time.Sleep(time.Minute)
	}
	for i := range ended {
		r.put(resolved(fmt.Sprintf("c%02d", i), alert.Critical))
	}
	time.Sleep(6 * time.Hour)
}

func TestOneDigestAfterALongOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		r.put(firing("before", alert.Warning))
		settle()
		sink.Fail(errDown)
		r.put(resolved("before", alert.Warning))
		outage(t, r, 10, 5)
		sink.Fail(nil)
		time.Sleep(73 * time.Second)
		got := sink.Taken()[1:]
		// The probe is the oldest critical, which a breaker may have tried before.
		want := []string{"c00:firing", "digest:digest"}
		wantPhases(t, got[:2], want...)
		d := got[1]
		if len(d.Members) != 16 || d.State != alert.Firing || d.Severity != alert.Critical {
			t.Errorf("digest %+v", d)
		}
		wantPhases(t, got[2:], "c00:resolved", "c10:firing", "c11:firing", "c12:firing", "c13:firing", "c14:firing", "before:resolved")
		time.Sleep(2 * time.Second)
		if n := len(r.Incidents()); n != 5 {
			t.Errorf("%d incidents are open, want the 5 that fire", n)
		}
		if s := r.Stats(); s.Digests != 1 || s.Cancelled != 0 {
			t.Errorf("stats %+v", s)
		}
		wantClean(t, r)
	})
}

func TestADigestSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		outage(t, r, 14, 0)
		// Only the probe gets through.
		n := len(sink.Calls())
		sink.Answer(func(_ ctx, i int, _ alert.Alert) error {
			if i == n {
				return nil
			}
			return errDown
		})
		time.Sleep(73 * time.Second)
		if r.Stats().Digests != 1 {
			t.Fatal("no digest began")
		}
		r.stop()
		r = open(t, dir, nil, sink)
		sink.Fail(nil)
		time.Sleep(10 * time.Minute)
		wantPhases(t, sink.Taken(), "c00:firing", "digest:digest", "c00:resolved")
		if n := len(r.Incidents()); n != 0 {
			t.Errorf("%d incidents are open", n)
		}
		wantClean(t, r)
	})
}

func TestARefusedDigestSendsEachByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		outage(t, r, 12, 0)
		sink.Answer(func(_ ctx, _ int, a alert.Alert) error {
			if a.Phase == alert.PhaseDigest {
				return fmt.Errorf("%w: too long", alert.ErrPermanent)
			}
			return nil
		})
		time.Sleep(3 * time.Minute)
		if n := len(sink.Taken()); n != 24 {
			t.Errorf("%d messages, want 24: %v", n, phases(sink.Taken()))
		}
		if n := len(r.DeadLetters()); n != 1 {
			t.Errorf("%d dead letters, want the digest", n)
		}
		wantClean(t, r)
	})
}

// A crash may take back the end of an incident that a digest was to tell of:
// then it fires, is told by itself, and its file stays sound.
func TestADigestDoesNotEndWhatFires(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		for i := range 14 {
			r.put(firing(fmt.Sprintf("c%02d", i), alert.Critical))
		}
		before := map[string][]byte{}
		names, _ := filepath.Glob(dir + "/incidents/open/*.json")
		for _, n := range names {
			b, err := os.ReadFile(n)
			if err != nil {
				t.Fatal(err)
			}
			before[n] = b
		}
		for i := range 14 {
			r.put(resolved(fmt.Sprintf("c%02d", i), alert.Critical))
		}
		time.Sleep(time.Hour)
		n := len(sink.Calls())
		sink.Answer(func(_ ctx, i int, _ alert.Alert) error { // only the probe gets through
			if i == n {
				return nil
			}
			return errDown
		})
		time.Sleep(73 * time.Second)
		if r.Stats().Digests != 1 {
			t.Fatal("no digest began")
		}
		r.stop()
		for name, b := range before {
			if bytes.Contains(b, []byte(`"c05"`)) {
				if err := os.WriteFile(name, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		sink.Fail(nil)
		for range 2 {
			r = open(t, dir, nil, sink)
			time.Sleep(10 * time.Minute)
			if got := r.OpenFiring(); len(got) != 1 || got[0].Rule != "c05" {
				t.Errorf("these fire: %v", phases(got))
			}
			wantClean(t, r)
			r.stop()
		}
		if !slices.Contains(phases(sink.Taken()), "c05:firing") {
			t.Errorf("c05 was never told: %v", phases(sink.Taken()))
		}
	})
}

// What a crash may leave: the file of an incident names a digest that never
// reached the disk, and its beginning was confirmed while that waited. Nobody
// tells of its end but the incident itself.
func TestADigestThatNeverWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		sink.Fail(errDown)
		r := open(t, dir, nil, sink)
		r.put(firing("c00", alert.Critical))
		r.put(resolved("c00", alert.Critical))
		time.Sleep(time.Minute)
		r.stop()
		names, _ := filepath.Glob(dir + "/incidents/open/*.json")
		if len(names) != 1 {
			t.Fatal(names)
		}
		b, err := os.ReadFile(names[0])
		if err != nil {
			t.Fatal(err)
		}
		var file map[string]any
		if err := json.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		file["sinks"].(map[string]any)["s"] = map[string]any{"done": "firing", "confirmed": "firing", "digest": strings.Repeat("ab", 16)}
		if b, err = json.Marshal(file); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(names[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		sink.Fail(nil)
		r = open(t, dir, nil, sink)
		time.Sleep(time.Minute)
		if got := phases(sink.Taken()); !slices.Equal(got, []string{"c00:resolved"}) {
			t.Errorf("told %v, want the end", got)
		}
		wantClean(t, r)
	})
}
