package detect

import (
	"errors"
	"math"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/forest"
)

// group is the series of a subsystem that move together on a healthy host, and
// the ratio of each pair of them, for the host channel.
type group struct {
	subsystem string
	metrics   []string
	units     []string
	least     []float64
	host      *hostChannel
	step      ScorerOptions
	values    []float64 // of the newest row, NaN = missing
	x         []float64 // their logarithms, then the differences of those
	share     []float64
	ratios    []*watched
	some      bool // there is a row
	w         float64
}

func newGroup(subsystem string, metrics []string, o ScorerOptions) (*group, error) {
	n := len(metrics)
	features := n + n*(n-1)/2
	g := &group{subsystem: subsystem, metrics: metrics, units: make([]string, n), least: make([]float64, n), step: o,
		values: make([]float64, n), x: make([]float64, features), share: make([]float64, features)}
	var err error
	g.pairs(func(_, i, j int) {
		r, wrong := newWatched(key{metrics[i], metrics[j]}, collect.Metric{}, o.rowsOf(pastHorizon, pastWindow))
		r.ratio = true
		g.ratios, err = append(g.ratios, r), errors.Join(err, wrong)
	})
	return g, errors.Join(err, g.begin())
}

// begin lets it know nothing.
func (g *group) begin() error {
	block := make([]int, len(g.x))
	for i := range block {
		block[i] = i
	}
	var err error
	g.host, err = newHostChannel(block, g.step, g.step.Seed)
	return err
}

func (g *group) forget() {
	_ = g.begin() // the options were good before
	for _, r := range g.ratios {
		if r.w > 0 {
			r.forget()
		}
	}
}

func (g *group) know(i int, m collect.Metric) {
	g.units[i], g.least[i] = m.Unit, leastByUnit(m.Unit)
	if m.Subsystem != "" {
		g.subsystem = m.Subsystem
	}
}

// pairs calls f for each ratio: its feature and its two series.
func (g *group) pairs(f func(k, i, j int)) {
	k := len(g.metrics)
	for i := range g.metrics {
		for j := i + 1; j < len(g.metrics); j++ {
			f(k, i, j)
			k++
		}
	}
}

// ratio is how isolated the ratio is that is farthest from what it usually is.
func (g *group) ratio() (w float64) {
	for _, r := range g.ratios {
		if r.judge(); !g.some || g.idle() {
			r.w = 0
		}
		w = math.Max(w, r.w)
	}
	return w
}

// judge is how unusual the row is; 0 where there is none, and where the host
// does less than usual in every series: that may be as rare as can be, and is no
// trouble.
func (g *group) judge() float64 {
	g.w = 0
	if !g.some {
		return g.w
	}
	if score, ok := g.host.score(g.x); ok && !g.idle() {
		depth := -math.Log2(score) - 1/forest.PathLength(forestSample) // less the one that the root is
		g.w = math.Max(0, math.Min(highest, -math.Log(math.Max(depth, 1e-9))))
	}
	return g.w
}

func (g *group) idle() bool {
	for i := range g.metrics {
		if past := g.host.past[i].past.Sorted(); len(past) > 0 && g.x[i] > past[len(past)/2] {
			return false
		}
	}
	return true
}

// take learns the row.
func (g *group) take() {
	if g.some {
		for i, x := range g.x { // 0/0 of two idle series is no ratio
			if x-x != 0 {
				g.x[i] = math.NaN()
			}
		}
		g.host.learn(g.x)
		for _, r := range g.ratios {
			r.take()
		}
	}
}
