package collect

import "math"

const saturationName = "host_saturation"

func saturationMetric() Metric {
	return Metric{saturationName, "Percent", "cpu", "greatest of CPU busy and the share of time that some task stalled on CPU, I/O or memory", 0, 100}
}

// Saturation is host_saturation, 0–100: the greatest of the CPU's busy percent
// (neither idle nor waiting for I/O) and the PSI "some" avg10 of cpu, io and memory (each already a percentage of
// time, Documentation/accounting/psi.rst). NaN stands for a reading that is
// missing; with none at all the result is NaN. How full disks are is not in
// it: a full disk does not slow the host down by degrees.
func Saturation(cpuBusy, psiCPU, psiIO, psiMemory float64) float64 {
	worst := math.NaN()
	for _, v := range []float64{cpuBusy, psiCPU, psiIO, psiMemory} {
		if !math.IsNaN(v) && !(v <= worst) {
			worst = v
		}
	}
	return math.Min(worst, 100)
}

// saturation takes the inputs of Saturation from the samples of a tick.
func saturation(samples []Sample) (float64, bool) {
	nan := math.NaN()
	in := [4]float64{nan, nan, nan, nan}
	iowait := 0.0
	for _, s := range samples {
		if s.Target != "" {
			continue
		}
		switch s.Metric {
		case "cpu_usage_active":
			in[0] = s.Value
		case "cpu_usage_iowait":
			iowait = s.Value
		case "pressure_cpu_some_avg10":
			in[1] = s.Value
		case "pressure_io_some_avg10":
			in[2] = s.Value
		case "pressure_memory_some_avg10":
			in[3] = s.Value
		}
	}
	v := Saturation(in[0]-iowait, in[1], in[2], in[3])
	return v, !math.IsNaN(v)
}
