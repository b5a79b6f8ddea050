package detect

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// Anomaly is a rule that needs no threshold. Each row, of 5 s unless the
// configuration says otherwise, it asks of each series that explains trouble how
// isolated its value is among its past ones (watched), and of the series of a
// subsystem how unusual they are together (group). It gives a verdict on each
// subsystem; one bound, which the budget sets, holds for all of them.
//
// Of the last three rows the second highest score counts. How rare that is, by
// the past of its channel, is the row's rank, and the highest rank of all
// subsystems and channels, with what a second subsystem adds to it (joint), is what
// the budget is about; the last hour's do not count for it yet. It is silent while it
// learns: for two thirds of that time what is usual, then how its own scores are.
// Rows beyond the bound are learnt one in 128, so that trouble does not become
// normal within minutes, and so are those in the first hour of a threshold's
// trouble; after 24 h of it the new level is taken for normal.
type Anomaly struct {
	cfg     AnomalyConfig
	slots   int // of a row
	learn   int // rows
	rows    int
	at      uint64 // slot of the last row
	changed uint64 // of the history, when the series were looked for
	series  []*watched
	groups  []*group
	areas   []*area
	past    [channels]*extremes
	budget  *Budget
	amid    bool // a threshold's trouble
	left    int  // series that found no room
	metric  func(name string) collect.Metric
	verdict []Verdict
	buf     []float64
}

// The channels of the rule.
const (
	byValue = iota // of each series
	byRatio        // of two series that move together
	byGroup        // of a subsystem
	channels
)

// priors are what scores of each channel were like on healthy hosts.
var priors = [channels]prior{{blocks: 1500, level: 1.5, scale: 0.5}, {blocks: 500, level: 0.5, scale: 0.4}, {blocks: 500, level: 0.3, scale: 0.2}}

// Constants of the anomaly rule, in rows where it is not said.
const (
	rowsToFire    = 2 // of rowsLooked
	rowsLooked    = 3
	rowsToClear   = 2
	learnOneIn    = 128
	newNormal     = 24 * time.Hour
	tailAfter     = time.Hour // what was rare so lately does not move the bound: it may be trouble that goes on
	mostWatched   = 60
	mostTargets   = 6              // of one metric
	watchedMemory = 24 * time.Hour // of a series that is gone
)

// area is a subsystem and what the rule makes of it.
type area struct {
	name   string
	last   [channels][rowsLooked]float64
	rank   float64
	beside *area // whose rank took this one beyond the bound
	kind   int   // of the channel that is highest
	within int   // rows within the bound, in a row
	on     bool  // it fires
	since  int   // rows beyond the bound since it fires
	quiet  int   // rows since there was anything new to tell
	news   bool  // a further series went out
	normal bool  // what it was flagged for counts as normal since this row
}

// Name implements Rule.
func (a *Anomaly) Name() string { return "anomaly" }

// sameAs is whether o is the same rule, so that a reload keeps what it learnt.
func (a *Anomaly) sameAs(o Rule) bool {
	b, ok := o.(*Anomaly)
	return ok && reflect.DeepEqual(a.cfg, b.cfg)
}

func (a *Anomaly) prepare(h *History) {
	a.slots, a.metric = h.Slots(a.cfg.Row.D()), h.Metric
	for _, m := range a.cfg.Series {
		h.Need(m, a.cfg.Row.D())
	}
	for _, g := range a.groups {
		for i, m := range g.metrics {
			h.Need(m, a.cfg.Row.D())
			g.know(i, h.Metric(m))
		}
	}
}

// Judge implements Rule. It looks once a row; between rows the verdict stays.
func (a *Anomaly) Judge(h *History) []Verdict {
	if h.Age()/uint64(a.slots) == a.at/uint64(a.slots) {
		for i := range a.verdict {
			a.verdict[i].News = false
		}
		for _, x := range a.areas {
			x.news = false
		}
		return a.verdict
	}
	a.at = h.Age()
	if h.Covered() < uint64(a.slots) || !a.read(h) {
		for _, x := range a.areas {
			x.last, x.news = [channels][rowsLooked]float64{}, false
		}
		a.verdict = a.verdict[:0] // no row: neither learnt nor judged
		return a.verdict
	}
	a.row()
	if a.rows <= a.learn {
		return nil
	}
	a.say()
	return a.verdict
}

// RankMetric is what an anomaly's rank is called in its alert.
const RankMetric = "anomaly_rank"

// say makes the verdicts of the newest row.
func (a *Anomaly) say() {
	a.verdict = a.verdict[:0]
	bound := alert.Number(a.budget.bound)
	for _, x := range a.areas {
		v := Verdict{Target: x.name, Subsystem: x.name, Level: OK, Severity: alert.Warning, Metric: RankMetric, Unit: "None", Value: x.rank, Threshold: &bound}
		switch {
		case x.normal:
			v.Ended = "it has been so for 24 h, and counts as normal from now on"
		case x.on:
			v.Level, v.News = Breach, x.news
		case x.rank > a.budget.bound:
			v.Level = Suspect
		}
		a.verdict = append(a.verdict, v)
	}
}

