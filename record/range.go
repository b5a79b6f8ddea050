package record

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"
)

// Query asks for some series over a time.
type Query struct {
	From, To time.Time     // [From, To)
	Step     time.Duration // width of a point; 0 = rows as they were recorded
	Series   []Series
}

// Stat is what one series did within one step. Mean, Max and Min are NaN where
// Count is 0.
type Stat struct {
	Mean, Max float64
	Min       float64 // NaN where only 10 s rows are left: they keep mean and maximum
	Count     int     // readings
}

// Point is one step of a Query.
type Point struct {
	Time  time.Time     // where the step begins, in UTC; of the row itself if Query.Step is 0
	Jump  time.Duration // how far the wall clock was set within it or just before it; 0 = it was not
	Stats []Stat        // as Query.Series; valid until the next point
}

// Range yields the points of q that have a row, in the order in which they
// were recorded: where the wall clock was set back, times repeat, and Jump says
// so. It reads 1 s rows as far back as there are any, and 10 s rows before.
// One block is in memory at a time.
//
// An error is of ctx, of the query or of the disk, and the last; damage is
// stepped over, see [Archive.Damage].
func (a *Archive) Range(ctx context.Context, q Query) iter.Seq2[Point, error] {
	return func(yield func(Point, error) bool) {
		r := ranger{q: q, yield: yield, more: true, stats: make([]Stat, len(q.Series)), columns: make([]unpacked, len(q.Series))}
		if q.Step < 0 || !q.From.Before(q.To) || q.From.Before(longAgo) || farAway.Before(q.To) {
			yield(Point{}, errors.New("read range: From must be before To, and Step not negative"))
			return
		}
		var failed error
		err := a.blocks(q.From, q.To, func(tier int, first position, h header, k *block) bool {
			if failed = ctx.Err(); failed != nil {
				return false
			}
			if r.block(tier, first, h, k) != nil {
				where := k.where
				a.damaged(&where)
			}
			return r.more
		})
		r.flush()
		if err == nil {
			err = failed
		}
		if err != nil && r.more {
			yield(Point{}, err)
		}
	}
}

// ranger gathers rows into points.
type ranger struct {
	q       Query
	yield   func(Point, error) bool
	more    bool
	names   []byte // of the block that slots belong to
	slots   []int  // column of each series, -1 = none
	columns []unpacked
	stats   []Stat // Mean holds the sum until flush
	open    bool   // a point has begun
	time    int64
	jump    time.Duration
	at      splice
	last    int64
}

func (r *ranger) block(tier int, first position, h header, k *block) error {
	r.match(k)
	k.rows[0].elapsed = r.at.join(h.start, k.rows[0].elapsed)
	for i, slot := range r.slots {
		if slot < 0 {
			continue
		}
		if err := k.unpack(slot, &r.columns[i]); err != nil {
			return err
		}
	}
	var used [maxQuery]int
	next := used[:0]
	if len(r.q.Series) > maxQuery {
		next = make([]int, 0, len(r.q.Series))
	}
	next = next[:len(r.q.Series)]
	lo, hi := r.q.From.UnixNano(), r.q.To.UnixNano()
	for i, row := range k.rows {
		within := tier == tier1s || row.at.before(first)
		if within {
			moved := r.moved(row)
			if within = row.time >= lo && row.time < hi; within {
				r.begin(row.time, moved)
			}
		}
		for s, slot := range r.slots {
			u := &r.columns[s]
			if slot < 0 || !u.has(i) {
				continue
			}
			if within {
				r.stats[s].add(k, u, next[s], row.frames)
			}
			next[s]++
		}
		if !r.more {
			return nil
		}
	}
	return nil
}

const maxQuery = 16 // series that need no allocation per block

// match finds the columns of the series; blocks with the same names have the
// same.
func (r *ranger) match(k *block) {
	if r.slots != nil && len(r.names) > 0 && len(k.names) > 0 && &r.names[0] == &k.names[0] {
		return
	}
	r.names = k.names
	r.slots = r.slots[:0]
	for _, want := range r.q.Series {
		slot := -1
		for i := range k.series {
			if k.series[i].Metric == want.Metric && k.series[i].Target == want.Target {
				slot = i
				break
			}
		}
		r.slots = append(r.slots, slot)
	}
}

// moved says how far the wall clock was set before the row. Over the start of
// a run nobody knows.
func (r *ranger) moved(x row) (j time.Duration) {
	if r.at.set && x.at.run == r.at.at.run {
		j = jump(r.last, x)
	}
	r.at, r.last = splice{x.at, true}, x.time
	return j
}

// begin makes the point of a row at t the open one.
func (r *ranger) begin(t int64, moved time.Duration) {
	if r.q.Step > 0 {
		t = bucket(t, r.q.Step) * int64(r.q.Step)
	}
	if r.open && (t != r.time || r.q.Step == 0) {
		r.flush()
	}
	if !r.open {
		r.open, r.time, r.jump = true, t, 0
		for i := range r.stats {
			r.stats[i] = Stat{Max: math.Inf(-1), Min: math.Inf(1)}
		}
	}
	r.jump += moved
}

func (s *Stat) add(k *block, u *unpacked, i, frames int) {
	v := float64(math.Float32frombits(u.values[laneMean][i]))
	if k.lanes == 1 {
		s.Mean += v
		s.Max, s.Min = max(s.Max, v), min(s.Min, v)
		s.Count++
		return
	}
	n := frames - int(math.Float32frombits(u.values[laneMissed][i]))
	s.Mean += v * float64(n)
	s.Max = max(s.Max, float64(math.Float32frombits(u.values[laneMax][i])))
	s.Min = math.NaN()
	s.Count += n
}

func (r *ranger) flush() {
	if !r.open || !r.more {
		return
	}
	r.open = false
	for i := range r.stats {
		s := &r.stats[i]
		if s.Count <= 0 {
			*s = Stat{Mean: math.NaN(), Max: math.NaN(), Min: math.NaN()}
			continue
		}
		s.Mean /= float64(s.Count)
	}
	r.more = r.yield(Point{Time: time.Unix(0, r.time).UTC(), Jump: r.jump, Stats: r.stats}, nil)
}
