package detect

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/forest"
)

// Anomaly is a rule that needs no threshold: an isolation forest over a group
// of series and the ratio of each pair, on a sliding sample of the last day that
// is refreshed as it goes. It judges each row by the rows before it, and is
// silent while it learns: for two thirds of that time what the series and
// ratios are and how far they spread, then how its own scores do.
//
// It fires when three rows in a row score beyond the bound, which the budget and
// the least of each three scores so far set (see tail), and clears after six
// below it; a host that merely idles never does. Rows beyond it are learnt one
// in 128, so that trouble does not become normal within minutes, and a new level
// does within a day.
type Anomaly struct {
	name    string
	cfg     AnomalyConfig
	metrics []string
	units   []string
	least   []float64 // see leastByUnit
	slots   int
	learn   int // rows
	rows    int
	at      uint64 // slot of the last row
	stream  *forest.Stream
	scale   []scale
	first   [][]float64 // rows before there is a scale
	tail    tail
	usual   []band
	last    [rowsToFire]float64 // scores
	beyond  int                 // rows beyond the bound, in a row
	within  int
	on      bool
	values  []float64 // of the newest row: a series each, NaN = missing
	x       []float64 // the logarithms, then their differences
	z       []float64 // x, scaled
	share   []float64
	verdict []Verdict
	buf     []float64
}

// Constants of the anomaly rule, in rows.
const (
	rowsToFire  = 3
	rowsToClear = 6
	learnOneIn  = 128
	horizon     = 24 * time.Hour
)

func newGroup(name string, metrics []string, c AnomalyConfig, seed uint64, rate float64) (*Anomaly, error) {
	n := len(metrics)
	features := n + n*(n-1)/2
	stream, err := forest.NewStream(forest.StreamOptions{
		Options:  forest.Options{Trees: 50, Sample: 256, Seed: seed, Boxes: true, Split: forest.Proportional},
		Features: features, Window: 1024, Horizon: max(1024, int(horizon/c.Row.D())), Rebuild: 1, Every: 4,
	})
	if err != nil {
		return nil, fmt.Errorf("make rule %s: %w", name, err)
	}
	return &Anomaly{name: name, cfg: c, metrics: metrics, units: make([]string, n), least: make([]float64, n), learn: int(c.Learn / c.Row), stream: stream,
		tail: tail{rate: rate * c.Row.D().Seconds(), bound: 1}, usual: make([]band, features), values: make([]float64, n),
		x: make([]float64, features), z: make([]float64, features), share: make([]float64, features)}, nil
}

// Name implements Rule.
func (a *Anomaly) Name() string { return a.name }

// sameAs is whether o is the same rule, so that a reload keeps what it learnt.
func (a *Anomaly) sameAs(o Rule) bool {
	b, ok := o.(*Anomaly)
	return ok && a.name == b.name && slices.Equal(a.metrics, b.metrics) && reflect.DeepEqual(a.cfg, b.cfg)
}

func (a *Anomaly) prepare(h *History) {
	a.slots = h.Slots(a.cfg.Row.D())
	for i, m := range a.metrics {
		h.Need(m, a.cfg.Row.D())
		a.units[i] = h.Metric(m).Unit
		a.least[i] = leastByUnit(a.units[i])
	}
}

// Judge implements Rule. It looks once a row; between rows the verdict stays.
func (a *Anomaly) Judge(h *History) []Verdict {
	if h.Age()/uint64(a.slots) == a.at/uint64(a.slots) {
		return a.verdict
	}
	a.at = h.Age()
	if h.Covered() < uint64(a.slots) || !a.read(h) {
		a.beyond, a.verdict = 0, a.verdict[:0] // no row: neither learnt nor judged
		return a.verdict
	}
	score := a.row()
	if a.rows <= a.learn {
		return nil
	}
	a.say(score)
	return a.verdict
}

// say makes the verdict of the newest row.
func (a *Anomaly) say(score float64) {
	v := Verdict{Level: OK, Severity: alert.Warning, Metric: "anomaly_score", Unit: "None", Value: score}
	bound := alert.Number(a.tail.bound)
	v.Threshold = &bound
	switch {
	case a.on:
		v.Level = Breach
	case a.beyond > 0:
		v.Level = Suspect
	}
	a.verdict = append(a.verdict[:0], v)
}

// row takes the row in x and returns its score, by the rows before it.
func (a *Anomaly) row() float64 {
	a.rows++
	gather := a.learn * 2 / 3
	if a.rows <= gather {
		a.first = append(a.first, slices.Clone(a.x))
		a.remember()
		if a.rows == gather {
			a.begin()
		}
		return 0.5
	}
	a.standardise(a.x)
	score := a.stream.Score(a.z)
	if a.idle() {
		score = math.Min(score, 0.5)
	}
	a.last[a.rows%rowsToFire] = score
	out := a.rows > a.learn && score > a.tail.bound
	if out {
		a.beyond, a.within = a.beyond+1, 0
	} else {
		a.beyond, a.within = 0, a.within+1
	}
	a.on = a.beyond >= rowsToFire || a.on && a.within < rowsToClear
	if !out || a.beyond%learnOneIn == 0 {
		// x is finite or NaN, so that the forest takes it.
		_ = a.stream.Update(a.z)
		a.tail.add(slices.Min(a.last[:]))
		a.remember()
	}
	return score
}

// idle is whether the host does less than usual in every series. That may be as
// rare as can be: it is no trouble.
func (a *Anomaly) idle() bool {
	for i := range a.metrics {
		if a.x[i] > a.scale[i].centre {
			return false
		}
	}
	return true
}

// begin scales the rows so far and learns them.
func (a *Anomaly) begin() {
	a.scale = scales(a.first)
	for _, x := range a.first {
		a.standardise(x)
		_ = a.stream.Update(a.z)
	}
	a.first = nil
}

func (a *Anomaly) remember() {
	for i, x := range a.x {
		a.usual[i].add(x)
	}
}

// read fills the row: each series as log(1 + v/least), and the difference of
// each pair of those, which is the logarithm of their ratio. A metric with several
// targets counts as their sum; one that the host lacks is missing. False with
// fewer than two series.
func (a *Anomaly) read(h *History) bool {
	found := 0
	for i, m := range a.metrics {
		a.values[i] = math.NaN()
		for _, s := range h.Of(m) {
			a.buf = h.Window(s, 0, a.slots, a.buf[:0])
			if len(a.buf) > 0 {
				if math.IsNaN(a.values[i]) {
					a.values[i] = 0
					found++
				}
				a.values[i] += stat.Mean(a.buf, nil)
			}
			if s.Target == "" {
				break // the host's own series
			}
		}
		a.x[i] = math.Log1p(math.Max(0, a.values[i]) / a.least[i])
	}
	k := len(a.metrics)
	for i := range a.metrics {
		for j := i + 1; j < len(a.metrics); j++ {
			a.x[k] = a.x[i] - a.x[j]
			k++
		}
	}
	return found > 1
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
