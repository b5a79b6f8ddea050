package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// dataLink is what kubelet swaps when it replaces the files of a mounted
// ConfigMap or Secret: a symbolic link to the folder with the new ones
// (kubernetes pkg/volume/util, AtomicWriter).
const dataLink = "..data"

// watchSwaps reports on a channel when kubelet has replaced the ConfigMap that
// the config file lies on, or a Secret or ConfigMap mounted beside its folder.
// Elsewhere than on such mounts the channel stays silent: an editor's half
// written file must not come into force. stop ends it.
func watchSwaps(log *slog.Logger, config string) (swapped <-chan struct{}, stop func()) {
	folders := mountedFolders(config)
	if len(folders) == 0 {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	for _, f := range folders {
		if err == nil {
			err = w.Add(f)
		}
	}
	if err != nil { // too many inotify instances on the node
		log.Warn("watch the mounted config: it is read again at a SIGHUP only", "error", err)
		return nil, func() {}
	}
	out := make(chan struct{}, 1)
	go func() {
		for e := range w.Events {
			if filepath.Base(e.Name) != dataLink || !e.Has(fsnotify.Create) {
				continue
			}
			select {
			case out <- struct{}{}:
			default: // one is due already
			}
		}
	}()
	go func() {
		for err := range w.Errors {
			log.Warn("watch the mounted config", "error", err)
		}
	}()
	return out, func() { _ = w.Close() }
}

// mountedFolders lists the folder of the config file and those beside it, as
// far as kubelet wrote them.
func mountedFolders(config string) []string {
	if config == "" {
		return nil
	}
	own := filepath.Dir(config)
	beside, _ := filepath.Glob(filepath.Join(filepath.Dir(own), "*")) // its only error is a bad pattern
	var out []string
	for _, f := range beside {
		if st, err := os.Lstat(filepath.Join(f, dataLink)); err == nil && st.Mode().Type() == os.ModeSymlink {
			out = append(out, f)
		}
	}
	return out
}
