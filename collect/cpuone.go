package collect

import "math"

// Of one CPU: a program in a loop, or one that crunches numbers, does nothing but
// compute for as long as one looks, while builds, servers and packers ask the kernel
// for something all the time.

const (
	cpuUserOne  = "cpu_usage_user_one_cpu"
	oneReadings = 8 // readings that it is the mean of
	oneMost     = 8 // CPUs; of more one is little
)

// oneCPU knows the last readings of each CPU.
type oneCPU struct {
	turn uint64 // readings so far
	cpus map[string]*cpuTimes
}

// cpuTimes is the time in mode user and the time that the hypervisor left, in ticks, of
// the last readings.
type cpuTimes struct {
	user, left [oneReadings]float64
	last       uint64 // turn of the newest
	n          int    // in a row
}

// add notes a reading of a CPU.
func (o *oneCPU) add(cpu string, user, left float64) {
	t := o.cpus[cpu]
	if t == nil {
		if o.cpus == nil {
			o.cpus = map[string]*cpuTimes{}
		}
		t = &cpuTimes{}
		o.cpus[cpu] = t
	}
	if t.last+1 != o.turn {
		t.n = 0
	}
	i := o.turn % oneReadings
	t.user[i], t.left[i], t.last, t.n = user, left, o.turn, t.n+1
}

// most is the greatest share of user time of any CPU, 0 to 100; NaN where none was read
// eight times in a row, and with one CPU or too many.
func (o *oneCPU) most() float64 {
	most, online := math.NaN(), 0
	for _, t := range o.cpus {
		if t.last != o.turn {
			continue
		}
		if online++; t.n < oneReadings {
			continue
		}
		user, left := 0.0, 0.0
		for i := range t.user {
			user, left = user+t.user[i], left+t.left[i]
		}
		if share := math.Min(100, 100*user/left); left > 0 && !(share <= most) {
			most = share
		}
	}
	if online < 2 || online > oneMost {
		return math.NaN()
	}
	return most
}
