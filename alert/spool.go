package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// IntakeDir is the folder of the state directory that holds alerts for an
// agent that does not run.
const IntakeDir = dirIntake

const (
	maxIntakeFiles = 10_000
	tmpPrefix      = ".tmp-"
	tmpAge         = time.Hour // a temporary file this old was left by a sender that died
)

// intakeFile is a file of an intake folder.
type intakeFile struct {
	Schema int    `json:"schema"`
	Key    string `json:"key,omitempty"`
	Alert  Alert  `json:"alert"`
}

// WriteIntake leaves an alert for the agent in an intake folder (dir is the
// folder itself: IntakeDir of the state directory, or the spool), for
// `firewatch send` while no agent runs. nil means that it is on disk. The agent
// accepts it with its key as [Outbox.Accept] does, in the order of sending:
// the same key twice is one alert. An intake that holds 10 000 files takes no
// more ([ErrFull]). The folder may deny listing; then they are not counted.
func WriteIntake(dir *os.Root, a Alert, key string) error {
	if err := checkIntake(&a, key); err != nil {
		return err
	}
	if key == "" {
		key = fileKey + newID() // a file that is read twice is one alert
	}
	b, err := json.Marshal(intakeFile{Schema, key, tidy(a)})
	if err != nil {
		return fmt.Errorf("write intake: %w", err)
	}
	stamp := time.Now().UnixNano()
	if names, err := listDir(directory{dir}, "."); err == nil {
		if len(names) >= maxIntakeFiles {
			return fmt.Errorf("write intake: %w: %d files", ErrFull, len(names))
		}
		for _, n := range names { // a clock that stepped back must not put a resolution before its alert
			if have, err := strconv.ParseInt(strings.SplitN(n, "-", 2)[0], 10, 64); err == nil && have < 1<<62 {
				stamp = max(stamp, have+1)
			}
		}
	}
	name := fmt.Sprintf("%020d-%s.json", stamp, newID())
	f, err := dir.OpenFile(tmpPrefix+name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("write intake: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err = f.Chmod(0o640); err == nil { // whatever the umask: in the spool the agent reads it by the group
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = dir.Rename(tmpPrefix+name, name)
	}
	if err != nil {
		_ = dir.Remove(tmpPrefix + name)
		return fmt.Errorf("write intake: %w", err)
	}
	if err = syncDir(directory{dir}, "."); errors.Is(err, syscall.EACCES) {
		err = syncfs(int(f.Fd())) // a spool that may be written and not read
	}
	if err != nil {
		return fmt.Errorf("write intake: %w", err)
	}
	return nil
}

// watchIntake is the goroutine that may wait for the disk: it accepts what
// senders leave in the intake folders, at the start and every 2 s, and trims the
// closed incidents.
func (o *Outbox) watchIntake(ctx context.Context) {
	skip := map[string]bool{} // what is no file, and was told once
	tick, trim := time.NewTicker(intakeEvery), time.NewTicker(trimEvery)
	defer tick.Stop()
	defer trim.Stop()
	o.trimClosed(time.Now())
	trimmed := uint64(0)
	for {
		o.remake()
		if n := o.Stats().Closed; n-trimmed >= trimAfter {
			trimmed = n
			o.trimClosed(time.Now())
		}
		if o.disk.wanting() && o.Health().Durable {
			_ = o.disk.fillSpares() // a disk without room for them says so at the next change
		}
		o.scanIntake(ctx, o.disk.root(), dirIntake, skip)
		if o.opt.Spool != nil {
			o.scanIntake(ctx, directory{o.opt.Spool}, ".", skip)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-trim.C:
			o.trimClosed(time.Now())
		}
	}
}

// scanIntake takes the files of one folder in the order of their names. A file
// goes only once its alert is on disk: a crash between the two brings it again
// under the same key.
func (o *Outbox) scanIntake(ctx context.Context, root tree, dir string, skip map[string]bool) {
	names, _ := listDir(root, dir)
	taken := false
	for _, n := range names {
		id := path.Join(dir, n)
		if ctx.Err() != nil || (strings.HasPrefix(n, tmpPrefix) && !stale(root, id)) {
			continue
		}
		if skip[id] {
			continue
		}
		again, err := o.takeFile(ctx, root, id)
		if again {
			break // the disk does not take it: later, and in order
		}
		if err == nil {
			err = root.Remove(id)
		}
		if err != nil {
			skip[id] = len(skip) < maxIntakeFiles
			o.opt.Log.Warn("an intake file is left where it is", "file", id, "error", err)
			continue
		}
		taken = true
	}
	if taken {
		_ = syncDir(root, dir) // else a crash brings them again, under the same keys
	}
}

// takeFile accepts one file, or keeps what is wrong in quarantine. An error
// means that it can be neither.
func (o *Outbox) takeFile(ctx context.Context, root tree, name string) (again bool, err error) {
	b, err := readFile(root, name, 2*maxAlertSize)
	if err != nil {
		return false, err
	}
	f, err := decodeIntake(b)
	if err == nil {
		var result Result
		result, err = o.Accept(ctx, f.Alert, f.Key)
		switch result {
		case Accepted, Repeated, Ignored:
			return false, nil
		case NotYet:
			return true, nil
		}
		if errors.Is(err, ErrFull) {
			return true, nil
		}
	}
	return false, o.keepBad(path.Base(name), b, err)
}

// keepBad copies an intake file that cannot be accepted to quarantine.
func (o *Outbox) keepBad(name string, b []byte, why error) error {
	to := dirQuarantine + "/intake-" + strings.TrimPrefix(name, tmpPrefix)
	if _, err := o.disk.root().Lstat(to); err == nil {
		to += "-" + newID()
	}
	err := o.disk.save(to, b, func() bool { return true })
	if err == nil {
		err = o.disk.syncDir(dirQuarantine)
	}
	if err != nil {
		return err
	}
	o.opt.Log.Warn("quarantined an intake file", "file", to, "reason", why)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stats.Quarantined++
	if len(o.bad) < maxListed {
		o.bad = append(o.bad, Problem{to, why.Error()})
	}
	return nil
}

// stale reports whether a temporary file was left by a sender that died.
func stale(root tree, name string) bool {
	st, err := root.Lstat(name)
	return err == nil && time.Since(st.ModTime()) > tmpAge
}

func decodeIntake(b []byte) (intakeFile, error) {
	var f intakeFile
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("decode intake file: %w", err)
	}
	if f.Schema > Schema {
		return f, fmt.Errorf("decode intake file: schema %d: %w", f.Schema, errNewer)
	}
	return f, nil
}
