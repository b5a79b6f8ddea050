package alert

import (
	"slices"
	"strings"
	"time"
)

// trimClosed keeps closed incidents for 90 days: of those that were delivered
// and of those with dead letters at most the newest 10 000 and 10 MiB each, and
// of those the newest thousand whatever their age, so that a clock that jumps ahead
// cannot empty the record; with the open ones at their bound the outbox takes
// less than 64 MiB. It is called by the goroutine that may wait for the disk.
func (o *Outbox) trimClosed(now time.Time) {
	type file struct {
		name string
		at   time.Time
		size int64 // on the disk
	}
	var plain, dead []file
	names, _ := listDir(o.disk.root(), dirClosed)
	for _, n := range names {
		st, err := o.disk.root().Lstat(dirClosed + "/" + n)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		switch id, _, _ := strings.Cut(n, "."); {
		case !isID(id): // not ours
		case strings.HasSuffix(n, deadSuffix):
			dead = append(dead, file{n, st.ModTime(), (st.Size() + 4095) / 4096 * 4096})
		default:
			plain = append(plain, file{n, st.ModTime(), (st.Size() + 4095) / 4096 * 4096})
		}
	}
	for _, files := range [][]file{plain, dead} {
		slices.SortFunc(files, func(a, b file) int { return b.at.Compare(a.at) })
		size := int64(0)
		for i, f := range files {
			size += f.size
			if size <= maxClosedBytes && (i < minClosed || i < maxClosed && now.Sub(f.at) < keepClosed) {
				continue
			}
			if err := o.disk.remove(dirClosed + "/" + f.name); err != nil {
				o.opt.Log.Warn("trim closed incidents", "error", err)
				return
			}
		}
	}
}
