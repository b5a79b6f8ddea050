package record

import (
	"math"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// The lanes of a 10 s row.
const (
	laneMean   = iota // of the readings in it
	laneMax           // the greatest of them
	laneMissed        // frames of the row that had no reading
)

const (
	coarseStep = 10 * time.Second
	coarseSpan = time.Minute // of one block: what a damaged place costs; what a crash loses is rebuilt from the 1 s rows
	idleRows   = 60          // rows after which a series that went away is forgotten
)

// coarse folds frames into 10 s rows, on the grid of the wall clock. A row
// stands at its last frame and its Elapsed is the sum of theirs.
type coarse struct {
	p       *packer
	series  []*folded
	index   map[Series]*folded
	row     row
	at      position
	began   bool // the row begins with the first frame of a run
	samples []collect.Sample
	live    []*folded
}

type folded struct {
	sample   collect.Sample // Value unset
	sum, max float64
	n, idle  int
}

func newCoarse(emit func(header, []byte), dropped func(int)) *coarse {
	return &coarse{p: newPacker(kindCoarse, maxLanes, coarseSpan, emit, dropped), index: map[Series]*folded{}}
}

func bucket(ns int64, step time.Duration) int64 {
	b := ns / int64(step)
	if ns%int64(step) < 0 {
		b--
	}
	return b
}

// add takes a frame. Readings that are NaN or infinite count as missing.
func (c *coarse) add(f collect.Frame, at position) {
	r := row{time: f.Time.UnixNano(), elapsed: clamp(f.Elapsed)}
	if c.row.frames > 0 {
		other := bucket(r.time, coarseStep) != bucket(c.row.time, coarseStep)
		if other || at.run != c.at.run || jump(c.row.time, r) != 0 {
			c.flush()
		}
	}
	if c.row.frames == 0 {
		c.began = r.elapsed == 0
	}
	c.row.time, c.at = r.time, at
	c.row.elapsed = min(c.row.elapsed+r.elapsed, maxElapsed)
	c.row.frames++
	for i := range f.Samples {
		if v := f.Samples[i].Value; !math.IsNaN(v) && !math.IsInf(v, 0) {
			s := c.find(i, &f.Samples[i])
			s.sum += v
			if s.n == 0 || v > s.max {
				s.max = v
			}
			s.n++
		}
	}
}

// find returns the series of s, mostly the i-th.
func (c *coarse) find(i int, s *collect.Sample) *folded {
	k := Series{s.Metric, s.Target}
	if i < len(c.series) {
		if x := c.series[i]; x.sample.Metric == k.Metric && x.sample.Target == k.Target {
			x.sample.Dims = s.Dims
			return x
		}
	}
	x := c.index[k]
	if x == nil {
		x = &folded{sample: *s}
		c.index[k] = x
		c.series = append(c.series, x)
	}
	x.sample.Dims = s.Dims
	return x
}

// flush ends the row, if it has a frame.
func (c *coarse) flush() {
	if c.row.frames == 0 {
		return
	}
	if c.began {
		c.row.elapsed = 0 // nobody knows how long it was since the row before
	}
	c.samples, c.live = c.samples[:0], c.live[:0]
	gone := false
	for _, s := range c.series {
		if s.n > 0 {
			c.samples, c.live = append(c.samples, s.sample), append(c.live, s)
			s.idle = 0
			continue
		}
		s.idle++
		gone = gone || s.idle >= idleRows
	}
	c.p.add(c.row, c.at, c.samples, func(i int) [maxLanes]float32 {
		s := c.live[i]
		return [maxLanes]float32{float32(s.sum / float64(s.n)), float32(s.max), float32(c.row.frames - s.n)}
	})
	for _, s := range c.live {
		s.sum, s.max, s.n = 0, 0, 0
	}
	c.row = row{}
	if gone {
		c.series = slices.DeleteFunc(c.series, func(s *folded) bool {
			if s.idle >= idleRows {
				delete(c.index, Series{s.sample.Metric, s.sample.Target})
			}
			return s.idle >= idleRows
		})
	}
}
