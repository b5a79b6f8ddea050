package alert_test

import (
	"maps"
	"os"
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
	w.kept = &snapshot{w.state.clone(), maps.Clone(w.promised)}
	w.start()
}

// restore brings the snapshot back: what was promised later is gone, and what
// was told since may be told again.
func (w *world) restore() {
	w.down()
	w.state = w.kept.state.clone()
	w.promised = maps.Clone(w.kept.promised)
	w.start()
}

var timeInJSON = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

// stepClock has the wall clock jump, forth or back, while the agent is down: to
// the agent that is the same as times on disk that jump the other way.
func (w *world) stepClock() {
	by := time.Duration(w.rng.Int64N(int64(60*24*time.Hour))) - 30*24*time.Hour
	w.down()
	for _, files := range []string{"incidents/open/*.json", "silences.json"} {
		w.state.edit(files, func(b []byte) []byte {
			return timeInJSON.ReplaceAllFunc(b, func(text []byte) []byte {
				at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(text))
				if err != nil || at.IsZero() {
					return text
				}
				return at.Add(by).AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
			})
		})
	}
	w.start()
}

// acknowledge takes on an incident.
func (w *world) acknowledge() {
	if in := w.box.Incidents(); len(in) > 0 {
		_ = w.box.Acknowledge(w.t.Context(), in[w.rng.IntN(len(in))].ID, "anna")
	}
}
