package detect

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
)

// scale makes features of different spread comparable: (x − centre) / width,
// where centre is the median and width the standard deviation of a normal
// distribution with the same quartiles, IQR / 1.349. Unlike mean and standard
// deviation, neither is moved by a few outliers.
type scale struct{ centre, width float64 }

// Bounds of the scaled features.
const (
	leastWidth = 0.05 // features are logarithms: 5 % up or down is the least that counts
	clip       = 100
)

// leastByUnit is the amount of a series below which more or less of it hardly
// counts, however still the host is otherwise.
func leastByUnit(unit string) float64 {
	switch unit {
	case "Bytes/Second":
		return 16 << 10
	case "Bytes":
		return 1 << 20
	case "Count/Second", "Count":
		return 10
	}
	return 1 // Percent, Milliseconds, Seconds, None
}

// scales returns the scale of each column of rows, NaN left out; a column
// without values has scale NaN, and stays missing.
func scales(rows [][]float64) []scale {
	out := make([]scale, len(rows[0]))
	var column []float64
	for i := range out {
		column = column[:0]
		for _, r := range rows {
			if !math.IsNaN(r[i]) {
				column = append(column, r[i])
			}
		}
		if len(column) == 0 {
			out[i] = scale{math.NaN(), math.NaN()}
			continue
		}
		slices.Sort(column)
		q := func(p float64) float64 { return stat.Quantile(p, stat.LinInterp, column, nil) }
		out[i] = scale{q(0.5), math.Max(leastWidth, (q(0.75)-q(0.25))/1.349)}
	}
	return out
}

// standardise fills z with x in units of the scales.
func (a *Anomaly) standardise(x []float64) {
	for i, s := range a.scale {
		a.z[i] = math.Min(clip, math.Max(-clip, (x[i]-s.centre)/s.width))
	}
}

// band keeps the newest usual values of a feature.
type band struct {
	v []float64
	n int
}

const bandSize = 512

func (b *band) add(v float64) {
	if len(b.v) < bandSize {
		b.v = append(b.v, v)
	} else {
		b.v[b.n%bandSize] = v
	}
	b.n++
}

// usual is the range of the middle 98 % of them, taken back by undo (the
// inverse of the feature); nil with fewer than 50.
func (b *band) usual(undo func(float64) float64) *alert.Range {
	sorted := slices.DeleteFunc(slices.Clone(b.v), math.IsNaN)
	if len(sorted) < 50 {
		return nil
	}
	slices.Sort(sorted)
	q := func(p float64) alert.Number {
		return alert.Number(undo(stat.Quantile(p, stat.LinInterp, sorted, nil)))
	}
	return &alert.Range{Low: q(0.01), High: q(0.99)}
}
