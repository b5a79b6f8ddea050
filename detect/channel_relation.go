package detect

import (
	"math"

	"github.com/firewatch-agent/firewatch/forest"
)

// Constants of the relation channel.
const (
	relationMost  = 64   // series that explain one another; more are taken in parts
	relationEvery = 16   // rows from one look at the relations to the next
	relationRidge = 0.01 // added to the correlations, so that they can be inverted
	relationLeast = 0.5  // of what a series does the others explain, or there is no relation
	relationTail  = 0.01 // of its residuals, at each end, are far
	relationFloor = 0.3  // what at least is far, in deviations of the series
	relationStill = 0.5  // its deviation at least, in spreads
	relationFill  = 4    // rounds in which missing values are made up
)

// relationChannel asks whether series that go together still do: load and CPU,
// packets and bytes. Each series is expected to be what all the others say, by the
// regression on them that ageing means and covariances give, and what it differs by
// (its residual) is judged by the residuals that it had. With Ω the inverse of the
// correlations and z the values in deviations from their means it is
//
//	e_i = Σ_j Ω_ij z_j / Ω_ii
//
// and the others explain 1 − 1/Ω_ii of the series (Lauritzen 1996, Graphical
// Models, 5.1.3). What a series does in a few rows of a day hardly moves that, so what
// goes with it while it is far out is asked besides (company). Values are the asinh
// of the distance from the median, so that one far value does not make the relation.
type relationChannel struct {
	each    []*spikes      // which know the values
	past    []*forest.Line // residuals of each
	mean    []float64
	cov     []float64    // d rows of d
	inverse []float64    // Ω; nil = not known yet
	company [][2]company // of each, above and below its median
	z       []float64
	horizon float64
	rows    int
}

func newRelationChannel(each []*spikes, o ScorerOptions) (*relationChannel, error) {
	d, horizon := len(each), o.rowsOf(pastHorizon, pastWindow)
	c := &relationChannel{each: each, company: make([][2]company, d), mean: make([]float64, d), cov: make([]float64, d*d), z: make([]float64, d), horizon: float64(horizon)}
	for range each {
		l, err := forest.NewLine(forest.LineOptions{Window: pastWindow, Horizon: horizon, Seed: o.Seed})
		if err != nil {
			return nil, err
		}
		c.past = append(c.past, l)
	}
	return c, nil
}

// observe is how far the residual is that goes farthest, as ln of how many times
// what is far for its series, or how much its company lacks, and learns the row that
// each has seen: 0 where none is far and nothing lacks, and while neither is known.
func (c *relationChannel) observe() float64 {
	if c.rows++; c.rows < silentRows/2 { // the medians are not known
		return 0
	}
	if c.rows > silentRows && (c.inverse == nil || c.rows%relationEvery == 0) {
		c.inverse = inverse(c.correlations())
	}
	worst := 0.0
	if c.inverse != nil {
		worst = c.judge()
	}
	for i, s := range c.each {
		switch {
		case s.away >= companyFar:
			worst = math.Max(worst, c.company[i][0].observe(c.each, i))
		case s.away <= -companyFar:
			worst = math.Max(worst, c.company[i][1].observe(c.each, i))
		}
	}
	c.learn()
	return worst
}

// judge gives the result of observe.
func (c *relationChannel) judge() (worst float64) {
	for i, s := range c.each {
		c.z[i] = 0
		if s.away == s.away {
			c.z[i] = (s.away - c.mean[i]) / c.deviation(i)
		}
	}
	for range relationFill { // what is missing is what the others say (Gauss-Seidel)
		for i, s := range c.each {
			if s.away != s.away {
				c.z[i] -= c.residual(i)
			}
		}
	}
	for i, s := range c.each {
		if s.away != s.away {
			continue
		}
		e, own := c.residual(i), c.inverse[i*len(c.each)+i]
		if 1-1/own >= relationLeast {
			worst = math.Max(worst, beyondTail(c.past[i].Sorted(), e))
		}
		_ = c.past[i].Insert(e) // it is finite
	}
	return worst
}

// residual is e_i.
func (c *relationChannel) residual(i int) float64 {
	d, e := len(c.each), 0.0
	for j, z := range c.z {
		e += c.inverse[i*d+j] * z
	}
	return e / c.inverse[i*d+i]
}

// beyondTail is ln of |e| in units of what is far on its side; 0 for less, and
// where little is known.
func beyondTail(past []float64, e float64) float64 {
	n := len(past)
	if n < silentRows {
		return 0
	}
	middle, few := past[n/2], int(relationTail*float64(n))
	far := past[n-1-few] - middle
	if e < middle {
		far = middle - past[few]
	}
	return math.Max(0, math.Log(math.Abs(e-middle)/math.Max(far, relationFloor)))
}

func (c *relationChannel) learn() {
	share := 1 / math.Min(float64(c.rows-silentRows/2+1), c.horizon)
	for i, s := range c.each {
		c.z[i] = 0
		if s.away == s.away {
			c.z[i] = s.away - c.mean[i]
			c.mean[i] += share * c.z[i]
		}
	}
	d := len(c.each)
	for i, a := range c.z {
		row := c.cov[i*d : (i+1)*d]
		for j, b := range c.z {
			row[j] += share * (a*b - row[j])
		}
	}
}

func (c *relationChannel) deviation(i int) float64 {
	return math.Max(relationStill, math.Sqrt(c.cov[i*len(c.each)+i]))
}

// correlations are those of the series, with the ridge.
func (c *relationChannel) correlations() []float64 {
	d := len(c.each)
	out := make([]float64, d*d)
	for i := range d {
		for j := range d {
			out[i*d+j] = c.cov[i*d+j] / (c.deviation(i) * c.deviation(j))
		}
		out[i*d+i] = 1 + relationRidge
	}
	return out
}

// inverse is that of a symmetric positive definite matrix, which it overwrites, by
// Gauss-Jordan elimination; such a one needs no pivots. gonum/mat has it too, at 180
// kB of the binary; the test holds this one to that.
func inverse(m []float64) []float64 {
	d := int(math.Sqrt(float64(len(m))))
	for k := range d {
		pivot := m[k*d : (k+1)*d]
		p := 1 / pivot[k]
		pivot[k] = 1
		for j := range pivot {
			pivot[j] *= p
		}
		for i := range d {
			row := m[i*d : (i+1)*d]
			f := row[k]
			if i == k || f == 0 {
				continue
			}
			row[k] = 0
			for j := range row {
				row[j] -= f * pivot[j]
			}
		}
	}
	return m
}
