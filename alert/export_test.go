package alert

import (
	"math/rand/v2"
	"os"
	"time"
)

// Step is one operation on the state directory.
type Step = step

// ErrSkip from a hook takes a step as done.
var ErrSkip = errSkip

// OpenHooked is Open with a hook that sees each step before it is done.
func OpenHooked(root *os.Root, o Options, hook func(Step) error) (*Outbox, error) {
	return openOutbox(directory{root}, o, hook), nil
}

// Tree and Handle are what an outbox asks of its directory.
type (
	Tree   = tree
	Handle = handle
)

// Directory is the tree of a real directory.
func Directory(root *os.Root) Tree { return directory{root} }

// OpenTree is OpenHooked on any tree.
func OpenTree(t Tree, o Options, hook func(Step) error) *Outbox { return openOutbox(t, o, hook) }

// CheckTree is Check of any tree.
func CheckTree(t Tree) []Problem { return checkTree(t) }

// Patient are options with which the start reads every open incident, however
// busy the machine.
func Patient(o Options) Options {
	o.loadWait = time.Hour
	return o
}

// DecodeIncident decodes an incident file and encodes it again.
func DecodeIncident(b []byte) ([]byte, error) {
	r, err := decodeRecord(b)
	if err != nil {
		return nil, err
	}
	return r.encode()
}

// DecodeIntake decodes an intake file.
func DecodeIntake(b []byte) error {
	_, err := decodeIntake(b)
	return err
}

// Backoff is the wait after the nth failure.
func Backoff(n int, s Severity, seed uint64) time.Duration {
	return backoff(n, s, rand.New(rand.NewPCG(seed, 0)))
}
