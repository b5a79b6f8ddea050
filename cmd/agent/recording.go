package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// recordingQueue is how many frames may wait for the disk, two minutes at 1 s.
const recordingQueue = 120

// recording writes every frame to one file (`run --record F`). The tick never
// waits for it: a frame that finds the queue full is left out and counted.
type recording struct {
	path    string
	log     *slog.Logger
	file    *os.File
	w       *record.Writer
	queue   chan collect.Frame
	done    sync.WaitGroup
	dropped uint64
	skipped time.Duration // Elapsed of the frames left out since the last that was not
}

// newRecording makes the file, which must not exist, and begins to write.
func newRecording(path string, h record.Header, log *slog.Logger) (*recording, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("record: %w; --record takes the name of a new file", err)
	}
	w, err := record.NewWriter(f, h)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("record to %s: %w", path, err)
	}
	r := &recording{path: path, log: log, file: f, w: w, queue: make(chan collect.Frame, recordingQueue)}
	r.done.Go(r.run)
	return r, nil
}

func (r *recording) run() {
	failed := false
	for f := range r.queue {
		if failed {
			continue
		}
		if err := r.w.WriteFrame(f); err != nil {
			failed = true
			r.log.Error("the recording ends here", "file", r.path, "error", err)
		}
	}
}

// Record implements collect.Recorder.
func (r *recording) Record(f collect.Frame) {
	elapsed := f.Elapsed
	f.Elapsed += r.skipped
	select {
	case r.queue <- f:
		r.skipped = 0
	default:
		r.skipped += elapsed
		r.dropped++
	}
}

// close writes what is left. No frame may come after it.
func (r *recording) close() error {
	close(r.queue)
	r.done.Wait()
	if r.dropped > 0 {
		r.log.Warn("the disk was too slow for the recording", "file", r.path, "frames_left_out", r.dropped)
	}
	err := r.w.Close()
	if cerr := r.file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("finish the recording %s: %w", r.path, err)
	}
	return nil
}

// recordingHeader says what a recording is of: this host and this command.
func (a *agent) recordingHeader() record.Header {
	return record.Header{Host: a.host, Kernel: a.system, Command: "firewatch " + strings.Join(os.Args[1:], " "), Agent: versionString(),
		Interval: a.cfg.Agent.Interval.D(), Metrics: a.set.Metrics()}
}
