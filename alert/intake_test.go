package alert_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

func posted(summary string, state alert.State) alert.Alert {
	return alert.Alert{Rule: "send", Target: "backup", Severity: alert.Warning, State: state, Summary: summary}
}

func TestAcceptOncePerKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		accept := func(a alert.Alert, key string, want alert.Result) {
			t.Helper()
			got, err := r.Accept(t.Context(), a, key)
			if got != want || (err == nil) != (want == alert.Accepted || want == alert.Repeated || want == alert.Ignored) {
				t.Errorf("Accept %q %s: %s, %v, want %s", a.Summary, a.State, got, err, want)
			}
			time.Sleep(time.Second)
		}
		accept(posted("failed", alert.Firing), "k", alert.Accepted)
		accept(posted("failed", alert.Firing), "k", alert.Repeated)
		accept(posted("failed otherwise", alert.Firing), "k", alert.Conflict)
		r.stop()
		r = open(t, dir, nil, sink)
		accept(posted("failed", alert.Firing), "k", alert.Repeated) // the key is durable
		if n := len(r.OpenFiring()); n != 0 {
			t.Error("the Detector must not adopt what came from outside")
		}
		r.put(alert.Alert{Rule: "send", Target: "backup", Severity: alert.Warning, State: alert.Resolved}) // nor end it
		accept(alert.Alert{Rule: "send", Target: "backup", State: alert.Resolved}, "k", alert.Accepted)
		accept(alert.Alert{Rule: "send", Target: "backup", State: alert.Resolved}, "k", alert.Ignored)
		accept(posted("failed", alert.Firing), "k", alert.Accepted) // it failed once more
		accept(posted("bad", "burning"), "", alert.Refused)
		accept(posted("", alert.Firing), "", alert.Refused)
		accept(posted(strings.Repeat("x", 65<<10), alert.Firing), "", alert.Refused)
		accept(posted("long key", alert.Firing), strings.Repeat("k", 300), alert.Refused)
		wantPhases(t, sink.Taken(), "send:firing", "send:resolved", "send:firing")
		if end := sink.Taken()[1]; end.Severity != alert.Warning || end.Summary != "resolved: failed" {
			t.Errorf("the end was not filled in: %+v", end)
		}
		wantClean(t, r)
	})
}

func TestAcceptNeverPromisesWhatIsNotOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
		r := openHooked(t, dir, disk.step, nil, sink)
		disk.fail(syscall.EIO)
		if got, err := r.Accept(t.Context(), posted("failed", alert.Firing), "k"); got != alert.NotYet || !errors.Is(err, alert.ErrNotDurable) {
			t.Errorf("Accept: %s, %v", got, err)
		}
		if got, _ := r.Accept(t.Context(), posted("failed", alert.Firing), "k"); got != alert.NotYet {
			t.Errorf("the second try: %s", got)
		}
		if got, _ := r.Accept(t.Context(), posted("", alert.Resolved), ""); got != alert.NotYet {
			t.Errorf("the end: %s", got)
		}
		if got, _ := r.Accept(t.Context(), posted("", alert.Resolved), ""); got != alert.NotYet {
			t.Errorf("the end again: %s", got)
		}
		disk.fail(nil)
		time.Sleep(2 * time.Second)
		if got, err := r.Accept(t.Context(), posted("failed", alert.Firing), "k"); got != alert.Accepted {
			t.Errorf("on a good disk: %s, %v", got, err)
		}
	})
}

// Past its bound the outbox gives up the least important, keeps that as a dead
// letter, and refuses what is less important than all it has.
func TestAFullOutboxStillTakesCriticals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		box, err := alert.OpenHooked(root, alert.Options{MaxOpen: 2}, (&badDisk{lazy: true}).step)
		if err != nil {
			t.Fatal(err)
		}
		box.SetSinks([]alert.Sink{alerttest.NewSink("s")}, nil)
		for i, tc := range []struct {
			s  alert.Severity
			ok bool
		}{{alert.Info, true}, {alert.Warning, true}, {alert.Warning, true}, {alert.Critical, true}, {alert.Critical, true},
			{alert.Warning, false}, {alert.Critical, true}, {alert.Critical, true}, {alert.Critical, false}} {
			a := firing("r"+string(rune('a'+i)), tc.s)
			if err := box.Put(t.Context(), a); (err == nil) != tc.ok || (err != nil && !errors.Is(err, alert.ErrFull)) {
				t.Errorf("alert %d: %v", i, err)
			}
			time.Sleep(time.Millisecond)
		}
		if st := box.Stats(); st.Refused != 2 || st.Evicted != 3 {
			t.Errorf("%+v: want 2 refused, 3 given up", st)
		}
		var rules []string
		for _, d := range box.DeadLetters() {
			rules = append(rules, strings.TrimSuffix(d.Summary, " is bad"))
		}
		if got := strings.Join(rules, " "); got != "ra rb rc" {
			t.Errorf("dead letters of %q, want the info and then the warnings", got)
		}
	})
}

