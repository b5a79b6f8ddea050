package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"syscall"
	"time"
)

// Dir is the folder of the state directory that holds one record per job.
const Dir = "jobs"

// ErrRunning says that another run of the same job has not ended.
var ErrRunning = errors.New("the run before has not ended")

// maxRecord is more than a record ever has, in bytes.
const maxRecord = 4096

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidName reports whether a job may be called so: letters, digits, dot, dash
// and underscore, at most 64, a letter or digit first.
func ValidName(name string) bool { return validName.MatchString(name) }

// Record is the file of one job: empty while nothing is owed. Its lock, which
// the kernel gives back however the holder ends, keeps a second run out.
type Record struct{ f *os.File }

type state struct {
	Began   time.Time `json:"began"`
	Outcome *Outcome  `json:"outcome,omitempty"` // nil = the command has not ended
}

// Open opens and locks the record of a job in a state directory, and makes it
// where it is missing. It fails with [ErrRunning] where another run holds it.
func Open(root *os.Root, name string) (*Record, error) {
	if !ValidName(name) {
		return nil, fmt.Errorf("open job: %q is no name: letters, digits, dot, dash and underscore, at most 64", name)
	}
	if err := root.Mkdir(Dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("open job: %w", err)
	}
	f, err := root.OpenFile(Dir+"/"+name+".json", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrRunning
		}
		return nil, fmt.Errorf("open job: %w", err)
	}
	return &Record{f}, nil
}

// Close gives the record back.
func (r *Record) Close() error { return r.f.Close() }

// owed is what the run before did not tell. A record that is damaged was being
// written when its run was killed.
func (r *Record) owed(name string) (Outcome, bool) {
	b, err := io.ReadAll(io.NewSectionReader(r.f, 0, maxRecord))
	if err == nil && len(b) == 0 {
		return Outcome{}, false
	}
	var s state
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err == nil && s.Outcome != nil {
		return *s.Outcome, true
	}
	o := Outcome{Firing: true, Began: s.Began, Summary: "job " + name + ": a run was killed, or the host went down under it"}
	if s.Began.IsZero() {
		o.Began = time.Now()
	} else {
		o.Summary += "; it began at " + s.Began.UTC().Format(time.RFC3339)
	}
	return o, true
}

// write never leaves the file empty on its way, which would say that nothing is
// owed: what is cut short by a kill or a full disk is damaged, and so is owed.
func (r *Record) write(s state) error {
	b, err := json.Marshal(s)
	if err == nil {
		_, err = r.f.WriteAt(b, 0)
	}
	if err == nil {
		err = r.f.Truncate(int64(len(b)))
	}
	if err == nil {
		err = r.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("write job record: %w", err)
	}
	return nil
}

func (r *Record) clear() error {
	err := r.f.Truncate(0)
	if err == nil {
		err = r.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("clear job record: %w", err)
	}
	return nil
}
