package forest

import (
	"math"
	"slices"
)

// Threshold returns the score above which Predict flags a row: 0.5, or what
// Options.Contamination or SetThreshold made it.
func (f *Forest) Threshold() float64 { return f.threshold }

// SetThreshold replaces the threshold. It must not run beside Predict.
func (f *Forest) SetThreshold(t float64) { f.threshold = t }

// Predict reports whether x is an anomaly: Score(x) > Threshold(), strictly, as
// in scikit-learn's predict. False where the score is NaN.
func (f *Forest) Predict(x []float64) bool { return f.Score(x) > f.threshold }

// quantile is the q quantile of values, linearly interpolated between the two
// neighbours of rank q·(n−1) as numpy.percentile does. It sorts values.
func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	at := q * float64(len(values)-1)
	k := int(at)
	if k+1 >= len(values) {
		return values[len(values)-1]
	}
	a, b := values[k], values[k+1]
	return a + (b-a)*(at-math.Floor(at))
}
