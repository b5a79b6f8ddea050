// Package alerttest holds sinks to the contract of [alert.Sink].
//
// Run is the conformance suite: it drives a sink against a scripted server
// with every class of answer a service can give, and checks that the sink
// makes one attempt, classes the outcome rightly, respects its deadline,
// sends the same alert with the same key each time and leaks no secret. A new
// sink's test is one call of Run. Sink is a sink in memory with scripted
// failures, for tests of what delivers.
package alerttest
