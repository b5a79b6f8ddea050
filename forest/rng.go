package forest

import "math/bits"

// rng is SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195):
// one word of state, so a tree's randomness is a function of its seed alone.
type rng uint64

const golden = 0x9e3779b97f4a7c15

func (r *rng) next() uint64 {
	*r += golden
	return mix(uint64(*r))
}

// below returns a number in [0, n) by multiplication (Lemire 2019,
// doi:10.1145/3230636); its bias, n/2^64, is beyond observation.
func (r *rng) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// unit returns a number in (0, 1].
func (r *rng) unit() float64 { return float64(r.next()>>11+1) * 0x1p-53 }

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seedFor mixes the seed of a forest, a tick and a slot into an independent
// generator. Batch training is tick 0; slot −1 belongs to the reservoir.
func seedFor(seed, tick uint64, slot int) rng {
	return rng(mix(mix(mix(seed+golden)^tick+golden) ^ uint64(int64(slot)) + golden))
}
