package detect

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// read fills the row from the windows; false where none of its series has a value.
func (a *Anomaly) read(h *History) bool {
	if c := h.Changed(); c != a.changed || a.rows == 0 || a.left > 0 && a.rows%a.rowsIn(newsAgain) == 0 {
		a.changed = c
		a.look(h)
	}
	some := false
	memory := int(watchedMemory / a.cfg.Row.D())
	a.series = slices.DeleteFunc(a.series, func(s *watched) bool { return s.missed > memory })
	for _, s := range a.series {
		a.buf = a.buf[:0]
		if x := h.byKey[s.key]; x != nil {
			a.buf = h.Window(x, 0, a.slots, a.buf)
		}
		s.read(a.buf)
		some = some || len(a.buf) > 0
	}
	for _, g := range a.groups {
		some = g.read(a, h) || some
	}
	return some
}

// look finds series that are new: of each metric the host's own, else those of the
// first few targets, in the order of the configuration.
func (a *Anomaly) look(h *History) {
	a.left = 0
	for _, m := range a.cfg.Series {
		all := h.Of(m)
		if i := slices.IndexFunc(all, func(x *Series) bool { return x.Target == "" }); i >= 0 {
			all = all[i : i+1]
		}
		for _, x := range all {
			k := key{x.Metric, x.Target}
			if !a.there(h, k) || slices.ContainsFunc(a.series, func(s *watched) bool { return s.key == k }) {
				continue
			}
			if !a.room(h, m) {
				a.left++
				continue
			}
			s, err := newWatched(k, h.Metric(m), a.horizon())
			if err != nil {
				panic(err) // the options are constants
			}
			a.series = append(a.series, s)
		}
	}
}

// there is whether a series has a value in the row.
func (a *Anomaly) there(h *History, k key) bool {
	x := h.byKey[k]
	return x != nil && h.slot-x.seen < uint64(a.slots)
}

// room is whether a series of a metric can be watched. Where there are enough of it,
// or of all, one that is not there and has been gone for five minutes, the longest,
// is forgotten for it.
func (a *Anomaly) room(h *History, metric string) bool {
	at, has := -1, 0
	for _, s := range a.series {
		if s.metric == metric {
			has++
		}
	}
	if has < mostTargets && len(a.series) < mostWatched {
		return true
	}
	for i, s := range a.series {
		if (has < mostTargets || s.metric == metric) && s.missed >= a.rowsIn(newsAgain) && !a.there(h, s.key) && (at < 0 || s.missed > a.series[at].missed) {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	a.series = slices.Delete(a.series, at, at+1)
	return true
}

// read fills a group's values: a metric with several targets counts as their sum,
// one that the host lacks is missing. False with fewer than two.
func (g *group) read(a *Anomaly, h *History) bool {
	found := 0
	for i, m := range g.metrics {
		g.values[i] = math.NaN()
		for _, s := range h.Of(m) {
			a.buf = h.Window(s, 0, a.slots, a.buf[:0])
			if len(a.buf) > 0 {
				if math.IsNaN(g.values[i]) {
					g.values[i] = 0
					found++
				}
				g.values[i] += stat.Mean(a.buf, nil)
			}
			if s.Target == "" {
				break // the host's own series
			}
		}
		g.x[i] = math.Log1p(math.Max(0, g.values[i]) / g.least[i])
	}
	g.pairs(func(k, i, j int) {
		g.x[k] = g.x[i] - g.x[j]
		g.ratios[k-len(g.metrics)].x = g.x[k]
	})
	g.some = found > 1
	return g.some
}
