package alert_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

func TestTheDirectoryHasOneHolder(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	first, err := alert.LockDir(root)
	if err != nil {
		t.Fatal(err)
	}
	_, err = alert.LockDir(root)
	var locked *alert.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), "pid") {
		t.Errorf("the second one: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := alert.LockDir(root)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

// plant makes a directory with two open incidents and returns their files.
func plant(t *testing.T, dir string) []string {
	t.Helper()
	r := open(t, dir, nil, alerttest.NewSink("s"))
	r.put(firing("cpu", alert.Warning))
	r.put(firing("mem", alert.Critical))
	settle()
	r.stop()
	files, err := filepath.Glob(dir + "/incidents/open/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	return files
}

// A damaged file costs one incident at most; it is quarantined and never
// deleted.
func TestDamageIsQuarantined(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, dir, file string) error{
		"truncated": func(_ *testing.T, _, f string) error { return os.Truncate(f, 100) },
		"empty":     func(_ *testing.T, _, f string) error { return os.Truncate(f, 0) },
		"zeros":     func(_ *testing.T, _, f string) error { return os.WriteFile(f, make([]byte, 4096), 0o600) },
		"newer":     replaceIn(`"schema": 1,`, `"schema": 2,`),
		"other id":  replaceIn(`"id": "`, `"id": "f`),
		"bad phase": replaceIn(`"confirmed": "firing"`, `"confirmed": "resolved"`),
		"bad key":   replaceIn(`.firing"`, `.update-1"`),
		"renamed": func(_ *testing.T, dir, f string) error {
			return os.Rename(f, dir+"/incidents/open/"+strings.Repeat("0", 32)+".json")
		},
		"pipe":    func(_ *testing.T, dir, f string) error { _ = os.Remove(f); return syscall.Mkfifo(f, 0o600) },
		"symlink": func(_ *testing.T, dir, f string) error { _ = os.Remove(f); return os.Symlink("/etc/passwd", f) },
		"folder":  func(_ *testing.T, dir, f string) error { _ = os.Remove(f); return os.Mkdir(f, 0o700) },
		"half written": func(_ *testing.T, dir, f string) error {
			return os.Rename(f, dir+"/incidents/tmp/1-1-x.json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				file := plant(t, dir)[0]
				if err := damage(t, dir, file); err != nil {
					t.Fatal(err)
				}
				sink := alerttest.NewSink("s")
				r := open(t, dir, nil, sink)
				settle() // what is no incident is seen to lazily
				if n := len(r.OpenFiring()); n != 1 {
					t.Errorf("%d incidents were adopted, want the intact one", n)
				}
				if q := r.Quarantined(); len(q) != 1 || r.Stats().Quarantined != 1 || q[0].Problem == "" {
					t.Errorf("quarantined %v", q)
				}
				if kept, _ := os.ReadDir(dir + "/incidents/quarantine"); len(kept) != 1 {
					t.Errorf("%d files in quarantine", len(kept))
				}
				r.put(firing("disk", alert.Warning))
				settle()
				wantPhases(t, sink.Taken(), "disk:firing")
			})
		})
	}
}

func replaceIn(old, new string) func(*testing.T, string, string) error {
	return func(t *testing.T, _, f string) error {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if !strings.Contains(string(b), old) {
			t.Fatalf("%q is not in %s", old, b)
		}
		return os.WriteFile(f, []byte(strings.Replace(string(b), old, new, 1)), 0o600)
	}
}

