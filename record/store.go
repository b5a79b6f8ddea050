package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

const (
	filesPerKeep = 12               // a file covers a twelfth of what its tier keeps, and is deleted whole
	filesPerSize = 16               // and is at most a sixteenth of the size
	maxFiles     = 512              // of both tiers, for a clock that is set all the time
	steadyClock  = 10 * time.Minute // without a step, before anything is deleted for its age
)

// store writes the files of a History. After an error it forgets all it knew
// and looks again before the next block, so that a disk that was full or a
// folder that vanished needs nobody's help.
type store struct {
	place   *place
	cfg     Config
	damaged func(*Damage)
	loaded  bool
	files   []*file // oldest first
	total   int64
	seq     uint32
	end     [tiers]position // of what was on disk
	current [tiers]*file
	handle  [tiers]*os.File
	steady  time.Duration                           // how long the wall clock has not been set
	write   func(f *os.File, b []byte) (int, error) // File.Write, and in tests a full disk
	sync    func(f *os.File) error                  // File.Sync, and in most tests nothing
}

// load looks at what there is and repairs the newest file of each tier: what
// was torn off at its end is cut away, and said.
func (s *store) load() error {
	s.forget()
	files, err := list(s.place.get())
	if err != nil {
		return err
	}
	s.files, s.total = files, 0
	var found [tiers]bool
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		s.seq = max(s.seq, f.seq)
		if !found[f.tier] {
			newest := s.current[f.tier] == nil
			last, ok, err := s.inspect(f, newest)
			if err != nil {
				return err
			}
			if newest {
				s.current[f.tier] = f
			}
			if found[f.tier] = ok; ok {
				s.end[f.tier] = last.end
			}
		}
		s.total += f.size
	}
	s.loaded = true
	return nil
}

// inspect steps through the headers of f to the last one. repair cuts the file
// there and keeps it open to be appended to.
func (s *store) inspect(f *file, repair bool) (last header, found bool, err error) {
	flag := os.O_RDONLY
	if repair {
		flag = os.O_RDWR | os.O_APPEND
	}
	fd, err := s.place.get().OpenFile(f.name(), flag, 0)
	if err != nil {
		return last, false, fmt.Errorf("open history: %w", err)
	}
	defer func() {
		if s.handle[f.tier] != fd {
			_ = fd.Close()
		}
	}()
	w := walker{file: f.name(), damaged: s.damaged}
	if w.scan, err = newScanner(fd, f.size, w.lost); err != nil {
		return last, false, nil //nolint:nilerr // of a newer version: not ours to touch, and no reason to pause
	}
	for {
		h, ok, err := w.header()
		if err != nil {
			return last, found, err
		}
		if !ok {
			break
		}
		if ok, err = w.scan.skip(h); err != nil {
			return last, found, err
		}
		if ok {
			last, found = h, true
			w.last = time.Unix(0, h.max).UTC()
		}
	}
	if repair && w.scan.good > 0 {
		if f.size > w.scan.good {
			if err := fd.Truncate(w.scan.good); err != nil {
				return last, found, fmt.Errorf("cut torn end: %w", err)
			}
			f.size = w.scan.good
		}
		s.handle[f.tier] = fd
	}
	return last, found, nil
}

// forget closes the files.
func (s *store) forget() {
	for t := range tiers {
		s.seal(t)
		s.current[t] = nil
	}
	s.loaded = false
}

// seal closes the current file of a tier.
func (s *store) seal(t int) {
	if s.handle[t] != nil {
		_ = s.sync(s.handle[t]) // an error here will be found by its checksum
		_ = s.handle[t].Close()
		s.handle[t] = nil
	}
}

// append writes one block.
func (s *store) append(t int, h header, block []byte) (err error) {
	defer func() {
		if err != nil {
			s.forget()
		}
	}()
	if s.handle[t] != nil && !s.linked(t) {
		s.forget()
	}
	if !s.loaded {
		if err := s.load(); err != nil {
			return err
		}
	}
	n := int64(len(block) + len(magic))
	if err := s.makeRoom(n, h.max); err != nil {
		return err
	}
	f := s.current[t]
	if s.handle[t] == nil || !f.covers(h.min, h.max) || f.size+n > s.cfg.Size.Bytes()/filesPerSize {
		if err := s.create(t, h); err != nil {
			return err
		}
		f = s.current[t]
		block = append([]byte(magic), block...)
	}
	wrote, err := s.write(s.handle[t], block)
	f.size += int64(wrote)
	s.total += int64(wrote)
	if err != nil {
		_ = s.handle[t].Truncate(f.size - int64(wrote)) // else load does it
		return fmt.Errorf("write history: %w", err)
	}
	s.end[t] = h.end
	return nil
}

// linked reports whether the current file is still where its name says.
func (s *store) linked(t int) bool {
	named, err := s.place.get().Stat(s.current[t].name())
	if err != nil {
		return false
	}
	open, err := s.handle[t].Stat()
	return err == nil && os.SameFile(named, open)
}

// create begins a new file for a block.
func (s *store) create(t int, h header) error {
	s.seal(t)
	keep := []time.Duration{s.cfg.Keep1s.D(), s.cfg.Keep.D()}[t]
	f := &file{tier: t, seq: s.seq + 1, from: bucket(h.min, time.Second)}
	f.span = max(int64(keep/filesPerKeep/time.Second), bucket(h.max, time.Second)-f.from+1)
	fd, err := s.openNew(f.name())
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.makeFolder(); err == nil {
			fd, err = s.openNew(f.name())
		}
	}
	if err != nil {
		return fmt.Errorf("create history: %w", err)
	}
	s.seq = f.seq
	s.files = append(s.files, f)
	s.current[t], s.handle[t] = f, fd
	return nil
}

func (s *store) openNew(name string) (*os.File, error) {
	return s.place.get().OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
}

func (s *store) makeFolder() error {
	err := s.place.get().Mkdir(folder, 0o700)
	if errors.Is(err, fs.ErrNotExist) { // the state directory itself is gone
		s.place.reopen()
		err = s.place.get().Mkdir(folder, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// makeRoom deletes what is older than is kept, and the oldest files until n
// more bytes fit. The files that are being written stay.
func (s *store) makeRoom(n, now int64) error {
	kept := s.files[:0:0]
	for i, f := range s.files {
		keep := []time.Duration{s.cfg.Keep1s.D(), s.cfg.Keep.D()}[f.tier]
		old := s.steady >= steadyClock && time.Unix(f.from+f.span, 0).Before(time.Unix(0, now).Add(-keep))
		full := s.total+n > s.cfg.Size.Bytes() || len(s.files)-i+len(kept) >= maxFiles
		if s.current[f.tier] == f || !old && !full {
			kept = append(kept, f)
			continue
		}
		if err := s.place.get().Remove(f.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete old history: %w", err)
		}
		s.total -= f.size
	}
	s.files = kept
	if s.total+n > s.cfg.Size.Bytes() {
		return fmt.Errorf("write history: %d bytes do not fit the size of %s", n, s.cfg.Size)
	}
	return nil
}
