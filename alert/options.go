package alert

import (
	"log/slog"
	"maps"
	"os"
	"time"
)

// Options configure an [Outbox]. The zero value works.
type Options struct {
	Host      string            // the name that alerts carry where they name none
	Labels    map[string]string // added to every alert; the alert's own win
	Version   string            // of the agent, for Alert.Agent
	MachineID string            // of this host (/etc/machine-id, or the node's name in a container); "" turns the clone check off
	Spool     *os.Root          // a second intake folder, for users without rights on the state directory; nil = none
	Seed      uint64            // of the jitter; 0 draws one. Ids are never derived from it
	MaxOpen   int               // most open incidents; default 1200 (5 MiB of memory). Past it the least important one is given up and counted
	MaxBytes  int               // most bytes of their files; default 4 MiB. So too
	Log       *slog.Logger      // transitions, once each; default none

	// Remake makes a state directory anew, and takes its lock, where it was
	// removed as a whole while the agent runs. It is called by a goroutine that
	// may wait for the disk, and tried again every 2 s while it fails. nil = the
	// alerts go on from memory until the next start.
	Remake func() (*os.Root, error)

	loadWait time.Duration // tests of what is read at the start set it
}

func (o Options) withDefaults() Options {
	if o.MaxOpen <= 0 {
		o.MaxOpen = 1200
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 20
	}
	if o.loadWait <= 0 {
		o.loadWait = loadWait
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Labels = maps.Clone(o.Labels)
	return o
}

// The delivery policy (docs/decisions, issue "alert").
const (
	attemptLimit   = 10 * time.Second  // one Send
	shutdownGrace  = 3 * time.Second   // for the Send that is in flight when Run ends
	backoffBase    = time.Second       // full jitter: uniform in 0 … min(cap, base·2ⁿ⁻¹)
	backoffCrit    = 60 * time.Second  // cap for a critical
	backoffOther   = 300 * time.Second // cap for the rest
	throttleMin    = time.Second       // Retry-After is clamped to these
	throttleMax    = 15 * time.Minute
	repeatAfter    = 5 * time.Minute  // an ambiguous attempt this old: SNS FIFO no longer knows its key (SNS FIFO de-duplication interval)
	parkTime       = 5 * time.Minute  // between tries with refused credentials
	breakerTrips   = 5                // consecutive infrastructure failures
	breakerOpen    = 60 * time.Second // ±20 %, doubling while no critical is owed
	breakerOpenMax = 10 * time.Minute
	failoverAfter  = 15 * time.Second       // after the first attempt of a critical
	confirmWait    = time.Second            // longest that an incident's next Send waits for its last confirmation to be on disk
	putWait        = 5 * time.Second        // longest that Put waits without a deadline
	hangsAfter     = time.Second            // a write that takes longer is taken to hang
	writerStuck    = 30 * time.Second       // after which a writer is abandoned, at most one at a time
	houseEvery     = time.Second            // housekeeping: retry the disk, repeats
	intakeEvery    = 2 * time.Second        // scan of intake/
	maxDeadPerSink = 16                     // dead letters kept per incident and sink; more are counted
	maxKeys        = 64                     // idempotency keys kept per incident
	maxSpent       = 10_000                 // … of closed incidents, in all
	keepKeys       = 24 * time.Hour         // … and so long after the end
	maxList        = 64                     // causes, culprits and members kept per alert
	maxListed      = 1000                   // dead letters of closed incidents, and quarantined files, listed in memory
	loadAtOnce     = 256                    // files of open incidents that the start reads in any case,
	loadWait       = 100 * time.Millisecond // … and the longest that it reads more; the rest is read meanwhile
	maxLogged      = 100                    // quarantined files told one by one
	keepClosed     = 90 * 24 * time.Hour
	minClosed      = 1000     // closed incidents kept whatever their age
	maxClosed      = 10_000   // and at most, each of those with and without dead letters
	maxClosedBytes = 10 << 20 // so too, in whole blocks of 4 KiB
	trimAfter      = 500      // incidents closed, or an hour
	trimEvery      = time.Hour
	digestOver     = 10 // more incidents than these owed at a sink that recovers: a digest goes first
)
