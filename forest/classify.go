package forest

import "math"

var nan = math.NaN()

// rowKind is what a row holds, Inf before NaN.
type rowKind uint8

const (
	finite rowKind = iota
	holdsNaN
	holdsInf
)

// classify looks for values that are not finite. v−v is 0 for finite v, else
// NaN, and one sum carries that through.
func classify(x []float64) rowKind {
	var a, b float64
	i := 0
	for ; i+1 < len(x); i += 2 {
		a += x[i] - x[i]
		b += x[i+1] - x[i+1]
	}
	if i < len(x) {
		a += x[i] - x[i]
	}
	if a+b == 0 {
		return finite
	}
	for _, v := range x {
		if math.IsInf(v, 0) {
			return holdsInf
		}
	}
	return holdsNaN
}
