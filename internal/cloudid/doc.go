// Package cloudid finds out, in the background, which cloud instance this host is,
// and whether it is about to leave.
//
// A [Watcher] asks the EC2 instance metadata service by IMDSv2 alone (a session
// token; version 1 is never used), and the metadata of an ECS task where there is
// one. Nothing waits for it: [Watcher.Identity] says what is known so far.
// Every 5 s it looks for the three notices that an instance gets: a spot
// interruption, a rebalance recommendation, and a termination by its Auto
// Scaling group.
package cloudid
