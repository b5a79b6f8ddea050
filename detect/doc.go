// Package detect judges what collect reads: fixed windows over the series
// (History), rules on them (Threshold, Anomaly), and a state machine that turns
// verdicts into alerts (Detector).
//
// It is pure: no clock, no I/O, no goroutine. What Observe returns is a
// function of the frames seen, so a recording replays bit for bit. Windows,
// evaluation periods and durations count Frame.Elapsed; Frame.Time is only
// written into alerts.
package detect
