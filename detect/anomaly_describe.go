package detect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// describe implements describing: it names up to three series of the verdict's
// subsystem by how far out they are, and in words the ratio that drove it where
// that was more than any of them. Where it took a second subsystem, the last is of that.
func (a *Anomaly) describe(v *Verdict) {
	x := a.area(v.Target)
	causes, words := a.causes(x)
	if x.beside != nil {
		more, what := a.causes(x.beside)
		causes = append(causes[:min(len(causes), explained-1)], more[:min(len(more), 1)]...)
		words = append(words[:min(len(words), explained-1)], what[:min(len(what), 1)]...)
	}
	v.Causes, v.Summary = causes, "unusual for this host: "+strings.Join(slices.Compact(words), "; ")
}

// causes is what drives an area, and that in words.
func (a *Anomaly) causes(x *area) (causes []alert.Cause, words []string) {
	causes = a.drivers(x)
	g, k := a.ratio(x.name)
	switch {
	case x.news: // it is of a series
	case x.kind == byGroup && a.worst(x.name) != nil:
		g = a.worst(x.name)
		causes = g.causes()
		words = append(words, g.feature(slices.Index(g.share, slices.Max(g.share))))
	case x.kind == byRatio && g != nil:
		words = append(words, g.feature(len(g.metrics)+k))
		causes = g.two(k)
	}
	for _, c := range causes {
		words = append(words, now(name(c.Metric, human.Clean(c.Target, 60)), c.Value, c.Usual, c.Unit))
	}
	return causes, words
}

// drivers are the series of an area that are far out, the farthest first.
func (a *Anomaly) drivers(x *area) []alert.Cause {
	var odd []*watched
	total := 0.0
	for _, s := range a.series {
		if s.info.Subsystem == x.name && s.w > 0 {
			odd = append(odd, s)
			total += math.Max(0, s.w)
		}
	}
	slices.SortStableFunc(odd, func(p, q *watched) int {
		return cmp.Or(
			first(x.news && p.out == rowsToFire, x.news && q.out == rowsToFire), // what is news
			first(p.fresh > 0, q.fresh > 0),                                     // what is so for long drives nothing
			cmp.Compare(q.w, p.w))
	})
	var out []alert.Cause
	for _, s := range odd[:min(explained, len(odd))] {
		c := s.cause()
		if total > 0 {
			c.Share = alert.Number(math.Max(0, s.w) / total)
		}
		out = append(out, c)
	}
	return out
}

// first puts what is so before what is not.
func first(p, q bool) int {
	switch {
	case p == q:
		return 0
	case p:
		return -1
	}
	return 1
}

// ratio is the group of a subsystem, and of it the ratio, that is farthest from
// what it usually is; nil where none is.
func (a *Anomaly) ratio(subsystem string) (out *group, at int) {
	most := 0.0
	for _, g := range a.groups {
		for k, r := range g.ratios {
			if g.subsystem == subsystem && r.w > most {
				most, out, at = r.w, g, k
			}
		}
	}
	return out, at
}

// two is the series of the k-th ratio.
func (g *group) two(k int) (out []alert.Cause) {
	g.pairs(func(pair, i, j int) {
		if pair != len(g.metrics)+k {
			return
		}
		for _, m := range []int{i, j} {
			out = append(out, alert.Cause{Metric: g.metrics[m], Unit: g.units[m], Value: alert.Number(g.values[m]), Usual: g.usual(m, g.amount(m)), Share: 0.5})
		}
	})
	return out
}

// worst is the group of a subsystem that is most unusual; nil where none is.
func (a *Anomaly) worst(subsystem string) *group {
	var out *group
	for _, g := range a.groups {
		if g.subsystem == subsystem && g.w > 0 && (out == nil || g.w > out.w) {
			out = g
		}
	}
	return out
}

// causes is the series of a group by their share: their own and half of each
// ratio they are in.
func (g *group) causes() []alert.Cause {
	g.host.score(g.x)
	g.host.forest.Contributions(g.share, g.host.x)
	for i, s := range g.share {
		g.share[i] = math.Max(0, s)
		if math.IsNaN(g.x[i]) {
			g.share[i] = 0
		}
	}
	shares, total := slices.Clone(g.share[:len(g.metrics)]), 0.0
	g.pairs(func(k, i, j int) {
		shares[i] += g.share[k] / 2
		shares[j] += g.share[k] / 2
	})
	var out []alert.Cause
	for i, m := range g.metrics {
		total += shares[i]
		if !math.IsNaN(g.values[i]) {
			out = append(out, alert.Cause{Metric: m, Unit: g.units[i], Value: alert.Number(g.values[i]), Usual: g.usual(i, g.amount(i)), Share: alert.Number(shares[i])})
		}
	}
	slices.SortStableFunc(out, func(x, y alert.Cause) int { return cmp.Compare(y.Share, x.Share) })
	out = out[:min(explained, len(out))]
	for i := range out {
		if total > 0 {
			out[i].Share /= alert.Number(total)
		}
	}
	return out
}

// feature says in words what the k-th feature is now and usually, a ratio the way
// round in which it is more than 1.
func (g *group) feature(k int) string {
	if k < len(g.metrics) {
		return now(g.metrics[k], alert.Number(g.values[k]), g.usual(k, g.amount(k)), g.units[k])
	}
	out := ""
	g.pairs(func(pair, i, j int) {
		if pair != k {
			return
		}
		ratio := func(x float64) float64 { return math.Exp(x) * g.least[i] / g.least[j] }
		usual, v := g.usual(k, ratio), ratio(g.x[k])
		if past := g.host.past[k].past.Sorted(); len(past) > 0 && ratio(past[len(past)/2]) < 1 {
			i, j, v = j, i, 1/v
			if usual != nil {
				usual.Low, usual.High = 1/usual.High, 1/usual.Low
			}
		}
		out = now(g.metrics[i]+" per "+g.metrics[j], alert.Number(v), usual, "None")
	})
	return out
}

// usual is the range of the middle 98 % of a feature, taken back by undo; nil with
// fewer than 50.
func (g *group) usual(k int, undo func(float64) float64) *alert.Range {
	past := g.host.past[k].past.Sorted()
	n := len(past)
	if n < 50 {
		return nil
	}
	return &alert.Range{Low: alert.Number(undo(past[n/100])), High: alert.Number(undo(past[n-1-n/100]))}
}

// amount turns the i-th series' feature back into its value.
func (g *group) amount(i int) func(float64) float64 {
	return func(x float64) float64 { return math.Expm1(x) * g.least[i] }
}

func now(what string, v alert.Number, usual *alert.Range, unit string) string {
	s := what + " " + human.Value(float64(v), unit)
	if usual != nil {
		s += fmt.Sprintf(", usually %s to %s", human.Value(float64(usual.Low), unit), human.Value(float64(usual.High), unit))
	}
	return s
}
