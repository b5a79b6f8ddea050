package collect

import "time"

// tracker turns counters into differences. For each key it keeps the last
// reading of a fixed number of counters; a first reading, one after a gap and
// one in which any counter went back (reset, wrap, another device under the
// same name) gives nothing and starts afresh.
type tracker struct {
	gap   time.Duration
	slack uint64 // going back by at most this counts as standing still
	prev  map[string]*reading
	turn  uint32
}

type reading struct {
	at   time.Time
	v    []uint64
	turn uint32
}

func newTracker(gap time.Duration) *tracker {
	return &tracker{gap: gap, prev: map[string]*reading{}}
}

// delta notes the reading v of key and writes the differences to the previous
// one to out, which has v's length. seconds is the time between the two.
func (t *tracker) delta(key []byte, now time.Time, v []uint64, out []float64) (seconds float64, ok bool) {
	r := t.prev[string(key)]
	if r == nil {
		t.prev[string(key)] = &reading{now, append([]uint64(nil), v...), t.turn}
		return 0, false
	}
	dt := now.Sub(r.at)
	ok = dt > 0 && dt <= t.gap && len(r.v) == len(v) && len(out) == len(v)
	for i := 0; ok && i < len(v); i++ {
		switch {
		case v[i] >= r.v[i]:
			out[i] = float64(v[i] - r.v[i])
		case r.v[i]-v[i] <= t.slack:
			out[i] = 0
		default:
			ok = false
		}
	}
	if ok && t.slack > 0 { // what went back must not count twice when it returns
		for i := range v {
			r.v[i] = max(r.v[i], v[i])
		}
	} else {
		r.v = append(r.v[:0], v...)
	}
	r.at, r.turn = now, t.turn
	return dt.Seconds(), ok
}

// sweep ends a turn: keys that were not seen in it are forgotten.
func (t *tracker) sweep() {
	for k, r := range t.prev {
		if r.turn != t.turn {
			delete(t.prev, k)
		}
	}
	t.turn++
}
