package alert

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// vanished reports whether the state directory is no longer where it was
// opened. The handle of a folder that was removed takes nothing any more and
// says so only to who writes: an outbox that is idle would not notice.
func vanished(t tree) bool {
	root, ok := t.(directory)
	if !ok {
		return false
	}
	_, err := os.Stat(root.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false // out of reach is not gone
	}
	here, err := root.Stat(".")
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return unlinked(here) // somebody made a folder of that name since
}

// remake makes a state directory that was removed as a whole anew, and has
// everything written again that is known in memory: the install id, the
// detector's state, the silences, the open incidents and the spare files.
// What was closed is gone. It is called every 2 s by the goroutine that may
// wait for the disk.
func (o *Outbox) remake() {
	if o.opt.Remake == nil || !vanished(o.disk.root()) {
		return
	}
	root, err := o.opt.Remake()
	if err != nil {
		o.mu.Lock()
		o.diskFailed(err)
		o.mu.Unlock()
		return
	}
	o.disk.use(directory{root})
	err = errors.Join(o.disk.layout(), o.writeInstall())
	o.unnamed.Store(err != nil)
	o.opt.Log.Error("the state directory was removed while the agent runs: made anew; what was closed and recorded in it is gone")
	o.mu.Lock()
	for _, r := range o.open {
		r.saved, r.failed = 0, 0
		r.rev++
	}
	if len(o.silences) > 0 {
		if b, err := json.MarshalIndent(o.silences, "", " "); err == nil {
			b = append(b, '\n')
			o.silenceFile.data = b
		}
	}
	for _, b := range []*blob{&o.state, &o.silenceFile} {
		if b.data != nil {
			b.rev++
		}
	}
	if err != nil {
		o.diskFailed(err)
	}
	o.kick()
	o.mu.Unlock()
	_ = o.disk.fillSpares() // a disk without room for them says so at the next change
}

// unlinked reports whether no folder holds what st is about any more.
func unlinked(st os.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && sys.Nlink == 0
}
