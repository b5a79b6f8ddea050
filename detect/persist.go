package detect

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// stateVersion is the version of state.json.
const stateVersion = 1

// Bounds of what Restore accepts and State writes.
const (
	maxState   = 16 << 20
	maxWindows = 200
	maxClock   = 100 * 365 * 24 * time.Hour
	maxSlot    = 1 << 40
)

// saved is the form of state.json: what is not quiet, and the windows that it
// hangs on, so that a pending rule goes on where it was.
type saved struct {
	Version int           `json:"version"`
	Time    time.Time     `json:"time"`
	Clock   time.Duration `json:"clock"`
	Slot    uint64        `json:"slot"`
	Entries []*entry      `json:"entries"`
	Windows []savedWindow `json:"windows"`
}

type savedWindow struct {
	Metric string          `json:"metric"`
	Target string          `json:"target"`
	Dims   []collect.Label `json:"dims,omitempty"`
	Values []byte          `json:"values"` // little-endian float32, oldest first
}

// State returns the detector's state for Restore, as JSON.
func (d *Detector) State() ([]byte, error) {
	s := saved{Version: stateVersion, Time: d.now, Clock: d.clock, Slot: d.history.slot, Entries: d.entries}
	done := map[*Series]bool{}
	for _, e := range d.entries {
		i := slices.IndexFunc(d.rules, func(r Rule) bool { return r.Name() == e.Rule })
		if i < 0 {
			continue
		}
		t, ok := d.rules[i].(*Threshold)
		if !ok {
			continue
		}
		series := d.history.byKey[key{t.cfg.Metric, e.Target}]
		if series == nil || done[series] || len(s.Windows) == maxWindows {
			continue
		}
		done[series] = true
		s.Windows = append(s.Windows, series.save(d.history.slot))
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode detector state: %w", err)
	}
	return b, nil
}

func (s *Series) save(slot uint64) savedWindow {
	n := uint64(len(s.ring))
	w := savedWindow{Metric: s.Metric, Target: s.Target, Dims: s.Dims}
	for i := min(n, slot+1); i > 0; i-- {
		w.Values = binary.LittleEndian.AppendUint32(w.Values, math.Float32bits(s.ring[(slot-(i-1))%n]))
	}
	return w
}

// Restore takes a state that State wrote. A state that is damaged, too large
// or of another version is an error and changes nothing. The time between the
// state's last frame and the first one seen now counts as a gap.
func (d *Detector) Restore(b []byte) error {
	if len(b) > maxState {
		return fmt.Errorf("restore detector state: %d bytes, at most %d", len(b), maxState)
	}
	var s saved
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("restore detector state: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("restore detector state: version %d, this agent reads %d", s.Version, stateVersion)
	}
	if len(s.Entries) > maxEntries || len(s.Windows) > maxWindows || s.Clock < 0 || s.Clock > maxClock || s.Slot > maxSlot {
		return fmt.Errorf("restore detector state: out of bounds")
	}
	index := make(map[key]*entry, len(s.Entries))
	for _, e := range s.Entries {
		if e == nil || e.Began > s.Clock || e.Well > s.Clock || e.Seen > s.Slot || !slices.Contains([]phase{pending, firing, clearing}, e.Phase) {
			return fmt.Errorf("restore detector state: damaged entry")
		}
		k := key{e.Rule, e.Target}
		if index[k] != nil {
			return fmt.Errorf("restore detector state: two entries for one target")
		}
		index[k], e.value = e, math.NaN()
	}
	d.clock, d.now, d.resumed = s.Clock, s.Time, s.Time
	d.history.slot, d.history.since = s.Slot, s.Slot
	d.entries, d.index = s.Entries, index
	for _, w := range s.Windows {
		d.history.restore(w)
	}
	return nil
}

// restore refills one window; of a metric that no rule needs any more it keeps
// nothing.
func (h *History) restore(w savedWindow) {
	n, wanted := h.need[w.Metric]
	if !wanted || h.byKey[key{w.Metric, w.Target}] != nil {
		return
	}
	series := h.add(&collect.Sample{Metric: w.Metric, Target: w.Target, Dims: w.Dims}, n)
	if series == nil {
		return
	}
	series.seen = h.slot
	count := uint64(len(w.Values) / 4)
	for i := range min(count, uint64(n), h.slot+1) {
		v := math.Float32frombits(binary.LittleEndian.Uint32(w.Values[4*(count-1-i):]))
		if !math.IsInf(float64(v), 0) {
			series.ring[(h.slot-i)%uint64(n)] = v
		}
	}
}

// Adopt makes the detector agree with what the outbox accepted: an alert that
// is open there fires here, whatever the state said, and one that fires here
// and was never accepted is raised anew. The alerts that come back resolve
// what fires by a rule that is gone. now is the wall clock, for a detector that
// has seen no frame.
func (d *Detector) Adopt(open []alert.Alert, now time.Time) []alert.Alert {
	if d.now.IsZero() {
		d.now = now
	}
	accepted := map[key]bool{}
	for _, a := range open {
		k := key{a.Rule, a.Target}
		accepted[k] = true
		e := d.index[k]
		if e == nil {
			e = &entry{Rule: a.Rule, Target: a.Target, Adopted: true, Seen: d.history.slot, Worst: a.Value, value: math.NaN()}
			d.index[k] = e
			d.entries = append(d.entries, e)
		}
		if e.Phase != clearing {
			e.Phase = firing
		}
		// What the outbox adds, it adds anew.
		a.Key, a.Incident, a.Host, a.Labels, a.SilenceCommand, a.Agent, a.Members = "", "", "", nil, "", alert.Agent{}, nil
		e.Alert = a
	}
	for _, e := range d.entries {
		if (e.Phase == firing || e.Phase == clearing) && !accepted[key{e.Rule, e.Target}] {
			e.Phase = pending
		}
	}
	return d.retire(func(name string) bool {
		return slices.ContainsFunc(d.rules, func(r Rule) bool { return r.Name() == name })
	})
}
