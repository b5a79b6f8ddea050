package detect

import (
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// Bounds of a History.
const (
	maxSeries = 5000
	maxSlots  = 6 * 3600 // of one series: 6 h at 1 s
	maxValues = 16 << 20 // of all series together: 64 MiB
	gapSlots  = 10       // without a frame for longer, what was before says nothing of now
)

// History holds the newest values of the series that rules ask for, one slot
// per interval of Frame.Elapsed. All windows advance together; a slot without a
// reading is NaN, and so are the slots of a gap.
type History struct {
	interval time.Duration
	need     map[string]int // slots by metric
	metrics  map[string]collect.Metric
	byKey    map[key]*Series
	byMetric map[string][]*Series
	slot     uint64        // number of the newest slot; 0 = none yet
	since    uint64        // the slot before the first frame after the start or a long gap
	debt     time.Duration // time that passed and is not yet a slot; negative: ahead
	values   int           // slots of all series together
	changed  uint64        // counts series that came or went
	dropped  uint64        // samples of series beyond the bounds
}

type key struct{ metric, target string }

// Series is the window of one (metric, target).
type Series struct {
	Metric, Target string
	Dims           []collect.Label
	ring           []float32
	seen           uint64 // slot of the last reading
}

// NewHistory makes a History for ticks of the given interval. metrics gives
// the units of what rules may ask for.
func NewHistory(interval time.Duration, metrics []collect.Metric) *History {
	h := &History{interval: max(interval, time.Millisecond), need: map[string]int{}, metrics: map[string]collect.Metric{},
		byKey: map[key]*Series{}, byMetric: map[string][]*Series{}}
	for _, m := range metrics {
		h.metrics[m.Name] = m
	}
	return h
}

// Need makes the windows of metric at least as long as d, from the next frame
// on. What is longer than 6 h of 1 s slots is cut to that.
func (h *History) Need(metric string, d time.Duration) {
	n := min(h.Slots(d)+1, maxSlots)
	if n <= h.need[metric] {
		return
	}
	h.need[metric] = n
	for _, s := range h.byMetric[metric] {
		if n > len(s.ring) {
			h.values += n - len(s.ring)
			s.grow(n, h.slot)
		}
	}
}

// Slots is the number of slots that d spans, at least 1.
func (h *History) Slots(d time.Duration) int {
	return max(1, int((d+h.interval/2)/h.interval))
}

// Interval is the time of one slot.
func (h *History) Interval() time.Duration { return h.interval }

// Age is how many slots there have been.
func (h *History) Age() uint64 { return h.slot }

// Covered is how many slots there have been since the start, a restart or a
// gap of more than 10 slots without any frame. Beyond it a missing reading says
// nothing: nobody looked.
func (h *History) Covered() uint64 { return h.slot - h.since }

// Dropped counts the samples that were not kept because there are more than
// 5000 series, or 16 Mi slots in all.
func (h *History) Dropped() uint64 { return h.dropped }

// Metric returns what is known of a metric; the zero Metric where nothing is.
func (h *History) Metric(name string) collect.Metric { return h.metrics[name] }

// Of returns the series of a metric, in the order in which they first came.
// The slice must not be changed.
func (h *History) Of(metric string) []*Series { return h.byMetric[metric] }

// Changed counts the series that came or went: a rule that caches its series
// looks again when it differs.
func (h *History) Changed() uint64 { return h.changed }

// steps is the number of slots that a frame opens. Late and early frames are
// counted against each other, so that windows stay as long as they say; each
// frame opens at least one.
func (h *History) steps(elapsed time.Duration) int {
	if h.slot == 0 {
		return 1
	}
	h.debt += elapsed
	n := max(1, int((h.debt+h.interval/2)/h.interval))
	h.debt = max(-h.interval, h.debt-time.Duration(n)*h.interval)
	return n
}

// Observe advances every window and takes the readings of f.
func (h *History) Observe(f collect.Frame) {
	steps := h.steps(f.Elapsed)
	h.advance(steps)
	if steps > gapSlots {
		h.since = h.slot - 1
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		n, wanted := h.need[s.Metric]
		if !wanted {
			continue
		}
		series := h.byKey[key{s.Metric, s.Target}]
		if series == nil {
			if series = h.add(s, n); series == nil {
				continue
			}
		}
		series.ring[h.slot%uint64(len(series.ring))] = float32(s.Value)
		series.seen = h.slot
	}
}

// advance opens the given number of slots, all NaN, and forgets series whose
// window holds nothing any more.
func (h *History) advance(steps int) {
	nan := float32(math.NaN())
	for m, list := range h.byMetric {
		keep := list[:0]
		for _, s := range list {
			n := uint64(len(s.ring))
			for i := range min(uint64(steps), n) {
				s.ring[(h.slot+uint64(steps)-i)%n] = nan
			}
			if h.slot+uint64(steps)-s.seen > n {
				h.drop(s)
				continue
			}
			keep = append(keep, s)
		}
		clear(list[len(keep):])
		h.byMetric[m] = keep
	}
	h.slot += uint64(steps)
}

// forget drops what no rule asks for any more; Need asks anew after it.
func (h *History) forget() {
	clear(h.need)
}

// settle ends what forget began.
func (h *History) settle() {
	for m, list := range h.byMetric {
		if _, wanted := h.need[m]; !wanted {
			for _, s := range list {
				h.drop(s)
			}
			delete(h.byMetric, m)
		}
	}
}

func (h *History) drop(s *Series) {
	delete(h.byKey, key{s.Metric, s.Target})
	h.values -= len(s.ring)
	h.changed++
}

func (h *History) add(s *collect.Sample, n int) *Series {
	if len(h.byKey) >= maxSeries || h.values+n > maxValues {
		h.dropped++
		return nil
	}
	h.values += n
	series := &Series{Metric: s.Metric, Target: s.Target, Dims: s.Dims, ring: make([]float32, n)}
	for i := range series.ring {
		series.ring[i] = float32(math.NaN())
	}
	h.byKey[key{s.Metric, s.Target}] = series
	h.byMetric[s.Metric] = append(h.byMetric[s.Metric], series)
	h.changed++
	return series
}

// grow makes the ring n slots long and keeps what it holds.
func (s *Series) grow(n int, slot uint64) {
	old := s.ring
	s.ring = make([]float32, n)
	for i := range s.ring {
		s.ring[i] = float32(math.NaN())
	}
	for i := uint64(0); i < uint64(len(old)) && i <= slot; i++ {
		s.ring[(slot-i)%uint64(n)] = old[(slot-i)%uint64(len(old))]
	}
}

// Window appends to dst the n values of s that end back slots before the
// newest one, oldest first, without the missing ones. A window that reaches
// beyond what is kept gives what is there.
func (h *History) Window(s *Series, back, n int, dst []float64) []float64 {
	size := len(s.ring)
	if back >= size {
		return dst
	}
	n = min(n, size-back)
	if uint64(back+n) > h.slot+1 {
		n = max(0, int(h.slot)+1-back)
	}
	for i := back + n - 1; i >= back; i-- {
		if v := s.ring[(h.slot-uint64(i))%uint64(size)]; v == v {
			dst = append(dst, float64(v))
		}
	}
	return dst
}

// Last is the reading of the newest slot; NaN where it is missing.
func (h *History) Last(s *Series) float64 {
	return float64(s.ring[h.slot%uint64(len(s.ring))])
}
