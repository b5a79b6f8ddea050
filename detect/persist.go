package detect

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// stateVersion is the version of state.json and of a snapshot.
const stateVersion = 1

// Bounds of what Restore accepts and State writes.
const (
	maxState    = 16 << 20
	maxSnapshot = 256 << 20 // as base64: the windows' 64 MiB and the models
	maxWindows  = 200       // of State
	maxClock    = 100 * 365 * 24 * time.Hour
	maxSlot     = 1 << 40
)

// saved is the form of state.json: what is not quiet, and the windows that it
// hangs on, so that a pending rule goes on where it was. A snapshot holds all
// windows, and what the rules learnt.
type saved struct {
	Version int               `json:"version"`
	Time    time.Time         `json:"time"`
	Clock   time.Duration     `json:"clock"`
	Slot    uint64            `json:"slot"`
	Entries []*entry          `json:"entries"`
	Open    []*incident       `json:"incidents,omitempty"`
	Minted  uint64            `json:"minted,omitempty"`
	Flaps   []savedFlap       `json:"flaps,omitempty"`
	Windows []savedWindow     `json:"windows"`
	Since   *uint64           `json:"since,omitempty"` // in a snapshot
	Debt    time.Duration     `json:"debt,omitempty"`
	Models  map[string][]byte `json:"models,omitempty"` // by rule
	Norms   []savedNorm       `json:"norms,omitempty"`
}

type savedFlap struct {
	Rule   string        `json:"rule"`
	Target string        `json:"target,omitempty"`
	Times  int           `json:"times"`
	At     time.Duration `json:"at"`
}

type savedWindow struct {
	Metric string          `json:"metric"`
	Target string          `json:"target"`
	Dims   []collect.Label `json:"dims,omitempty"`
	Values []byte          `json:"values"`        // little-endian float32, oldest first
	Age    uint64          `json:"age,omitempty"` // slots since the last reading
}

// learning is what a rule adds that learns: save gives what it learnt, and load
// takes it, or refuses it unchanged where it is damaged or of a rule that was
// configured otherwise.
type learning interface {
	save() []byte
	load(b []byte) error
}

// State returns what is not quiet, as JSON: little enough to be written every
// few seconds.
func (d *Detector) State() ([]byte, error) {
	s := d.saved()
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
	return encode(s)
}

// Snapshot returns all that the detector knows, windows and models too, as
// JSON. A detector with the same rules that takes it by Restore and then sees
// the frames that came after it raises what this one does, bit for bit.
func (d *Detector) Snapshot() ([]byte, error) {
	s := d.saved()
	since := d.history.since
	s.Since, s.Debt, s.Models = &since, d.history.debt, map[string][]byte{}
	for _, metric := range slices.Sorted(maps.Keys(d.history.byMetric)) {
		for _, series := range d.history.byMetric[metric] {
			s.Windows = append(s.Windows, series.save(d.history.slot))
		}
	}
	s.Norms = d.norms.save()
	for _, r := range d.rules {
		if l, ok := r.(learning); ok {
			s.Models[r.Name()] = l.save()
		}
	}
	return encode(s)
}

func (d *Detector) saved() *saved {
	s := &saved{Version: stateVersion, Time: d.now, Clock: d.clock, Slot: d.history.slot, Entries: d.entries, Open: d.incidents, Minted: d.minted}
	for k, f := range d.flaps {
		s.Flaps = append(s.Flaps, savedFlap{k.metric, k.target, f.Times, f.At})
	}
	slices.SortFunc(s.Flaps, func(a, b savedFlap) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Target, b.Target)) })
	return s
}

func encode(s *saved) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode detector state: %w", err)
	}
	return b, nil
}

func (s *Series) save(slot uint64) savedWindow {
	n := uint64(len(s.ring))
	w := savedWindow{Metric: s.Metric, Target: s.Target, Dims: s.Dims, Age: slot - s.seen}
	for i := min(n, slot+1); i > 0; i-- {
		w.Values = binary.LittleEndian.AppendUint32(w.Values, math.Float32bits(s.ring[(slot-(i-1))%n]))
	}
	return w
}

// Now is the time of the newest frame that the detector knows of; zero where
// there was none.
func (d *Detector) Now() time.Time { return d.now }

