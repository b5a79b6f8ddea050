// Package record remembers what was measured: the history of this host on
// disk, bounded, cheap and crash-tolerant, and recordings to rehearse rules on.
//
//   - [History] is the Recorder of the agent: [Open] it, hand it every frame
//     with [History.Record], and let [History.Run] write.
//   - [Archive] reads a history, that of the running agent or, in another
//     process, of a state directory: [Archive.Range] for charts,
//     [Archive.Replay] to refill windows and for back-tests.
//   - [Writer] and [Reader] are one recording in one file, as `run --record`
//     makes it.
//
// # What a History keeps
//
// Two tiers in the folder history of the state directory: the frames as they
// were (6 h by default), and 10 s rows with the mean, the maximum and the
// number of readings of each series (14 days). Values are float32. The files
// together never pass Config.Size; the oldest go first.
//
// # Guarantees
//
// Record never blocks. A frame read back equals the one recorded: Time to the
// nanosecond, Elapsed, the samples in their order with their dimensions, and
// Errors; so a detector that is fed from it raises the same alerts. SIGKILL
// costs at most the last 30 s of frames and no 10 s row but those of these
// 30 s. A damaged place costs the block that it is in, 30 s of frames or a
// minute of 10 s rows, is stepped over, and what was lost is said once. On a full
// disk, or where the directory vanishes, the History pauses with one message
// and goes on by itself; blocks of up to 512 KiB wait meanwhile.
//
// # Caveats
//
// Nothing is synced to the medium but when a file is closed: a power cut costs
// what the kernel had not written, mostly some 30 s. Only a (metric, target)
// that is unique within its frame can be kept. Where the wall clock was set,
// rows come in the order in which they were recorded, and [Point] says so; a
// clock must run ten minutes before anything is deleted for its age.
package record
