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

// classify is toKeys without the keys. v−v is 0 for finite v and else NaN,
// which no sum loses; four sums, because an addition waits for the one before.
func classify(x []float64) rowKind {
	var a, b, c, d float64
	rest := x
	for len(rest) >= 4 {
		a += rest[0] - rest[0]
		b += rest[1] - rest[1]
		c += rest[2] - rest[2]
		d += rest[3] - rest[3]
		rest = rest[4:]
	}
	for _, v := range rest {
		a += v - v
	}
	if a+b+(c+d) == 0 {
		return finite
	}
	for _, v := range x {
		if math.IsInf(v, 0) {
			return holdsInf
		}
	}
	return holdsNaN
}