// row judges the row that was read, by the rows before it, and learns it.
func (a *Anomaly) row() {
	a.rows++
	a.scores()
	beyond, rarest, top := false, 0.0, [channels]float64{}
	for _, x := range a.areas {
		x.rank, x.kind, x.beside = 0, 0, nil
		for k, past := range a.past {
			s := second(x.last[k])
			top[k] = math.Max(top[k], s)
			if r := past.rank(s); r > x.rank {
				x.rank, x.kind = r, k
			}
		}
	}
	a.joint()
	for _, x := range a.areas {
		rarest = math.Max(rarest, x.rank)
		beyond = a.move(x) || beyond
		x.news = a.further(x)
	}
	if (beyond || a.amid && a.rows > a.learn) && a.rows%learnOneIn != 0 {
		a.drop()
		return
	}
	for _, s := range a.series {
		s.take()
	}
	for _, g := range a.groups {
		g.take()
	}
	if a.rows <= a.learn*2/3 {
		return
	}
	held := 0
	if a.rows > a.learn {
		held = a.heldBlocks()
		a.budget.add(rarest, held)
	}
	for k, past := range a.past {
		past.add(top[k], held)
	}
}

// heldBlocks is how many blocks tailAfter has.
func (a *Anomaly) heldBlocks() int {
	return max(1, int(tailAfter/(time.Duration(a.budget.past.length)*a.cfg.Row.D())))
}

// drop leaves out what led to a row beyond the bound.
func (a *Anomaly) drop() {
	for _, s := range a.series {
		s.queue = s.queue[:0]
	}
	for _, g := range a.groups {
		for _, r := range g.ratios {
			r.queue = r.queue[:0]
		}
	}
	for _, past := range a.past {
		past.top = 0
	}
	a.budget.past.top = 0
}

// scores puts the row's scores to the areas.
func (a *Anomaly) scores() {
	for _, x := range a.areas {
		for k := range x.last {
			copy(x.last[k][1:], x.last[k][:])
			x.last[k][0] = 0
		}
	}
	put := func(name string, kind int, w float64) {
		x := a.area(name)
		x.last[kind][0] = math.Max(x.last[kind][0], w)
	}
	for _, s := range a.series {
		s.judge()
		s.step(a.past[byValue].rank(s.w) > a.budget.bound)
		s.age(a.rowsIn(newsAgain))
		if a.rows > a.learn && s.out > 0 && (!s.told || !a.area(s.info.Subsystem).on) {
			s.fresh = s.w // it crept there, or comes back: nothing fires for it
		}
		put(s.info.Subsystem, byValue, s.fresh)
	}
	for _, g := range a.groups {
		put(g.subsystem, byGroup, g.judge())
		put(g.subsystem, byRatio, g.ratio())
	}
}

// move steps an area by its rank, and is whether that is beyond the bound.
func (a *Anomaly) move(x *area) bool {
	over := a.rows > a.learn && x.rank > a.budget.bound
	lasts := over || x.on && a.lasts(x)
	if lasts {
		if x.within > a.rowsIn(newsAgain) {
			x.quiet = 0 // it begins anew: what drives it is no further series
		}
		x.within = 0
		x.since++
	} else {
		x.within++
	}
	was := x.on
	x.normal = false
	x.on = lasts || x.on && x.within < rowsToClear
	switch {
	case !x.on:
		x.since = 0
	case was && time.Duration(x.since)*a.cfg.Row.D() >= newNormal:
		a.settle(x)
	}
	return over
}

// settle takes what is unusual in an area for its new normal: it learns anew.
func (a *Anomaly) settle(x *area) {
	for _, s := range a.series {
		if s.info.Subsystem == x.name && s.w > 0 {
			s.forget()
		}
	}
	for _, g := range a.groups {
		if g.subsystem == x.name {
			g.forget()
		}
	}
	x.on, x.since, x.last, x.normal = false, 0, [channels][rowsLooked]float64{}, true
}

func (a *Anomaly) area(name string) *area {
	for _, x := range a.areas {
		if x.name == name {
			return x
		}
	}
	x := &area{name: name}
	a.areas = append(a.areas, x)
	return x
}

// second is the second highest.
func second(v [rowsLooked]float64) float64 {
	slices.Sort(v[:])
	return v[rowsLooked-rowsToFire]
}

// gone says why a firing anomaly is judged no more.
func (a *Anomaly) gone() string {
	if a.rows <= a.learn {
		return "after a restart the rule learns anew what is usual"
	}
	return "its series are no longer measured"
}

// state says how far learning is, for status.
func (a *Anomaly) state(h *History) string {
	switch {
	case a.rows > a.learn:
		return "ready"
	case a.rows == 0 && h.Covered() > 2*uint64(a.slots):
		return "no data"
	}
	done := time.Duration(a.rows) * a.cfg.Row.D()
	return fmt.Sprintf("learning %d/%d min", int(done.Minutes()), int((time.Duration(a.learn) * a.cfg.Row.D()).Minutes()))
}