// Restore takes what State or Snapshot wrote. What is damaged, too large or of
// another version is an error and changes nothing; a model that its rule
// cannot use is an error too, and the only thing that is not taken.
//
// A detector that has seen frames, because the history was replayed to it,
// keeps its windows, and goes by whichever is newer. The time between the
// newest frame known and the first one to come, which has Elapsed 0, counts as
// a gap.
func (d *Detector) Restore(b []byte) error {
	s, err := decode(b)
	if err != nil {
		return err
	}
	index := make(map[key]*entry, len(s.Entries))
	for _, e := range s.Entries {
		if e == nil || max(e.Began, e.Well, e.Back, e.Told) > s.Clock || e.Seen > s.Slot || e.Times < 0 ||
			!slices.Contains([]phase{pending, firing, clearing}, e.Phase) {
			return fmt.Errorf("restore detector state: damaged entry")
		}
		k := key{e.Rule, e.Target}
		if index[k] != nil {
			return fmt.Errorf("restore detector state: two entries for one target")
		}
		index[k], e.value = e, math.NaN()
	}
	if err := s.checkIncidents(); err != nil {
		return err
	}
	switch {
	case d.now.IsZero():
		d.clock, d.now = s.Clock, s.Time
		d.history.slot, d.history.since, d.history.debt = s.Slot, s.Slot, s.Debt
		if s.Since != nil {
			d.history.since = min(*s.Since, s.Slot)
		}
	case s.Time.Before(d.now):
		return nil // the frames that were replayed say more
	default:
		d.catchUp(s)
	}
	d.entries, d.index = s.Entries, index
	d.adoptIncidents(s)
	d.norms.load(s.Norms, d.clock-s.Clock)
	for _, w := range s.Windows {
		d.history.restore(w)
	}
	for _, r := range d.rules {
		l, ok := r.(learning)
		if model := s.Models[r.Name()]; ok && model != nil && err == nil {
			if err = l.load(model); err != nil {
				err = fmt.Errorf("restore what rule %s learnt: %w", r.Name(), err)
			}
		}
	}
	return err
}

// catchUp lets the time pass from the newest frame seen to that of the state,
// and puts the state's entries on this detector's clock.
func (d *Detector) catchUp(s *saved) {
	away := min(s.Time.Sub(d.now), maxAway)
	d.clock += away
	d.now = s.Time
	steps := int((away + d.history.interval/2) / d.history.interval)
	d.history.advance(steps)
	if steps > gapSlots {
		d.history.since = d.history.slot
	}
	for _, e := range s.Entries {
		e.Began += d.clock - s.Clock
		e.Well += d.clock - s.Clock
		e.Back += d.clock - s.Clock
		e.Told += d.clock - s.Clock
		e.Seen = d.history.slot - min(s.Slot-e.Seen, d.history.slot)
	}
	for _, inc := range s.Open {
		inc.Began += d.clock - s.Clock
		inc.Newest += d.clock - s.Clock
		inc.Told += d.clock - s.Clock
	}
	for i := range s.Flaps {
		s.Flaps[i].At += d.clock - s.Clock
	}
}

// decode reads and checks a state.
func decode(b []byte) (*saved, error) {
	if len(b) > maxSnapshot {
		return nil, fmt.Errorf("restore detector state: %d bytes, at most %d", len(b), maxSnapshot)
	}
	s := &saved{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("restore detector state: %w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("restore detector state: version %d, this agent reads %d", s.Version, stateVersion)
	}
	limit, most := maxState, maxWindows
	if s.Since != nil {
		limit, most = maxSnapshot, maxSeries
	}
	if len(b) > limit || len(s.Entries) > maxEntries || len(s.Windows) > most || s.Clock < 0 || s.Clock > maxClock || s.Slot > maxSlot {
		return nil, fmt.Errorf("restore detector state: out of bounds")
	}
	return s, nil
}

// restore refills one window, or completes it; of a metric that no rule needs
// any more it keeps nothing.
func (h *History) restore(w savedWindow) {
	n, wanted := h.need[w.Metric]
	if !wanted {
		return
	}
	series := h.byKey[key{w.Metric, w.Target}]
	if series == nil {
		if series = h.add(&collect.Sample{Metric: w.Metric, Target: w.Target, Dims: w.Dims}, n); series == nil {
			return
		}
	}
	series.seen = max(series.seen, h.slot-min(w.Age, h.slot))
	count := uint64(len(w.Values) / 4)
	for i := range min(count, uint64(len(series.ring)), h.slot+1) {
		v := math.Float32frombits(binary.LittleEndian.Uint32(w.Values[4*(count-1-i):]))
		if v == v && !math.IsInf(float64(v), 0) {
			series.ring[(h.slot-i)%uint64(len(series.ring))] = v
		}
	}
}