func intake(t *testing.T, dir string) *os.Root {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, alert.IntakeDir), 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, alert.IntakeDir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestIntakeWaitsForAnAgent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := intake(t, dir)
	synctest.Test(t, func(t *testing.T) {
		write := func(a alert.Alert, key string) {
			t.Helper()
			a.Severity = alert.Critical // always told
			if err := alert.WriteIntake(in, a, key); err != nil {
				t.Fatal(err)
			}

		}
		write(posted("failed", alert.Firing), "k")
		write(posted("failed", alert.Firing), "k")
		write(posted("", alert.Resolved), "k")
		write(posted("failed", alert.Firing), "k")
		write(posted("another body", alert.Firing), "k") // a conflict: kept, not sent
		if err := alert.WriteIntake(in, posted("", alert.Firing), ""); !errors.Is(err, alert.ErrInvalid) {
			t.Errorf("an alert without a summary: %v", err)
		}
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		time.Sleep(10 * time.Second)
		told := phases(sink.Taken()) // two incidents of the same moment: in no order between them
		slices.Sort(told)
		if !slices.Equal(told, []string{"send:firing", "send:firing", "send:resolved"}) {
			t.Errorf("told %v", told)
		}
		if s := r.Stats(); s.Accepted != 3 || s.Repeats != 1 || s.Quarantined != 1 {
			t.Errorf("stats %+v", s)
		}
		write(posted("", alert.Resolved), "k") // while it runs, too
		time.Sleep(3 * time.Second)
		synctest.Wait() // the house keeps itself on the same second
		wantPhases(t, sink.Taken()[3:], "send:resolved")
		if names, _ := os.ReadDir(filepath.Join(dir, alert.IntakeDir)); len(names) != 0 {
			t.Errorf("%d files are left", len(names))
		}
		if p := alert.Check(r.root); len(p) != 1 || !strings.HasPrefix(p[0].Path, "incidents/quarantine/intake-") {
			t.Errorf("check: %v", p)
		}
	})
}

func TestIntakeFilesGoOnlyOnceTheirAlertIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := intake(t, dir)
	synctest.Test(t, func(t *testing.T) {
		disk := &badDisk{lazy: true}
		sink := alerttest.NewSink("s")
		r := openHooked(t, dir, disk.step, nil, sink)
		disk.fail(syscall.ENOSPC)
		if err := alert.WriteIntake(in, posted("failed", alert.Firing), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		if names, _ := os.ReadDir(filepath.Join(dir, alert.IntakeDir)); len(names) != 1 {
			t.Errorf("%d files, want the one that is not durable elsewhere", len(names))
		}
		disk.fail(nil)
		time.Sleep(7 * time.Second)
		if names, _ := os.ReadDir(filepath.Join(dir, alert.IntakeDir)); len(names) != 0 {
			t.Errorf("%d files are left", len(names))
		}
		if n := len(sink.Taken()); n != 1 || len(r.Incidents()) != 1 {
			t.Errorf("told %d times, %d incidents", n, len(r.Incidents()))
		}
	})
}

func TestIntakeIsNotHeldUpByForeignFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := intake(t, dir)
	folder := filepath.Join(dir, alert.IntakeDir)
	for name, put := range map[string]func(string) error{
		"0-fifo":    func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"0-link":    func(p string) error { return os.Symlink("/etc/passwd", p) },
		"0-dir":     func(p string) error { return os.Mkdir(p, 0o700) },
		"0-junk":    func(p string) error { return os.WriteFile(p, []byte("{\x00"), 0o600) },
		"0-huge":    func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) },
		"0-newer":   func(p string) error { return os.WriteFile(p, []byte(`{"schema":99}`), 0o600) },
		".tmp-half": func(p string) error { return os.WriteFile(p, []byte(`{"sch`), 0o600) },
	} {
		if err := put(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := alert.WriteIntake(in, posted("failed", alert.Firing), ""); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		time.Sleep(10 * time.Second)
		wantPhases(t, sink.Taken(), "send:firing")
		left, _ := os.ReadDir(folder)
		if n := r.Stats().Quarantined; n != 2 || len(left) != 5 {
			t.Errorf("%d quarantined, %d left, want 2 and 5", n, len(left))
		}
	})
}

// Many clients at once, on a real disk and clock: each promise is on disk.
func TestAcceptFromManyClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	box, err := alert.Open(root, alert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sink := alerttest.NewSink("s")
	box.SetSinks([]alert.Sink{sink}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var run, clients sync.WaitGroup
	run.Go(func() { box.Run(ctx) })
	for c := range 8 {
		clients.Go(func() {
			for i := range 25 {
				a := posted("failed", alert.Firing)
				a.Target = string(rune('a'+c)) + string(rune('a'+i))
				if got, err := box.Accept(ctx, a, a.Target); got != alert.Accepted {
					t.Errorf("Accept: %s, %v", got, err)
				}
				_, _, _ = box.Incidents(), box.SinkStatus(), box.Health()
			}
		})
	}
	clients.Wait()
	if files, _ := os.ReadDir(dir + "/incidents/open"); len(files) != 200 {
		t.Errorf("%d files, want 200", len(files))
	}
	cancel()
	run.Wait()
	for _, p := range alert.Check(root) {
		t.Errorf("check: %s: %s", p.Path, p.Problem)
	}
}
