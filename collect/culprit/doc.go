// Package culprit says which processes probably caused trouble: who used the
// CPU, whose memory grew, who wrote, forked, or opened files and sockets.
//
// A [Watch] keeps one line per process. [Watch.Pass] reads /proc/PID/stat of
// all of them once, with the pass before as its base; it is run every ten
// seconds at most, and when a rule goes pending. [Watch.Blame] ranks what the
// passes saw by one [Kind] of trouble, and reads command, user, unit, container
// and pod of the first few only.
//
// What is readable by everyone is enough for CPU, memory, forks and, from Linux
// 6.2 on, the number of open files. The I/O and the kinds of open files of other
// users' processes are not: without CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH
// [Report].Unseen says so and the ranking falls back to what can be seen.
//
// Arguments of commands may hold secrets and are never read beyond the name of
// the program and, for an interpreter, of its script.
//
// Costs: about 0.9 ms of CPU per 100 processes and pass (BenchmarkPass).
package culprit
