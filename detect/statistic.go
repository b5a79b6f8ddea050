package detect

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"
)

// statistics lists what a rule may compute over a period, beside p1…p99.
var statistics = []string{"avg", "min", "max", "sum", "last", "rate", "time_to_full"}

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
	case "time_to_full":
		return timeToFull
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
const slopePoints = 30

// slope is the change per second: the Theil–Sen estimator (Sen 1968,
// doi:10.1080/01621459.1968.10480934), the median of the slopes of all pairs of
// up to 30 means. A saw-tooth such as log rotation does not move it. NaN with
// fewer than 3 values.
func slope(v []float64, slotSeconds float64) float64 {
	if len(v) < 3 {
		return math.NaN()
	}
	n := min(len(v), slopePoints)
	means := make([]float64, n)
	for i := range n {
		from, to := i*len(v)/n, (i+1)*len(v)/n
		means[i] = stat.Mean(v[from:to], nil)
	}
	step := float64(len(v)) / float64(n) * slotSeconds
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for j := i + 1; j < n; j++ {
			slopes = append(slopes, (means[j]-means[i])/(float64(j-i)*step))
		}
	}
	slices.Sort(slopes)
	return stat.Quantile(0.5, stat.LinInterp, slopes, nil)
}

// timeToFull is the seconds until the value reaches full at its present slope;
// +Inf where it does not grow. NaN with fewer than 30 values: a shorter look
// would see any burst of writing as a full disk.
func timeToFull(v []float64, slotSeconds, full float64) float64 {
	if len(v) < slopePoints {
		return math.NaN()
	}
	now := v[len(v)-1]
	up := slope(v, slotSeconds)
	switch {
	case now >= full:
		return 0
	case !(up > 0):
		return math.Inf(1)
	}
	return (full - now) / up
}
