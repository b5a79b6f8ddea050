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

// describe implements describing: it names up to three series by their share
// of the score, and in words the feature that drove it most.
func (a *Anomaly) describe(v *Verdict) {
	a.standardise(a.x)
	a.stream.Contributions(a.share, a.z)
	for i, s := range a.share {
		a.share[i] = math.Max(0, s)
		if math.IsNaN(a.x[i]) {
			a.share[i] = 0
		}
	}
	v.Causes = a.causes()
	parts := []string{a.feature(slices.Index(a.share, slices.Max(a.share)))}
	for _, c := range v.Causes {
		parts = append(parts, now(c.Metric, c.Value, c.Usual, c.Unit))
	}
	v.Summary = "unusual for this host: " + strings.Join(slices.Compact(parts), "; ")
}

// causes is the series by their share: their own and half of each relation
// they are in.
func (a *Anomaly) causes() []alert.Cause {
	shares, total := slices.Clone(a.share[:len(a.metrics)]), 0.0
	a.pairs(func(k, i, j int) {
		shares[i] += a.share[k] / 2
		shares[j] += a.share[k] / 2
	})
	var out []alert.Cause
	for i, m := range a.metrics {
		total += shares[i]
		if !math.IsNaN(a.values[i]) {
			out = append(out, alert.Cause{Metric: m, Unit: a.units[i], Value: alert.Number(a.values[i]), Usual: a.usual[i].usual(a.amount(i)), Share: alert.Number(shares[i])})
		}
	}
	slices.SortStableFunc(out, func(x, y alert.Cause) int { return cmp.Compare(y.Share, x.Share) })
	out = out[:min(3, len(out))]
	for i := range out {
		if total > 0 {
			out[i].Share /= alert.Number(total)
		}
	}
	return out
}

// pairs calls f for each relation: its feature and its two series.
func (a *Anomaly) pairs(f func(k, i, j int)) {
	k := len(a.metrics)
	for i := range a.metrics {
		for j := i + 1; j < len(a.metrics); j++ {
			f(k, i, j)
			k++
		}
	}
}

// feature says in words what the k-th feature is now and usually, a relation
// the way round in which it is more than 1.
func (a *Anomaly) feature(k int) string {
	if k < len(a.metrics) {
		return now(a.metrics[k], alert.Number(a.values[k]), a.usual[k].usual(a.amount(k)), a.units[k])
	}
	out := ""
	a.pairs(func(pair, i, j int) {
		if pair != k {
			return
		}
		ratio := func(x float64) float64 { return math.Exp(x) * a.least[i] / a.least[j] }
		usual, v := a.usual[k].usual(ratio), ratio(a.x[k])
		if ratio(a.scale[k].centre) < 1 {
			i, j, v = j, i, 1/v
			if usual != nil {
				usual.Low, usual.High = 1/usual.High, 1/usual.Low
			}
		}
		out = now(a.metrics[i]+" per "+a.metrics[j], alert.Number(v), usual, "None")
	})
	return out
}

// amount turns the i-th series' feature back into its value.
func (a *Anomaly) amount(i int) func(float64) float64 {
	return func(x float64) float64 { return math.Expm1(x) * a.least[i] }
}

func now(what string, v alert.Number, usual *alert.Range, unit string) string {
	s := what + " " + human.Value(float64(v), unit)
	if usual != nil {
		s += fmt.Sprintf(", usually %s to %s", human.Value(float64(usual.Low), unit), human.Value(float64(usual.High), unit))
	}
	return s
}
