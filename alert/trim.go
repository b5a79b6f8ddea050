package alert

import (
	"slices"
	"strings"
	"time"
)

// trimClosed keeps closed incidents for 90 days: of those that were delivered
// and of those with dead letters at most the newest 10 000 each, and the newest
// thousand whatever their age, so that a clock that jumps ahead cannot empty
// the record. It is called by the goroutine that may wait for the disk.
func (o *Outbox) trimClosed(now time.Time) {
	type file struct {
		name string
		at   time.Time
	}
	var plain, dead []file
	names, _ := listDir(o.disk.root(), dirClosed)
	if len(names) <= minClosed {
		return
	}
	for _, n := range names {
		st, err := o.disk.root().Lstat(dirClosed + "/" + n)
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
		for i, f := range files {
			if i < minClosed || i < maxClosed && now.Sub(f.at) < keepClosed {
				continue
			}
			if err := o.disk.remove(dirClosed + "/" + f.name); err != nil {
				o.opt.Log.Warn("trim closed incidents", "error", err)
				return
			}
		}
	}
}
