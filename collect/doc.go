// Package collect reads the host: CPU, memory, disk, network, processes and
// latency, each by one Collector, all together once a tick by a Set.
//
// A Set runs its collectors under one deadline and returns a Frame; a
// collector that hangs is skipped and named in Frame.Errors, never waited for.
// Missing is missing: a reading that could not be had is left out, never zero.
// Counters that go back, wrap or jump over a gap give a gap and a fresh start.
//
// Time is data: the package never reads the wall clock, now is an argument.
package collect
