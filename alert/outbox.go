package alert

import (
	crand "crypto/rand"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Outbox keeps accepted alerts, one file per open incident, until every sink
// has them. All methods are safe for concurrent use, and none but those that
// take a context waits for a disk.
type Outbox struct {
	opt     Options
	disk    disk
	install Install
	unnamed atomic.Bool // the install id is not on disk

	mu      sync.Mutex // never held during disk or network I/O
	changed chan struct{}
	open    map[string]*record // by id
	slots   map[string]*slot   // by sink name; one that is no longer configured stays, with sink == nil
	routes  []RouteConfig
	rng     *rand.Rand
	stats   Stats
	bad     []Problem    // what Open quarantined
	dead    []DeadLetter // of closed incidents
	spent   map[string]spentKey

	late      bool // incidents were adopted after Open
	keysKnown bool // spent holds what was closed before the start, too
	running   bool
	writer    writerState
	state     blob

	silences    []Silence
	silenceFile blob
	windows     []*window
	mutes       []mute // silences and windows in force
	audits      []byte // lines that wait for the writer
	bytes       int    // of the open incidents' files
}

// Open opens the outbox in a state directory, makes the folders that are
// missing and adopts every incident that was accepted and not finished. It
// always starts: a file that is damaged, foreign or newer is moved to
// incidents/quarantine, counted and listed, never deleted; a disk that fails is
// reported by [Outbox.Health] while alerts are kept in memory. The error is
// reserved for misuse (a nil root).
//
// Call [Outbox.SetSinks] before the first Put, and [Outbox.Run] to deliver. The
// caller holds the directory's lock ([LockDir]) and closes root after Run.
func Open(root *os.Root, o Options) (*Outbox, error) {
	if root == nil {
		return nil, os.ErrInvalid
	}
	return openOutbox(directory{root}, o, nil), nil
}

// openOutbox is Open with a test's view of each step on the disk.
func openOutbox(root tree, o Options, hook func(step) error) *Outbox {
	o = o.withDefaults()
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	b := &Outbox{
		opt:     o,
		disk:    disk{hook: hook, spare: spares{used: true}},
		changed: make(chan struct{}),
		open:    map[string]*record{},
		slots:   map[string]*slot{},
		spent:   map[string]spentKey{},
		rng:     rand.New(rand.NewPCG(seed, 0x6f7574626f78)),

		state: blob{name: stateFile}, silenceFile: blob{name: silencesFile},
	}
	b.disk.use(root)
	b.disk.n.Store(uint64(time.Now().UnixNano())) // a process of the same pid may have left files
	if err := b.disk.layout(); err != nil {
		b.diskFailed(err)
	}
	clone, fresh := b.readInstall()
	if clone {
		o.Log.Warn("the state directory was copied from another machine: new install id, open incidents quarantined", "install_id", b.install.ID)
	}
	rest := b.load(clone)
	b.loadSilences()
	if fresh {
		if err := b.writeInstall(); err != nil {
			b.diskFailed(err)
			b.unnamed.Store(true)
		}
	}
	go b.loadLater(rest)
	b.mu.Lock()
	b.kick()
	b.mu.Unlock()
	return b
}

// InstallID returns the 32 hex digits that name this installation.
func (o *Outbox) InstallID() string { return o.install.ID }

// wake tells every waiter that something changed. mu is held.
func (o *Outbox) wake() {
	close(o.changed)
	o.changed = make(chan struct{})
}

// touch notes a change of r that is to reach the disk. mu is held.
func (o *Outbox) touch(r *record) {
	r.rev++
	o.kick()
}

// hold keeps r from being sent until its newest change is on disk, at most for
// wait. mu is held; the change was noted by touch.
func (o *Outbox) hold(r *record, wait time.Duration) {
	r.must, r.heldUntil = r.rev, time.Now().Add(wait)
}

// held reports whether r must not be sent now, and until when at most.
func (o *Outbox) held(r *record, now time.Time) (bool, time.Time) {
	if r.saved >= r.must || !now.Before(r.heldUntil) || o.writer.err != nil {
		return false, time.Time{}
	}
	return true, r.heldUntil
}

// newID draws 128 random bits. They never come from a seed: a repeated id would
// be a silent loss.
func newID() string {
	var b [16]byte
	_, _ = crand.Read(b[:]) // never fails: crypto/rand.Read
	return hex.EncodeToString(b[:])
}
