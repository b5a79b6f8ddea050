package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

const (
	dirSpare   = "spare"
	spareFiles = 64
	spareSize  = 4096 // bytes; a block of most file systems
)

// spares are files that hold blocks and inodes back, so that a disk that is
// full, or a quota that is used up, can still take a change: it is written into
// one of them, which is then renamed.
type spares struct {
	mu   sync.Mutex
	free []string // names in dirSpare
	used bool     // some are to be made again
	full bool     // the disk had no room for a change, and has none yet for all spare files
}

// noSpace reports whether an error says that blocks, inodes or quota ran out.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fillSpares makes the spare files that are missing. It is called by the
// goroutine that may wait for the disk; an error leaves what there is.
func (d *disk) fillSpares() error {
	filler := bytes.Repeat([]byte("spare room for a change when the disk is full\n"), spareSize/46+1)[:spareSize] // no zeros: they may take no blocks
	var free []string
	var first error
	for i := range spareFiles {
		name := fmt.Sprintf("%s/%02d", dirSpare, i)
		st, err := d.root().Lstat(name)
		if err == nil && st.Mode().IsRegular() && st.Size() == spareSize {
			free = append(free, name)
			continue
		}
		if err == nil {
			_ = d.root().Remove(name)
		}
		if first != nil {
			continue // the disk is full still
		}
		if first = d.create(name, filler); first != nil {
			_ = d.root().Remove(name)
			continue
		}
		free = append(free, name)
	}
	if first == nil {
		first = d.syncDir(dirSpare)
	}
	d.spare.mu.Lock()
	defer d.spare.mu.Unlock()
	d.spare.free, d.spare.used = free, first != nil
	d.spare.full = first != nil && (d.spare.full || noSpace(first)) // after a restart, too
	return first
}

// wanting reports whether spare files are to be made.
func (d *disk) wanting() bool {
	d.spare.mu.Lock()
	defer d.spare.mu.Unlock()
	return d.spare.used
}

// room reports whether the disk is full, and how many changes the spare files
// still take.
func (d *disk) room() (full bool, spare int) {
	d.spare.mu.Lock()
	defer d.spare.mu.Unlock()
	return d.spare.full, len(d.spare.free)
}

func (d *disk) takeSpare() string {
	d.spare.mu.Lock()
	defer d.spare.mu.Unlock()
	d.spare.full = true
	n := len(d.spare.free)
	if n == 0 {
		return ""
	}
	name := d.spare.free[n-1]
	d.spare.free, d.spare.used = d.spare.free[:n-1], true
	return name
}

// saveSpare is save on a disk that is full: whole, durable, and only for what
// fits a spare file. full is the error that it mends.
func (d *disk) saveSpare(name string, b []byte, current func() bool, full error) error {
	if len(b) > spareSize {
		var short bytes.Buffer
		if json.Compact(&short, b) == nil {
			b = append(short.Bytes(), '\n')
		}
	}
	spare := ""
	if len(b) <= spareSize {
		spare = d.takeSpare()
	}
	if spare == "" {
		return full
	}
	if err := d.rewrite(spare, b); err != nil {
		return errors.Join(full, err)
	}
	if !current() {
		return errReplaced
	}
	return d.rename(spare, name)
}

// rewrite puts other content into a file without asking for blocks.
func (d *disk) rewrite(name string, b []byte) error {
	f, err := d.root().OpenFile(name, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	err = d.do(step{Op: "rewrite", Path: name, Data: b}, func() error {
		if _, err := f.WriteAt(b, 0); err != nil {
			return err
		}
		return f.Truncate(int64(len(b)))
	})
	if err == nil {
		err = d.do(step{Op: "sync", Path: name}, f.Sync)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", name, err)
	}
	return nil
}
