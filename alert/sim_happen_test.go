package alert_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// happen is what comes from outside: people, restarts, faults.
func (w *world) happen(n int, rule string) {
	switch {
	case n < 870:
		w.crash()
	case n < 890:
		w.box.stop()
		w.start()
	case n < 900:
		w.silence(rule)
	case n < 910:
		w.acknowledge()
	case n < 920: // a reload
		w.box.SetSinks(w.sinks(), w.routes)
	case n < 927:
		w.snapshot()
	case n < 935 && w.kept != nil:
		w.restore()
	case n < 940:
		w.stepClock()
	case n < 970:
		s := w.services[w.rng.IntN(len(w.services))]
		s.mu.Lock()
		s.mood = w.rng.IntN(7)
		s.mu.Unlock()
	case n < 980:
		w.troubles = append(w.troubles, time.Now())
		w.disk.fail(os.ErrPermission)
	default:
		w.troubles = append(w.troubles, time.Now())
		w.disk.fail(nil)
	}
}

// snapshot copies the state directory, as one of the whole machine does.
func (w *world) snapshot() {
	w.box.stop()
	w.kept = &snapshot{w.dir + ".snapshot", maps.Clone(w.promised)}
	w.copy(w.kept.dir, w.dir)
	w.start()
}

// copy makes a folder the copy of another, modes included.
func (w *world) copy(to, from string) {
	err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from)))
	if err == nil {
		err = filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return os.Chmod(path, 0o600)
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// restore brings the snapshot back: what was promised later is gone, and what
// was told since may be told again.
func (w *world) restore() {
	w.down()
	w.copy(w.dir, w.kept.dir)
	w.promised = maps.Clone(w.kept.promised)
	w.start()
}

var timeInJSON = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

// stepClock has the wall clock jump, forth or back, while the agent is down: to
// the agent that is the same as times on disk that jump the other way.
func (w *world) stepClock() {
	by := time.Duration(w.rng.Int64N(int64(60*24*time.Hour))) - 30*24*time.Hour
	w.down()
	files, _ := filepath.Glob(w.dir + "/incidents/open/*.json")
	for _, name := range append(files, w.dir+"/silences.json") {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		b = timeInJSON.ReplaceAllFunc(b, func(text []byte) []byte {
			at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(text))
			if err != nil || at.IsZero() {
				return text
			}
			return at.Add(by).AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
		})
		if err := os.WriteFile(name, b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start()
}

// acknowledge takes on an incident.
func (w *world) acknowledge() {
	if in := w.box.Incidents(); len(in) > 0 {
		_ = w.box.Acknowledge(w.t.Context(), in[w.rng.IntN(len(in))].ID, "anna")
	}
}
