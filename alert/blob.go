package alert

import (
	"context"
	"fmt"
)

// blob is a file beside the incidents on its way to the disk: the detector's
// state.json, silences.json.
type blob struct {
	name        string
	data        []byte
	rev, saved  uint64
	failed      uint64
	failedCause error
}

func (b *blob) waits() bool { return b.rev > max(b.saved, b.failed) }

const stateFile = "state.json"

// SaveState writes the detector's state to state.json through the outbox's one
// writer, whole and durably; nil means that it is on disk. It waits no longer
// than ctx; the newest state is written as soon as the disk takes it.
func (o *Outbox) SaveState(ctx context.Context, b []byte) error {
	return o.saveBlob(ctx, &o.state, b)
}

func (o *Outbox) saveBlob(ctx context.Context, to *blob, b []byte) error {
	o.mu.Lock()
	to.data = b
	to.rev++
	rev := to.rev
	o.kick()
	o.mu.Unlock()
	for {
		o.mu.Lock()
		s, ch, stuck := *to, o.changed, o.stuck()
		o.mu.Unlock()
		switch {
		case s.saved >= rev:
			return nil
		case s.failed >= rev:
			return fmt.Errorf("write %s: %w: %w", s.name, ErrNotDurable, s.failedCause)
		case stuck:
			return fmt.Errorf("write %s: %w: %w", s.name, ErrNotDurable, errHangs)
		}
		if err := o.awaitWriter(ctx, ch); err != nil {
			return fmt.Errorf("write %s: %w: %w", s.name, ErrNotDurable, err)
		}
	}
}

// LoadState returns what SaveState last wrote, or nil where there is nothing.
func (o *Outbox) LoadState() ([]byte, error) {
	if _, err := o.disk.root().Lstat(stateFile); err != nil {
		return nil, nil //nolint:nilerr // no state is the first start
	}
	return readFile(o.disk.root(), stateFile, 64<<20)
}

func (o *Outbox) writeBlob(name string, b []byte, current func() bool) error {
	if err := o.disk.save(name, b, current); err != nil {
		return err
	}
	return o.disk.syncDir(".")
}
