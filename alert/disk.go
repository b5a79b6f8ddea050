package alert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
)

// The folders of the state directory that the outbox owns.
const (
	dirOpen       = "incidents/open"
	dirClosed     = "incidents/closed"
	dirQuarantine = "incidents/quarantine"
	dirTmp        = "incidents/tmp"
	dirIntake     = "intake"
)

// step is one operation on the state directory, told to a test's hook before
// it is done. Data is what a write writes.
type step struct {
	Op   string // create, write, append, rewrite, sync, rename, syncdir, remove
	Path string
	To   string // of a rename
	Data []byte
}

// disk does every write to the state directory.
type disk struct {
	at   atomic.Pointer[tree] // replaced where the directory was removed and made anew
	hook func(step) error     // tests only: sees each step, may fail it or hold it up
	n    atomic.Uint64        // makes the names of temporary files

	spare spares
}

func (d *disk) root() tree { return *d.at.Load() }

func (d *disk) use(t tree) { d.at.Store(&t) }

// errSkip, from a hook, takes a step as done: tests need not wait for fsync.
var errSkip = errors.New("skip this step")

// do does one step, unless the hook has it otherwise.
func (d *disk) do(s step, f func() error) error {
	if d.hook != nil {
		if err := d.hook(s); err != nil {
			if errors.Is(err, errSkip) {
				return nil
			}
			return err
		}
	}
	return f()
}

// layout makes the folders. An error leaves what could be made.
func (d *disk) layout() error {
	var first error
	for _, dir := range []string{dirOpen, dirClosed, dirQuarantine, dirTmp, dirIntake, dirSpare} {
		if err := d.root().MkdirAll(dir, 0o700); err != nil && first == nil {
			first = fmt.Errorf("make state directory: %w", err)
		}
	}
	for _, dir := range []string{"incidents", "."} {
		if err := d.syncDir(dir); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// save writes a whole file so that a crash leaves the old or the new one:
// temporary file, fsync, rename. current is asked before the rename: a writer
// that was stuck and has been replaced must not bring old content back. The
// caller syncs the folder.
func (d *disk) save(name string, b []byte, current func() bool) error {
	tmp := dirTmp + "/" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatUint(d.n.Add(1), 10) + "-" + path.Base(name)
	if err := d.create(tmp, b); err != nil {
		_ = d.root().Remove(tmp)
		if noSpace(err) {
			return d.saveSpare(name, b, current, err)
		}
		return err
	}
	if !current() {
		_ = d.root().Remove(tmp)
		return errReplaced
	}
	if err := d.rename(tmp, name); err != nil {
		_ = d.root().Remove(tmp)
		return err
	}
	return nil
}

func (d *disk) create(name string, b []byte) error {
	var f handle
	err := d.do(step{Op: "create", Path: name}, func() (err error) {
		f, err = d.root().OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	err = d.do(step{Op: "write", Path: name, Data: b}, func() error {
		_, err := f.Write(b)
		return err
	})
	if err == nil {
		err = d.do(step{Op: "sync", Path: name}, f.Sync)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// appendTo adds b to the end of a file and syncs it.
func (d *disk) appendTo(name string, b []byte) error {
	var f handle
	err := d.do(step{Op: "append", Path: name, Data: b}, func() (err error) {
		f, err = d.root().OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0o600)
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		return err
	})
	if f == nil {
		return wrapf(err, "append to", name)
	}
	if err == nil {
		err = d.do(step{Op: "sync", Path: name}, f.Sync)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return wrapf(err, "append to", name)
}

func wrapf(err error, verb, name string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, name, err)
}

func (d *disk) rename(from, to string) error {
	err := d.do(step{Op: "rename", Path: from, To: to}, func() error { return d.root().Rename(from, to) })
	if err != nil {
		return fmt.Errorf("rename %s: %w", from, err)
	}
	return nil
}

func (d *disk) remove(name string) error {
	err := d.do(step{Op: "remove", Path: name}, func() error { return d.root().Remove(name) })
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// syncDir makes the entries of a folder durable.
func (d *disk) syncDir(dir string) error {
	err := d.do(step{Op: "syncdir", Path: dir}, func() error { return syncDir(d.root(), dir) })
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

func syncDir(root tree, dir string) error {
	f, err := root.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// readFile reads a regular file of at most limit bytes. Links, pipes, devices
// and longer files are errors; a pipe is never waited for.
func readFile(root tree, name string, limit int64) ([]byte, error) {
	st, err := root.Lstat(name)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file (%s)", name, st.Mode().Type())
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	defer func() { _ = f.Close() }()
	if st, err = f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: longer than %d bytes", name, limit)
	}
	return b, nil
}

// listDir returns the names in a folder, sorted.
func listDir(root tree, dir string) ([]string, error) {
	f, err := root.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("list folder: %w", err)
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1) // ReadDir below an os.Root asks for each file's type: 0.6 s more for 100 000
	slices.Sort(names)
	if err != nil {
		return names, fmt.Errorf("list folder: %w", err)
	}
	return names, nil
}
