// Package statsd takes what applications measure of themselves, in the StatsD
// and DogStatsD text forms, over UDP on loopback and over a unix datagram socket.
//
// A [Server] is a collect.Collector: each tick it gives what came since the tick
// before, one series for each name and set of tags: name{tag=value,…} is the
// target of one of the metrics of [Metrics]. Names beyond a bound are dropped and
// counted, and so is what the kernel dropped because the reader was too slow.
//
// Quantiles are taken from a histogram whose buckets are 1/64 of a power of two
// wide: an answer is within 0.8 % of the true one.
package statsd
