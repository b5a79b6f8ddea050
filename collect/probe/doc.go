// Package probe measures what this host depends on: web servers, name servers,
// databases, clocks, certificates and whatever a command can tell. It tries each
// on a schedule of its own and gives latency, success and what else the answer
// tells as samples.
//
// A Set is a collect.Collector: Collect reads the newest results and never
// waits; Run does the probing, at most 16 at once, each with its timeout. A
// first failure is confirmed by a second attempt at once before it counts.
// Errors are classed (probe_result_code) and never hold a secret.
package probe
