package statsd

import "math"

// histogram counts values in buckets of 1/64 of a power of two, those of an HDR
// histogram (http://hdrhistogram.org) of two digits: a float64's exponent and the
// first 6 bits of its fraction are the bucket. Magnitudes below 2^-20 count as
// 0, those over 2^43 as 2^43. It keeps its memory when it is reset: 256 bytes for
// each power of two that was ever used.
type histogram struct {
	zero     float64
	positive [octaves]*[64]float32
	negative [octaves]*[64]float32
	count    float64
	max      float64
}

const octaves, lowest = 64, 1023 - 20

func (h *histogram) add(v, weight float64) {
	if h.count == 0 || v > h.max {
		h.max = v
	}
	h.count += weight
	side := &h.positive
	if v < 0 {
		side, v = &h.negative, -v
	}
	bits := math.Float64bits(v)
	octave := int(bits>>52) - lowest
	if octave < 0 {
		h.zero += weight
		return
	}
	octave = min(octave, octaves-1)
	if side[octave] == nil {
		side[octave] = new([64]float32)
	}
	side[octave][bits>>46&63] += float32(weight)
}

// middle is the value that stands for a bucket.
func middle(octave, i int) float64 {
	return math.Float64frombits(uint64(octave+lowest)<<52 | uint64(i)<<46 | 1<<45)
}

// quantiles gives the values below which the shares q, ascending, of the counts
// lie; NaN where there are none.
func (h *histogram) quantiles(q []float64, out []float64) {
	for i := range out {
		out[i] = math.NaN()
	}
	if h.count <= 0 {
		return
	}
	sum, next := 0.0, 0
	pass := func(v, n float64) {
		for sum += n; next < len(q) && n > 0 && sum >= q[next]*h.count*(1-1e-6); next++ {
			out[next] = v
		}
	}
	for o := octaves - 1; o >= 0; o-- {
		if h.negative[o] != nil {
			for i := 63; i >= 0; i-- {
				pass(-middle(o, i), float64(h.negative[o][i]))
			}
		}
	}
	pass(0, h.zero)
	for o := range octaves {
		if h.positive[o] != nil {
			for i := range 64 {
				pass(middle(o, i), float64(h.positive[o][i]))
			}
		}
	}
}

func (h *histogram) reset() {
	for o := range octaves {
		if h.positive[o] != nil {
			*h.positive[o] = [64]float32{}
		}
		if h.negative[o] != nil {
			*h.negative[o] = [64]float32{}
		}
	}
	h.zero, h.count, h.max = 0, 0, 0
}