func TestCheckFindsPlantedCorruptions(t *testing.T) {
	t.Parallel()
	for want, damage := range map[string]func(t *testing.T, dir, file string) error{
		"decode incident":       func(_ *testing.T, _, f string) error { return os.Truncate(f, 100) },
		"should be named":       func(_ *testing.T, dir, f string) error { return os.Rename(f, dir+"/incidents/open/x.json") },
		"others can reach it":   func(_ *testing.T, _, f string) error { return os.Chmod(f, 0o644) },
		"the folder is missing": func(_ *testing.T, dir, _ string) error { return os.Remove(dir + "/incidents/quarantine") },
		"half written":          func(_ *testing.T, dir, _ string) error { return os.WriteFile(dir+"/incidents/tmp/x", nil, 0o600) },
		"quarantined": func(_ *testing.T, dir, _ string) error {
			return os.WriteFile(dir+"/incidents/quarantine/x", nil, 0o600)
		},
		"not 32 hex digits":  func(_ *testing.T, dir, _ string) error { return os.WriteFile(dir+"/install-id", []byte("{}"), 0o600) },
		"decode intake file": func(_ *testing.T, dir, _ string) error { return os.WriteFile(dir+"/intake/x.json", []byte("x"), 0o600) },
		"is not settled everywhere": func(_ *testing.T, dir, f string) error {
			return os.Rename(f, strings.Replace(f, "/open/", "/closed/", 1))
		},
		"fires for the same rule":    func(_ *testing.T, _, f string) error { return twin(f, "/open/", strings.Repeat("a", 32)) },
		"this incident is closed to": func(_ *testing.T, _, f string) error { return twin(f, "/closed/", "") },
		"has a memo of":              replaceIn(`"memo": "`, `"memo": "`+strings.Repeat("AAAA", 666)),
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				file := plant(t, dir)[0]
				root, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				if p := alert.Check(root); p != nil {
					t.Fatalf("before: %v", p)
				}
				if err := damage(t, dir, file); err != nil {
					t.Fatal(err)
				}
				found := alert.Check(root)
				for _, p := range found {
					if strings.Contains(p.Problem, want) {
						return
					}
				}
				t.Errorf("found %v", found)
			})
		})
	}
}

// twin copies an incident to another folder, and under another id if one is
// given.
func twin(file, folder, id string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old := strings.TrimSuffix(filepath.Base(file), ".json")
	if id == "" {
		id = old
	}
	to := filepath.Join(filepath.Dir(filepath.Dir(file)), folder, id+".json")
	return os.WriteFile(to, []byte(strings.ReplaceAll(string(b), old, id)), 0o600)
}

func TestACloneStartsAfresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		plant(t, dir)
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		same, _ := alert.Open(root, alert.Options{}) // no machine id is known: no check
		if n := len(same.OpenFiring()); n != 2 {
			t.Errorf("%d adopted without a machine id", n)
		}
		clone, _ := alert.Open(root, alert.Options{MachineID: "m2"})
		if n := len(clone.OpenFiring()); n != 0 || clone.InstallID() == same.InstallID() || clone.Stats().Quarantined != 2 {
			t.Errorf("a clone adopted %d incidents, install id %s", n, clone.InstallID())
		}
		again, _ := alert.Open(root, alert.Options{MachineID: "m2"})
		if again.InstallID() != clone.InstallID() {
			t.Error("the clone's install id did not stay")
		}
	})
}

func TestPutRefusesWhatNobodyCouldKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		for _, a := range []alert.Alert{
			{Severity: alert.Info, State: alert.Firing},
			{Rule: "r", Severity: "loud", State: alert.Firing},
			{Rule: "r", Severity: alert.Info},
		} {
			if err := r.Put(t.Context(), a); !errors.Is(err, alert.ErrInvalid) {
				t.Errorf("%+v: %v", a, err)
			}
		}
		r.put(resolved("never fired", alert.Info))
		big := firing("big", alert.Critical)
		for range 100 {
			big.Culprits = append(big.Culprits, alert.Culprit{Command: strings.Repeat("x", 4096)})
		}
		big.Target = "/mnt/\xff"
		r.put(big)
		settle()
		r.stop()
		r = open(t, dir, nil, sink)
		big.State = alert.Resolved // a target that is no UTF-8 is known again after a restart
		r.put(big)
		settle()
		wantPhases(t, sink.Taken(), "big:firing", "big:resolved")
		if s := r.Stats(); s.Ignored != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestTheSilenceCommandIsOneSafeLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		a := firing("disk-full", alert.Info)
		a.Target = "/mnt/it's $(reboot)"
		r.put(a)
		settle()
		want := `firewatch silence add --rule disk-full --target '/mnt/it'\''s $(reboot)' --for 2h`
		if got := sink.Taken()[0].SilenceCommand; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
