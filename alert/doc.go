// Package alert keeps accepted alerts until every sink has them.
//
// An [Alert] is one change of an incident: firing, update-N, resolved. The
// [Outbox] accepts it and delivers it to each [Sink]:
//
//	lock, err := alert.LockDir(root)           // one agent per state directory
//	box, err := alert.Open(root, options)      // adopts what is unfinished
//	detector.Adopt(box.OpenFiring())           // what was accepted is the truth
//	box.SetSinks(sinks, routes)                // again at each reload
//	go box.Run(ctx)                            // delivers
//	err = box.Put(ctx, a)                      // nil = on disk
//	result, err := box.Accept(ctx, a, key)     // from outside: the API
//	err = alert.WriteIntake(intake, a, key)    // from outside, without an agent
//
// Incidents, SinkStatus, DeadLetters, Quarantined, Health and Stats tell people
// and metrics how it stands; Check verifies a state directory.
//
// # Promise
//
// An alert is accepted when it is on disk. Every accepted alert reaches each of
// its sinks at least once, in order per incident, or ends as a dead letter that
// is counted and listed. Its key never changes, so a sink that can de-duplicate
// shows it once. Updates that nobody was told merge into the newest one; an
// incident that is not critical and ended before anything of it was sent is
// cancelled and counted; after a long outage one digest tells of those that
// began and ended meanwhile.
//
// # How
//
// There is one file per open incident, incidents/open/<id>.json, written whole
// (temporary file, fsync, rename, fsync of the folder). Delivery reconciles:
// owed = accepted − done, per incident and sink. An incident whose end is told,
// or dead, everywhere moves to incidents/closed. All writes go through one
// writer, so that a disk that fails or hangs holds up neither Put beyond its
// deadline nor delivery.
//
// # Caveats
//
// An alert that is not durable yet (ErrNotDurable) is delivered from memory and
// lost if the process dies before the disk works again. Order holds within an
// incident, not between two incidents of one rule and target. A digest names at
// most 64 incidents and counts the rest. A sink that ignores its context holds
// up itself, and [Outbox.Progress] says so.
//
// Sinks live in one folder each and are held to the contract by the
// conformance suite alerttest.
package alert
