package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Archive reads a History: the one that the agent writes, or, in another
// process, that of a state directory. It holds a block and its files open
// while it reads, and nothing between. It is safe for concurrent use, also
// while a History writes.
//
// Blocks that are damaged are stepped over; what was lost is logged once and
// kept for [Archive.Damage].
type Archive struct {
	place *place
	log   *slog.Logger

	mu     sync.Mutex
	damage []Damage
	told   map[Damage]bool
}

const maxDamage = 1000 // places remembered

// OpenArchive reads below the state directory root. A directory without a
// history is an empty one.
func OpenArchive(root *os.Root, log *slog.Logger) *Archive {
	return &Archive{place: &place{root: root}, log: log, told: map[Damage]bool{}}
}

// Damage returns the places that were found damaged so far, at most 1000.
func (a *Archive) Damage() []Damage {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.damage)
}

func (a *Archive) damaged(d *Damage) {
	where := Damage{File: d.File, Offset: d.Offset}
	a.mu.Lock()
	known := a.told[where] || len(a.damage) == maxDamage
	if !known {
		a.told[where] = true
		a.damage = append(a.damage, *d)
	}
	a.mu.Unlock()
	if known {
		return
	}
	a.log.Warn("history is damaged", "cause", d)
}

// scan is one pass over the blocks of a tier.
type scan struct {
	a     *Archive
	tier  int
	files []*file
	open  []*os.File
	block block
}

func (f *file) overlaps(lo, hi time.Time) bool {
	return time.Unix(f.from, 0).Before(hi) && time.Unix(f.from+f.span, 0).After(lo)
}

// open opens the files of a tier that hold times within [lo, hi). They stay
// readable if the writer deletes them meanwhile.
func (a *Archive) open(tier int, lo, hi time.Time) (*scan, error) {
	files, err := list(a.place.get())
	if err != nil {
		return nil, err
	}
	s := &scan{a: a, tier: tier}
	for _, f := range files {
		if f.tier != tier || !f.overlaps(lo, hi) {
			continue
		}
		fd, err := a.place.get().Open(f.name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			s.close()
			return nil, fmt.Errorf("open history: %w", err)
		}
		s.files, s.open = append(s.files, f), append(s.open, fd)
	}
	return s, nil
}

func (s *scan) close() {
	for _, f := range s.open {
		_ = f.Close()
	}
}

// each calls yield with the blocks that want asks for, of the files that
// overlap [lo, hi), in the order in which they were written, until it returns
// false.
func (s *scan) each(lo, hi time.Time, want func(header) bool, yield func(header, *block) bool) error {
	for i, fd := range s.open {
		f := s.files[i]
		if !f.overlaps(lo, hi) {
			continue
		}
		if _, err := fd.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read history: %w", err)
		}
		w := walker{kind: tierKind(s.tier), block: &s.block, want: want, file: f.name(), damaged: s.a.damaged}
		if i == len(s.files)-1 {
			w.damaged = func(d *Damage) {
				if !d.Torn { // the writer may be at it
					s.a.damaged(d)
				}
			}
		}
		var err error
		if w.scan, err = newScanner(fd, f.size, w.lost); err != nil {
			s.a.damaged(&Damage{File: f.name(), Bytes: f.size})
			continue // of a newer version, or unreadable from its first line
		}
		for {
			h, ok, err := w.next()
			if err != nil {
				return fmt.Errorf("read history: %w", err)
			}
			if !ok {
				break
			}
			if !yield(h, &s.block) {
				return nil
			}
		}
	}
	return nil
}

// distant bounds of an open range; UnixNano holds for both.
var (
	longAgo = time.Unix(0, -1<<62)
	farAway = time.Unix(0, 1<<62)
)

// blocks yields the blocks with rows in [lo, hi): those of the 10 s tier that
// were written before the 1 s tier begins, and then those of that. first is
// where it begins; rows of the 10 s tier that stand there or later are not to
// be used. It goes by positions, so steps of the clock do not matter.
func (a *Archive) blocks(lo, hi time.Time, yield func(tier int, first position, h header, k *block) bool) error {
	fine, err := a.open(tier1s, longAgo, farAway)
	if err != nil {
		return err
	}
	defer fine.close()
	first := position{run: 1<<32 - 1}
	if err := fine.each(longAgo, farAway, nil, func(h header, _ *block) bool { first = h.start; return false }); err != nil {
		return err
	}
	old, err := a.open(tier10s, lo, hi)
	if err != nil {
		return err
	}
	defer old.close()
	within := func(h header) bool { return h.max >= lo.UnixNano() && h.min < hi.UnixNano() }
	more := true
	err = old.each(lo, hi, func(h header) bool { return within(h) && h.start.before(first) }, func(h header, k *block) bool {
		more = yield(tier10s, first, h, k)
		return more
	})
	if err != nil || !more {
		return err
	}
	return fine.each(lo, hi, within, func(h header, k *block) bool { return yield(tier1s, first, h, k) })
}

// Extent is what an Archive reaches over, by the times of its rows; zero where
// it has none.
type Extent struct {
	Oldest time.Time // the first row of either tier
	Fine   time.Time // the first 1 s row: before it there are only 10 s rows
	Newest time.Time // the last row
}

// Extent reads it from the headers of the blocks.
func (a *Archive) Extent() (e Extent, err error) {
	for tier := range tiers {
		s, err := a.open(tier, longAgo, farAway)
		if err != nil {
			return Extent{}, err
		}
		err = s.each(longAgo, farAway, func(h header) bool {
			lo, hi := time.Unix(0, h.min).UTC(), time.Unix(0, h.max).UTC()
			if tier == tier1s && e.Fine.IsZero() {
				e.Fine = lo
			}
			if e.Oldest.IsZero() || lo.Before(e.Oldest) {
				e.Oldest = lo
			}
			if hi.After(e.Newest) {
				e.Newest = hi
			}
			return false
		}, nil)
		s.close()
		if err != nil {
			return Extent{}, err
		}
	}
	return e, nil
}

// Series lists the series that have a reading in [from, to), by name.
func (a *Archive) Series(from, to time.Time) ([]Series, error) {
	found := map[Series]bool{}
	var last []byte
	err := a.blocks(from, to, func(_ int, _ position, _ header, k *block) bool {
		if len(last) > 0 && len(k.names) > 0 && &last[0] == &k.names[0] {
			return true
		}
		last = k.names
		for _, s := range k.series {
			found[Series{s.Metric, s.Target}] = true
		}
		return true
	})
	return slices.SortedFunc(maps.Keys(found), func(x, y Series) int {
		if c := strings.Compare(x.Metric, y.Metric); c != 0 {
			return c
		}
		return strings.Compare(x.Target, y.Target)
	}), err
}
