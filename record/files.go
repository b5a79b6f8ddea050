package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// folder is where the files are, below the state directory.
const folder = "history"

// The tiers of a History.
const (
	tier1s = iota
	tier10s
	tiers
)

func tierName(tier int) string { return [tiers]string{"1s", "10s"}[tier] }
func tierKind(tier int) byte   { return [tiers]byte{kindRows, kindCoarse}[tier] }

// file is one file of a tier. Its name says what it holds,
// "00000012-1795455578-1800.1s": a number that only grows, and the span of
// wall-clock times in it, from (s since 1970) and length (s). A block whose
// times are not within goes to a file of its own, so that a search needs the
// names alone, also after steps of the clock.
type file struct {
	tier int
	seq  uint32
	from int64 // s
	span int64 // s
	size int64
}

func (f *file) name() string {
	return path.Join(folder, fmt.Sprintf("%08d-%d-%d.%s", f.seq, f.from, f.span, tierName(f.tier)))
}

func (f *file) covers(lo, hi int64) bool {
	return bucket(lo, time.Second) >= f.from && bucket(hi, time.Second) < f.from+f.span
}

func parseName(name string) (f file, ok bool) {
	stem, ext, _ := strings.Cut(name, ".")
	f.tier = slices.Index([]string{tierName(tier1s), tierName(tier10s)}, ext)
	a, rest, _ := strings.Cut(stem, "-")
	i := strings.LastIndexByte(rest, '-')
	if f.tier < 0 || i < 0 {
		return f, false
	}
	seq, err1 := strconv.ParseUint(a, 10, 32)
	from, err2 := strconv.ParseInt(rest[:i], 10, 64)
	span, err3 := strconv.ParseInt(rest[i+1:], 10, 64)
	f.seq, f.from, f.span = uint32(seq), from, span
	return f, err1 == nil && err2 == nil && err3 == nil && span > 0
}

// place is the state directory. Where it was removed and made again, its
// handle leads nowhere: reopen finds it by its name.
type place struct {
	mu   sync.Mutex
	root *os.Root
	own  bool
}

func (p *place) get() *os.Root {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.root
}

func (p *place) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	root, err := os.OpenRoot(p.root.Name())
	if err != nil {
		return
	}
	if p.own {
		_ = p.root.Close()
	}
	p.root, p.own = root, true
}

// list returns the files of both tiers, oldest first; none where there is no
// folder. Files with other names are left alone.
func list(root *os.Root) ([]*file, error) {
	d, err := root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	defer func() { _ = d.Close() }()
	var files []*file
	for {
		entries, err := d.ReadDir(256)
		for _, e := range entries {
			f, ok := parseName(e.Name())
			if !ok || !e.Type().IsRegular() {
				continue
			}
			if info, err := e.Info(); err == nil {
				f.size = info.Size()
				files = append(files, &f)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list history: %w", err)
		}
	}
	slices.SortFunc(files, func(a, b *file) int { return int(int64(a.seq) - int64(b.seq)) })
	return files, nil
}
