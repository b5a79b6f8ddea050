package forest

import "math"

// A key is a float64 as a uint64 of the same order, so that a step down a tree
// is one integer subtraction whose carry is added to the child's index.
// −0 and 0 have one key.
const (
	keyLeast    = 1 << 52 // of −MaxFloat64
	keyGreatest = 0xffef<<48 | (1<<48 - 1)
	keyMissing  = math.MaxUint64 // of NaN
)

// toKey returns the key of a finite v; infinities lie outside
// [keyLeast, keyGreatest], as does NaN.
func toKey(v float64) uint64 {
	b := math.Float64bits(v + 0)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// fromKey is the inverse of toKey.
func fromKey(k uint64) float64 {
	return math.Float64frombits(k ^ (uint64(^int64(k)>>63) | 1<<63))
}

// finiteKey reports whether k is the key of a finite number.
func finiteKey(k uint64) bool { return k-keyLeast <= keyGreatest-keyLeast }

// rowKind is what a row holds, Inf before NaN.
type rowKind uint8

const (
	finite rowKind = iota
	holdsNaN
	holdsInf
)

var nan = math.NaN()

// toKeys writes the keys of x to keys, NaN as keyMissing.
func toKeys(keys []uint64, x []float64) rowKind {
	kind := finite
	for j, v := range x {
		k := toKey(v)
		if !finiteKey(k) {
			if v == v {
				return holdsInf
			}
			k, kind = keyMissing, holdsNaN
		}
		keys[j] = k
	}
	return kind
}

// classify is toKeys without the keys.
func classify(x []float64) rowKind {
	// An exponent of all ones overflows into the sign bit; two sums, so that
	// additions overlap.
	const exponent, one = 0x7ff << 52, 1 << 52
	var a, b uint64
	i := 0
	for ; i+1 < len(x); i += 2 {
		a |= math.Float64bits(x[i])&exponent + one
		b |= math.Float64bits(x[i+1])&exponent + one
	}
	if i < len(x) {
		a |= math.Float64bits(x[i])&exponent + one
	}
	if (a|b)>>63 == 0 {
		return finite
	}
	for _, v := range x {
		if math.IsInf(v, 0) {
			return holdsInf
		}
	}
	return holdsNaN
}
