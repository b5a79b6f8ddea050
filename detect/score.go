package detect

import "math"

// Score is the greatest of the newest scores of the anomaly rules, 0 to 1; NaN
// where none has judged a row yet.
func (d *Detector) Score() float64 {
	worst := math.NaN()
	for _, r := range d.rules {
		a, ok := r.(*Anomaly)
		if !ok || a.rows <= a.learn*2/3 { // it gathers its first rows
			continue
		}
		if s := a.last[a.rows%rowsToFire]; !math.IsNaN(s) && !(s <= worst) {
			worst = s
		}
	}
	return worst
}
