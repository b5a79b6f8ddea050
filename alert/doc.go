// Package alert keeps accepted alerts until every sink has them.
//
// An Alert is one change of an incident. The Outbox accepts it (nil from Put
// means: on disk), and Run reconciles what each Sink is owed with what it has
// confirmed: at least once, in order per incident, with back-off, breaker and
// failover, or as a dead letter that is counted and listed. Sinks live in one
// folder each and are held to the contract by the conformance suite alerttest.
package alert
