package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// The history, and what the detector takes from it at a start.
const (
	modelsFile    = "models/detector.json"
	modelsEvery   = 15 * time.Minute
	maxModels     = 256 << 20
	refillAtMost  = 3 * time.Hour   // of frames, where there is no snapshot or an old one
	historyToStop = 3 * time.Second // the most that the end waits for its last blocks
)

// refill gives the detector what it knew: the last snapshot, the frames that
// the history kept since, then the newest state of what was not quiet. Nothing
// of it is needed to watch the host, so a part that is damaged is said and left
// out.
func (a *agent) refill() {
	began := time.Now()
	b, err := readBounded(a.root, modelsFile, maxModels)
	if err == nil {
		a.mu.Lock()
		err = a.detector.Restore(b)
		a.mu.Unlock()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn("not all that was learnt can be used; what is missing is learnt anew", "file", modelsFile, "error", err)
	}
	from, frames := a.detector.Now(), 0
	if limit := began.Add(-refillAtMost); from.Before(limit) {
		from = limit
	}
	for f, err := range a.history.Archive().Replay(from) {
		if err != nil {
			a.log.Warn("the history could not be read to its end", "error", err)
			break
		}
		if f.Time.After(from) && !f.Time.After(began) {
			a.relive(f)
			frames++
		}
	}
	if frames > 0 {
		a.log.Info("the history was replayed", "frames", frames, "since", from.Format(time.RFC3339), "took", time.Since(began).Round(time.Millisecond).String())
	}
}

// relive shows the detector a frame of the past: what it raises, it raised
// then. Where the frames before it are missing, the time between counts.
func (a *agent) relive(f collect.Frame) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last := a.detector.Now(); !last.IsZero() && f.Time.Sub(last) > f.Elapsed+time.Second {
		f.Elapsed = 0
	}
	a.detector.Observe(f)
}

func readBounded(root *os.Root, name string, limit int64) ([]byte, error) {
	st, err := root.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular() || st.Size() > limit:
		return nil, fmt.Errorf("read %s: not a file of at most %d bytes", name, limit)
	}
	return root.ReadFile(name)
}

// saveModels writes a snapshot of the detector every 15 min, and at the end. The
// tick only takes it; the disk is another goroutine's.
func (a *agent) saveModels(boot time.Duration, last bool) {
	switch {
	case last:
		a.saving.Lock()
	case boot-a.learnt < modelsEvery || !a.saving.TryLock():
		return
	}
	a.learnt = boot
	a.mu.Lock()
	b, err := a.detector.Snapshot()
	a.mu.Unlock()
	a.background.Go(func() {
		defer a.saving.Unlock()
		if err == nil {
			err = writeWhole(a.dir(), modelsFile, b)
		}
		if (err != nil) != a.unlearnt {
			if a.unlearnt = err != nil; a.unlearnt {
				a.log.Warn("what was learnt is not saved; a restart learns it anew from the history", "error", err)
			}
		}
	})
}

// writeWhole replaces a file of the state directory: all of it or nothing.
func writeWhole(root *os.Root, name string, b []byte) error {
	if err := root.Mkdir("models", 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("save models: %w", err)
	}
	f, err := root.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("save models: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(name+".tmp", name)
	}
	if err != nil {
		return fmt.Errorf("save models: %w", err)
	}
	return nil
}

// keep runs the history until the returned function is called, which waits a
// few seconds at most for what is not on disk yet.
func (a *agent) keep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { a.history.Run(ctx); close(done) }()
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(historyToStop):
			a.log.Warn("the last seconds of the history did not reach the disk")
		}
	}
}

// openHistory makes the recorders that last for the whole run.
func (a *agent) openHistory() error {
	a.history = record.Open(a.root, a.cfg.History, a.log)
	if a.o.record == "" {
		return nil
	}
	var err error
	a.recording, err = newRecording(a.o.record, a.recordingHeader(), a.log)
	return err
}
