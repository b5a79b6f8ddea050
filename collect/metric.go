package collect

import "math"

// The units of CloudWatch that metrics use.
const (
	percent      = "Percent"
	bytesUnit    = "Bytes"
	bytesRate    = "Bytes/Second"
	count        = "Count"
	countRate    = "Count/Second"
	milliseconds = "Milliseconds"
)

// share is a metric that cannot leave 0–100 percent.
func share(name, subsystem, help string) Metric {
	return Metric{name, percent, subsystem, help, 0, 100}
}

// amount is a metric that cannot be negative.
func amount(name, unit, subsystem, help string) Metric {
	return Metric{name, unit, subsystem, help, 0, math.NaN()}
}
