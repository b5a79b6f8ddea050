package detect

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/forest"
)

// watched is one series of the value channel: how isolated its newest value is
// among a sample of those of the last 14 days (forest.Line). Values are looked at
// as x = v/least, least being the amount below which more or less hardly counts,
// ratios as their logarithm, and are kept with a width of 5 %, so that nothing that never changed is
// infinitely unusual once it changes a little.
type watched struct {
	key
	info   collect.Metric
	least  float64
	down   bool // it is less that is trouble
	ratio  bool // it is the logarithm of a ratio, of which neither is
	line   *forest.Line
	value  float64   // newest, NaN = missing
	x      float64   // value/least, or the logarithm of a ratio
	w      float64   // how isolated it is, none = not at all
	past   []float64 // w of the last five minutes, a ring
	at     int       // of the oldest in past
	fresh  float64   // w, where it was not so all the last five minutes; else 0
	out    int       // rows in a row beyond the bound; below 0: within it
	told   bool      // that it is beyond it
	missed int       // rows since the last value
	rows   uint64    // that it could learn
	queue  []float64 // newest values, not yet learnt
}

// Constants of the value channel of the anomaly rule.
const (
	leastChange = 0.2     // of x, beyond the usual range
	width       = 0.05    // of x
	leastBytes  = 1 << 20 // per second
	rowsHeld    = 6
	farOut      = 2.5 // of w: as far beyond all that was as that is wide
	leastKept   = 18  // values to judge by
	leastNews   = 1   // of w, more than all the last five minutes: e times as far out
)

// falling are the metrics of which less is trouble; of all others more is.
var falling = []string{"mem_available_percent", "probe_success", "resolver_success"}

func newWatched(k key, info collect.Metric, horizon int) (*watched, error) {
	s := &watched{key: k, info: info, least: leastByUnit(info.Unit), down: slices.Contains(falling, k.metric), value: math.NaN()}
	if info.Unit == "Bytes/Second" {
		s.least = leastBytes
	}
	var err error
	if s.line, err = forest.NewLine(forest.LineOptions{Window: pastWindow, Horizon: horizon, Seed: newNorm(k).seed}); err != nil {
		return nil, fmt.Errorf("watch %s: %w", k.metric, err)
	}
	return s, nil
}

// read takes the mean of a row.
func (s *watched) read(values []float64) {
	s.value, s.x = math.NaN(), math.NaN()
	s.missed++
	if len(values) > 0 {
		s.missed = 0
		s.value = stat.Mean(values, nil)
		s.x = s.value / s.least
	}
}

// judge sets w, how isolated the newest value is, where it is far enough from the
// usual range on the side that is trouble; 0 where it is not, where it is
// missing and where there are too few values to judge by:
//
//	w = −ln((E − 1)/c)
//
// with E the expected depth of x among the n kept values in an isolation tree
// (Line.Depth) and c that of the average one. 0 is average; each step of 1 out
// there is e times as far away, in widths of all that was.
func (s *watched) judge() {
	s.w = 0
	if s.x != s.x || s.line.Len() < leastKept {
		return
	}
	sorted := s.line.Sorted()
	n := len(sorted)
	edge := sorted[n-1-n/100]
	away := s.x - edge
	if low := sorted[n/100]; s.down || s.ratio && low-s.x > away {
		edge, away = low, low-s.x
	}
	if away < s.width(edge, leastChange) {
		return
	}
	depth := (s.line.Depth(s.x) - 1) / forest.PathLength(n+1)
	s.w = math.Max(0, math.Min(highest, -math.Log(math.Max(depth, 1e-9))))
}

// age sets fresh, with the least w of the rows before.
func (s *watched) age(rows int) {
	s.fresh = s.w
	if len(s.past) == rows && s.w < slices.Min(s.past)+leastNews {
		s.fresh = 0
	}
	if len(s.past) < rows {
		s.past = append(s.past, s.w)
		return
	}
	s.past[s.at] = s.w
	s.at = (s.at + 1) % rows
}

// take learns the newest value; of those that are far out one in eight, of those
// that are told of one in learnOneIn, so that what is normal is not soon what was
// seen once.
func (s *watched) take() {
	s.rows++
	oneIn := uint64(1)
	switch {
	case s.told && s.out > 0:
		oneIn = learnOneIn
	case s.w >= farOut:
		oneIn = 8
	}
	if s.x == s.x && s.rows%oneIn == 0 {
		// Which part of its width stands for it is a hash, so that a replay has the same.
		u := float64(mix(s.line.Seen()+uint64(len(s.queue)))>>11) / (1 << 53)
		s.queue = append(s.queue, s.x+s.width(s.x, width)*(2*u-1))
	}
	if len(s.queue) > rowsHeld {
		_ = s.line.Insert(s.queue[0]) // it is finite
		s.queue = append(s.queue[:0], s.queue[1:]...)
	}
}

// width is a share of x, and at least half of the amount that hardly counts.
func (s *watched) width(x, share float64) float64 {
	if s.ratio {
		return share
	}
	return math.Max(0.5, share*math.Abs(x))
}

// forget lets it learn anew.
func (s *watched) forget() {
	if l, err := forest.NewLine(s.line.Options()); err == nil {
		s.line = l
	}
}

// usual is the range of the middle 98 % of the kept values; nil with fewer than 50.
func (s *watched) usual() *alert.Range {
	sorted := s.line.Sorted()
	n := len(sorted)
	if n < 50 {
		return nil
	}
	undo := func(x float64) alert.Number { return alert.Number(math.Max(0, x) * s.least) }
	return &alert.Range{Low: undo(sorted[n/100]), High: undo(sorted[n-1-n/100])}
}

// cause is the series as an alert names it.
func (s *watched) cause() alert.Cause {
	return alert.Cause{Metric: s.metric, Target: s.target, Unit: s.info.Unit, Value: alert.Number(s.value), Usual: s.usual()}
}
