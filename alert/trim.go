package alert

import (
	"slices"
	"strings"
	"time"
)

// trimClosed keeps the newest thousand of the closed incidents that were
// delivered, and the newest thousand of those with dead letters. It is called
// by the goroutine that may wait for the disk.
func (o *Outbox) trimClosed() {
	type file struct {
		name string
		at   time.Time
	}
	var plain, dead []file
	names, _ := listDir(o.disk.root, dirClosed)
	if len(names) <= maxClosed {
		return
	}
	for _, n := range names {
		st, err := o.disk.root.Lstat(dirClosed + "/" + n)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		switch id, _, _ := strings.Cut(n, "."); {
		case !isID(id): // not ours
		case strings.HasSuffix(n, deadSuffix):
			dead = append(dead, file{n, st.ModTime()})
		default:
			plain = append(plain, file{n, st.ModTime()})
		}
	}
	for _, files := range [][]file{plain, dead} {
		slices.SortFunc(files, func(a, b file) int { return b.at.Compare(a.at) })
		for _, f := range files[min(len(files), maxClosed):] {
			if err := o.disk.remove(dirClosed + "/" + f.name); err != nil {
				o.opt.Log.Warn("trim closed incidents", "error", err)
				return
			}
		}
	}
}
