package record

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// History keeps what was measured: a [collect.Recorder] that hands every frame
// to a writer of its own. See the package comment for what it promises.
type History struct {
	archive *Archive
	log     *slog.Logger
	queue   chan collect.Frame

	mu      sync.Mutex // for what Record and Stats share with Run
	stats   Stats
	skipped time.Duration // Elapsed of frames that were dropped since the last that was not

	// Only Run touches these.
	store   store
	fine    *packer
	coarse  *coarse
	at      position
	last    row
	held    []waiting // blocks that could not be written yet
	bytes   int       // of held
	missing time.Duration
}

// waiting is a block that waits for the disk.
type waiting struct {
	tier  int
	h     header
	block []byte
}

const (
	queueFrames = 64        // frames that may wait for the writer, about a minute
	maxHeld     = 512 << 10 // bytes of blocks that may wait for the disk
)

// Stats are the counters of a History since it was opened.
type Stats struct {
	Recorded uint64 // frames taken by the writer
	Dropped  uint64 // frames dropped because the writer did not keep up: the newest
	Lost     uint64 // rows of either tier that could not be written
	Samples  uint64 // samples dropped: repeated in a frame, or with names beyond 4 KiB
	Queued   int    // frames waiting for the writer
	Files    int    // on disk
	Bytes    int64  // on disk
	Damaged  int    // places found damaged, see Archive.Damage
	Paused   string // why nothing is written at the moment; "" = it is
}

// Open returns a History below the state directory root. It cannot fail and
// does not touch the disk: Run does both, and says so in the log and in Stats.
// root stays the caller's; cfg must be valid.
func Open(root *os.Root, cfg Config, log *slog.Logger) *History {
	h := &History{archive: OpenArchive(root, log), log: log, queue: make(chan collect.Frame, queueFrames)}
	h.store = store{place: h.archive.place, cfg: cfg.withDefaults(), damaged: h.archive.damaged, write: (*os.File).Write, sync: (*os.File).Sync}
	dropped := func(n int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stats.Samples += uint64(n)
	}
	h.fine = newPacker(kindRows, 1, blockSpan, func(hd header, b []byte) { h.write(tier1s, hd, b) }, dropped)
	h.coarse = newCoarse(func(hd header, b []byte) { h.write(tier10s, hd, b) }, func(int) {})
	return h
}

// Archive returns the reading side. What Run has not written yet, at most 30 s
// of frames, is not in it.
func (h *History) Archive() *Archive { return h.archive }

// Record takes a frame and never blocks: if the writer does not keep up, the
// frame is dropped and counted, and the next one says in its Elapsed how long
// it was since the last that was kept.
func (h *History) Record(f collect.Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	elapsed := f.Elapsed
	f.Elapsed += h.skipped
	select {
	case h.queue <- f:
		h.skipped = 0
	default:
		h.skipped += elapsed
		h.stats.Dropped++
	}
}

// Stats returns the counters.
func (h *History) Stats() Stats {
	damaged := len(h.archive.Damage())
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Queued, s.Damaged = len(h.queue), damaged
	return s
}

// Run writes until ctx ends, and then what is left, and returns. It is called
// once. First it repairs what a crash left behind: ends that were torn off,
// and 10 s rows that were not written yet, which it makes again from the 1 s
// rows.
func (h *History) Run(ctx context.Context) {
	h.begin()
	for {
		select {
		case f := <-h.queue:
			h.take(f)
			continue
		case <-ctx.Done():
		}
		for len(h.queue) > 0 {
			h.take(<-h.queue)
		}
		h.finish()
		return
	}
}

// finish writes what is left.
func (h *History) finish() {
	h.fine.cut()
	h.coarse.flush()
	h.coarse.p.cut()
	h.store.forget()
}

func (h *History) begin() {
	if err := h.store.load(); err != nil {
		h.pause(err)
	}
	end := h.store.end
	h.at = end[tier1s]
	if h.at.before(end[tier10s]) {
		h.at = end[tier10s]
	}
	s, err := h.archive.open(tier1s, longAgo, farAway)
	if err == nil {
		var at splice
		err = s.each(longAgo, farAway, func(hd header) bool { return end[tier10s].before(hd.end) }, func(hd header, k *block) bool {
			k.rows[0].elapsed = at.join(hd.start, k.rows[0].elapsed)
			at = splice{hd.end, true}
			return k.frames(0, func(r row, f collect.Frame) bool {
				if end[tier10s].before(r.at) {
					h.coarse.add(f, r.at)
				}
				return true
			}) == nil
		})
		s.close()
	}
	if err != nil {
		h.log.Warn("10 s rows of the last minutes are lost", "cause", err)
	}
	h.at = position{run: h.at.run + 1}
}

// take is the writer's part for one frame.
func (h *History) take(f collect.Frame) {
	for _, end := range h.store.end {
		if end.run > h.at.run { // a directory came back that has seen more runs
			h.at = position{run: end.run + 1}
		}
	}
	h.at = h.at.next(f.Elapsed)
	r := row{time: f.Time.UnixNano(), elapsed: clamp(f.Elapsed)}
	h.store.steady += time.Duration(r.elapsed)
	if r.elapsed == 0 || jump(h.last.time, r) != 0 {
		h.store.steady = 0
	}
	h.last = r
	h.fine.addFrame(f, h.at)
	h.coarse.add(f, h.at)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Recorded++
}

// write puts a block on disk, after those that wait. Where it cannot, the
// block waits too, while there is room.
func (h *History) write(tier int, hd header, block []byte) {
	err := h.retry()
	if err == nil {
		err = h.store.append(tier, hd, block)
	}
	if err == nil {
		h.resume()
		return
	}
	lost := uint64(0)
	if h.bytes+len(block) <= maxHeld {
		h.held = append(h.held, waiting{tier, hd, bytes.Clone(block)})
		h.bytes += len(block)
	} else {
		lost = uint64(hd.rows)
		if tier == tier1s {
			h.missing += time.Duration(hd.end.mono - hd.start.mono)
		}
	}
	h.pause(err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Lost += lost
}

func (h *History) retry() error {
	for len(h.held) > 0 {
		w := h.held[0]
		if err := h.store.append(w.tier, w.h, w.block); err != nil {
			return err
		}
		h.held = h.held[1:]
		h.bytes -= len(w.block)
	}
	h.held = nil
	return nil
}

// pause and resume log the transition, once; never under the lock, for the
// log may block and Record must not.
func (h *History) pause(err error) {
	h.mu.Lock()
	first := h.stats.Paused == ""
	h.stats.Paused = err.Error()
	h.mu.Unlock()
	if first {
		h.log.Warn("history pauses: alerts are not affected, and it goes on by itself", "cause", err)
	}
}

func (h *History) resume() {
	h.mu.Lock()
	paused := h.stats.Paused != ""
	h.stats.Paused = ""
	h.stats.Files, h.stats.Bytes = len(h.store.files), h.store.total
	h.mu.Unlock()
	if paused {
		h.log.Info("history goes on", "lost", h.missing)
		h.missing = 0
	}
}
