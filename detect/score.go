package detect

import "math"

// Score is how rare the newest row of the anomaly rule is, 0 to 1: 0.5 is the
// bound of its budget, see Budget, and the least while it fires; NaN where it
// still learns.
func (d *Detector) Score() float64 {
	for _, r := range d.rules {
		if a, ok := r.(*Anomaly); ok && a.rows > a.learn {
			worst := 0.0
			for _, x := range a.areas {
				worst = math.Max(worst, x.rank)
				if x.on { // what lasts is in no rank
					worst = math.Max(worst, a.budget.bound)
				}
			}
			return worst / (worst + a.budget.bound)
		}
	}
	return math.NaN()
}
