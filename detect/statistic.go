package detect

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
)

// statistics lists what a rule may compute over a period, beside p1…p99.
var statistics = []string{"avg", "min", "max", "sum", "last", "rate", "times", "time_to_full"}

// statistic computes one figure over the values of a period, oldest first,
// which are slotSeconds apart; NaN where they do not allow it. It may sort v.
type statistic func(v []float64, slotSeconds, full float64) float64

// statisticByName returns the function for "avg", "p99" and so on; nil for an
// unknown name.
func statisticByName(name string) statistic {
	switch name {
	case "avg":
		return func(v []float64, _, _ float64) float64 { return stat.Mean(v, nil) }
	case "min":
		return func(v []float64, _, _ float64) float64 { return slices.Min(v) }
	case "max":
		return func(v []float64, _, _ float64) float64 { return slices.Max(v) }
	case "sum":
		return func(v []float64, _, _ float64) float64 { return sum(v) }
	case "last":
		return func(v []float64, _, _ float64) float64 { return v[len(v)-1] }
	case "rate":
		return func(v []float64, slot, _ float64) float64 { return slope(v, slot) }
	case "times":
		return times
	case "time_to_full":
		return func(v []float64, slot, full float64) float64 { x, _, _ := timeToFull(v, slot, full); return x }
	}
	if len(name) >= 2 && name[0] == 'p' {
		if p, err := strconv.Atoi(name[1:]); err == nil && p >= 1 && p <= 99 {
			return func(v []float64, _, _ float64) float64 {
				slices.Sort(v)
				return stat.Quantile(float64(p)/100, stat.LinInterp, v, nil)
			}
		}
	}
	return nil
}

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

// slopePoints is the number of means that a slope is taken over: enough for a
// median of pairs, few enough to be cheap.
const (
	slopePoints = 30
	leastSlope  = 3 // and so many at least
)

// slope is the change per second: the Theil–Sen estimator (Sen 1968,
// doi:10.1080/01621459.1968.10480934), the median of the slopes of all pairs of
// up to 30 means. A saw-tooth such as log rotation does not move it. NaN with
// fewer than 3 values.
func slope(v []float64, slotSeconds float64) float64 {
	if len(v) < leastSlope {
		return math.NaN()
	}
	return stat.Quantile(0.5, stat.LinInterp, slopes(v, slotSeconds), nil)
}

// slopes are those of all pairs, sorted.
func slopes(v []float64, slotSeconds float64) []float64 {
	n := min(len(v), slopePoints)
	means := make([]float64, n)
	for i := range n {
		from, to := i*len(v)/n, (i+1)*len(v)/n
		means[i] = stat.Mean(v[from:to], nil)
	}
	step := float64(len(v)) / float64(n) * slotSeconds
	out := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for j := i + 1; j < n; j++ {
			out = append(out, (means[j]-means[i])/(float64(j-i)*step))
		}
	}
	slices.Sort(out)
	return out
}

// timeToFull is the seconds until the value reaches full at its present slope,
// and the earliest and latest by the slope's 95 % interval (Sen 1968: the pairs'
// slopes at ranks (N ± 1.96·√(n(n−1)(2n+5)/18))/2 of N, for n points).
//
// It is +Inf where the value does not surely grow: the interval reaches down to
// none, or within the period it fell by half of what it moved in all. So a
// saw-tooth (log rotation, a WAL) never fills anything while its teeth do not
// grow. NaN with fewer than 30 values: a shorter look would see any burst of
// writing as a full disk.
func timeToFull(v []float64, slotSeconds, full float64) (estimate, early, late float64) {
	never := math.Inf(1)
	if len(v) < slopePoints {
		return math.NaN(), math.NaN(), math.NaN()
	}
	now := v[len(v)-1]
	switch {
	case now >= full:
		return 0, 0, 0
	case now <= v[0] || 2*fall(v) > slices.Max(v)-slices.Min(v):
		return never, never, never
	}
	const n, z = slopePoints, 1.96
	all := slopes(v, slotSeconds)
	spread := z * math.Sqrt(n*(n-1)*(2*n+5)/18.0)
	low := all[max(0, int((float64(len(all))-spread)/2))]
	high := all[min(len(all)-1, int((float64(len(all))+spread)/2)+1)]
	if low <= 0 {
		return never, never, never
	}
	left := full - now
	return left / stat.Quantile(0.5, stat.LinInterp, all, nil), left / high, left / low
}

// fall is the most that v fell from any value to a later one.
func fall(v []float64) float64 {
	most, top := 0.0, v[0]
	for _, x := range v {
		top = math.Max(top, x)
		most = math.Max(most, top-x)
	}
	return most
}

// Constants of times.
const (
	timesNewest = 10 // seconds
	timesLeast  = 10 // in the metric's unit: what is below it counts as that much
)

// times is how many times the median of the rest of the period the median of
// its newest 10 s is. What is small counts as 10 of the metric's unit, so that
// 0.2 ms after 0.1 ms is no change. NaN with fewer than 3 newest values, or
// fewer than 10 others.
func times(v []float64, slotSeconds, _ float64) float64 {
	n := max(3, int(timesNewest/slotSeconds))
	if len(v) < n+10 {
		return math.NaN()
	}
	median := func(v []float64) float64 {
		slices.Sort(v)
		return math.Max(timesLeast, stat.Quantile(0.5, stat.Empirical, v, nil))
	}
	newest := median(v[len(v)-n:])
	return newest / median(v[:len(v)-n])
}
