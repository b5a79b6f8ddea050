package alert_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// A state directory that is removed as a whole under an agent that has nothing
// to write is made anew, with all that is known in memory, and takes the next
// change durably; once more when it happens again.
func TestAStateDirectoryThatIsRemovedIsMadeAnew(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"removed", "removed and made again by somebody", "moved away"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			synctest.Test(t, func(t *testing.T) { removed(t, dir, how) })
		})
	}
}

func removed(t *testing.T, dir, how string) {
	remake := func() (*os.Root, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		return os.OpenRoot(dir)
	}
	root, err := remake()
	if err != nil {
		t.Fatal(err)
	}
	sink := alerttest.NewSink("s")
	box, err := alert.OpenHooked(root, alert.Options{Host: "web-1", Seed: 7, Remake: remake}, (&badDisk{lazy: true}).step)
	if err != nil {
		t.Fatal(err)
	}
	box.SetSinks([]alert.Sink{sink}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { box.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()

	if err := box.Put(ctx, firing("cpu", alert.Warning)); err != nil {
		t.Fatal(err)
	}
	if err := box.SaveState(ctx, []byte(`{"detector":1}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := box.AddSilence(ctx, alert.Silence{Rule: "nothing", Until: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Second) // idle from here
	for i := range 2 {
		err := os.RemoveAll(dir + string(rune('a'+i)))
		if how == "moved away" {
			err = os.Rename(dir, dir+string(rune('a'+i)))
		} else if err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		if how == "removed and made again by somebody" {
			if _, err := remake(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(4 * time.Second)
		wantRemade(t, box, dir)
	}
	if err := box.Put(ctx, resolved("cpu", alert.Warning)); err != nil {
		t.Errorf("not durable again: %v", err)
	}
	time.Sleep(time.Second)
	wantPhases(t, sink.Taken(), "cpu:firing", "cpu:resolved")
}

func wantRemade(t *testing.T, box *alert.Outbox, dir string) {
	t.Helper()
	if h := box.Health(); !h.Durable || h.Pending != 0 {
		t.Errorf("health %+v", h)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, p := range alert.Check(root) {
		t.Errorf("check: %s: %s", p.Path, p.Problem)
	}
	var install alert.Install
	b, err := os.ReadFile(filepath.Join(dir, "install-id"))
	if err == nil {
		err = json.Unmarshal(b, &install)
	}
	if err != nil || install.ID != box.InstallID() {
		t.Errorf("install id %q (%v), want %s", install.ID, err, box.InstallID())
	}
	if b, err := box.LoadState(); string(b) != `{"detector":1}` || err != nil {
		t.Errorf("state.json: %q, %v", b, err)
	}
	count := func(pattern string) int { names, _ := filepath.Glob(filepath.Join(dir, pattern)); return len(names) }
	if open, silences, spare := count("incidents/open/*.json"), count("silences.json"), count("spare/*"); open != 1 || silences != 1 || spare != 64 {
		t.Errorf("%d open incidents, %d silences.json, %d spare files", open, silences, spare)
	}
}
