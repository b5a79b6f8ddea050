// Package term is what a person sees in a terminal: the start of a run, its
// line of vital signs with alerts above it, its end, and the tables of status,
// incidents and test-alert.
//
// Its functions turn data into text; Screen alone writes, and owns the line at
// the bottom. Sink shows alerts in a terminal, Journal logs them.
package term
