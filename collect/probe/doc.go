// Package probe measures what this host depends on: it makes HTTP requests and
// TCP connections on a schedule of its own and gives their latency and success
// as samples.
//
// A Set is a collect.Collector: Collect reads the newest results and never
// waits; Run does the probing. A first failure is confirmed by a second
// attempt at once before it counts.
package probe
