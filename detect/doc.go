// Package detect judges what collect reads: fixed windows over the series
// (History), rules on them (Threshold, Anomaly), and a state machine that turns
// verdicts into alerts (Detector).
//
//	rules, err := detect.Rules(detect.DefaultRules())
//	more, err := detect.NewAnomaly(detect.AnomalyConfig{})
//	d := detect.New(append(rules, more...), detect.Options{Metrics: metrics})
//	err = d.Restore(state)              // what State wrote before a restart
//	alerts := d.Adopt(open, now)        // what the outbox holds as firing is the truth
//	alerts = d.Observe(frame)           // once a tick
//	alerts = d.SetRules(rules)          // at a reload
//
// Status and Firing tell people how it stands. A rule of another kind
// implements Rule; ValidateRules and AnomalyConfig.Validate find faults in
// configurations.
//
// # Guarantees
//
// It is pure: no clock, no I/O, no goroutine. What Observe returns is a
// function of the frames seen, so a recording replays bit for bit on one
// GOARCH. Windows, evaluation periods and durations count Frame.Elapsed;
// Frame.Time is only written into alerts, and bridges a restart.
//
// Troubles that belong together (Dependencies) and begin within five minutes of
// each other are one incident; rule and target of its alerts are those of the
// member that opened it, and the rest is of the member that is named first. Of
// each incident the alerts alternate: firing, updates, resolved. A
// restart while firing repeats nothing and forgets nothing, and no alert is
// resolved for want of readings that nobody could take: the time that the agent
// was away or suspended is neither good nor bad nor missing.
//
// Everything is bounded: 5000 series, 6 h and 16 Mi slots in all, 1000 troubles
// at once; Dropped counts what was beyond.
//
// # Caveats
//
// A Detector is not safe for concurrent use.
package detect
