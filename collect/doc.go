// Package collect reads the host: CPU, memory, disk, network, processes and
// latency, each by one Collector, all together once a tick by a Set.
//
// A Set runs its collectors under one deadline and returns a Frame; a
// collector that hangs is skipped and named in Frame.Errors, never waited for.
// Missing is missing: a reading that could not be had is left out, never zero.
// Counters that go back, wrap or jump over a gap give a gap and a fresh start.
//
// Time is data: the package never reads the wall clock, now is an argument.
//
//   - [NewSet] and [Set.Collect] are the tick; [Set.Status] is for people, and
//     says when a collector's state changed.
//   - [All] and [Enabled] are the list of collectors, [LocalHost] is where they
//     read, [Config] is [collect] of the configuration.
//   - [Collector] is what to implement for another one; package collecttest
//     holds it to its contract. One that finds its source absent returns a
//     [SkippedError].
//   - [Recorder] takes each [Frame]. Its slices are fresh memory in every tick
//     and may be kept, but not changed.
//
// What a number is of: CPU, memory, load, pressure, disk I/O, drives, sensors and
// limits are the whole machine's, in a container too. Net, netstat and softnet are
// of the network namespace (with HOST_PROC, that of process 1), disk of the mounts
// of process 1, processes of the process namespace, and only cgroup of the
// container, whose target is "container".
//
// Costs: about 1 ms of CPU and 20 KB in 200 allocations a tick on a small host.
// Elsewhere than on Linux the list is short: what gopsutil gives.
package collect
