package main

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// writer runs a History and keeps pace with it.
type writer struct {
	*record.History
	root *os.Root
	stop context.CancelFunc
	done chan struct{}
	n    uint64
}

func open(dir string, cfg record.Config, log io.Writer) (*writer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	w := &writer{History: record.Open(root, cfg, slog.New(slog.NewTextHandler(log, nil))), root: root, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go func() { w.Run(ctx); close(w.done) }()
	return w, nil
}

// put records a frame and waits until the writer is nearly done with what it
// has: a simulated second is much shorter than a real one.
func (w *writer) put(f collect.Frame) {
	w.Record(f)
	w.n++
	if w.n%16 == 0 {
		w.settle()
	}
}

func (w *writer) settle() {
	for w.Stats().Recorded < w.n {
		runtime.Gosched()
	}
}

func (w *writer) close() {
	w.stop()
	<-w.done
	w.root.Close()
}

// codecs compares ways to store blocks of 30 frames, values alone.
func codecs(c config) ([]measure, error) {
	t, err := newTiles(c.fixture, c.series)
	if err != nil {
		return nil, err
	}
	const frames, perBlock = 3600, 30
	blocks := make([][]collect.Frame, frames/perBlock)
	values := 0
	for i := range blocks {
		for range perBlock {
			f := t.next()
			blocks[i] = append(blocks[i], f)
			values += len(f.Samples)
		}
	}
	var out []measure
	add := func(name string, bytes int, took time.Duration) {
		out = append(out,
			measure{What: name + ": bytes a value", Value: float64(bytes) / float64(values), Unit: "B", N: values},
			measure{What: name + ": time a frame", Value: float64(took.Microseconds()) / frames, Unit: "µs", N: frames})
	}
	var counted counter
	start := time.Now()
	w, err := record.NewWriter(&counted, record.Header{})
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		for _, f := range b {
			if err := w.WriteFrame(f); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	add("own: XOR columns, with names, times and checksums", int(counted), time.Since(start))
	add("plain float32", 4*values, 0)
	for _, level := range []int{1, 6} {
		start, total := time.Now(), 0
		z, err := flate.NewWriter(nil, level)
		if err != nil {
			return nil, err
		}
		for _, b := range blocks {
			var packed bytes.Buffer
			z.Reset(&packed)
			_, _ = z.Write(columns(b))
			_ = z.Close()
			total += packed.Len()
		}
		add(fmt.Sprintf("compress/flate level %d over float32 columns, values alone", level), total, time.Since(start))
	}
	return out, nil
}

type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

func columns(frames []collect.Frame) (b []byte) {
	columns := map[record.Series][]byte{}
	var order []record.Series
	for _, f := range frames {
		for _, s := range f.Samples {
			k := record.Series{Metric: s.Metric, Target: s.Target}
			if columns[k] == nil {
				order = append(order, k)
			}
			columns[k] = binary.LittleEndian.AppendUint32(columns[k], math.Float32bits(float32(s.Value)))
		}
	}
	for _, k := range order {
		b = append(b, columns[k]...)
	}
	return b
}

// history writes c.days of frames and reads them.
func history(c config) ([]measure, error) {
	t, err := newTiles(c.fixture, c.series)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, "history")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	w, err := open(dir, record.Config{}, os.Stderr)
	if err != nil {
		return nil, err
	}
	frames := c.days * 86400
	start := time.Now()
	for range frames {
		w.put(t.next())
	}
	w.close()
	took := time.Since(start)
	fine, _ := folderSize(dir, "*.1s")
	old, span := folderSize(dir, "*.10s")
	if s := w.Stats(); s.Dropped+s.Lost+s.Samples > 0 {
		return nil, fmt.Errorf("the history lost something: %+v", s)
	}
	out := []measure{
		{What: "10 s tier, mean and max", Value: float64(old) / min(float64(c.days), span) / (1 << 20), Unit: "MiB a day", Limit: 10, N: c.series},
		{What: "1 s tier, 6 h", Value: float64(fine) / (1 << 20), Unit: "MiB", Limit: 20, N: c.series},
		{What: "all files", Value: float64(fine+old) / (1 << 20), Unit: "MiB"},
		{What: "writing, frames made included", Value: float64(took.Microseconds()) / float64(frames), Unit: "µs a frame", N: frames},
	}
	read, err := reads(dir, t)
	if err != nil {
		return append(out, read...), err
	}
	tested, err := backtests(dir, binaryIn(c))
	return append(append(out, read...), tested), err
}

// folderSize adds up the files of a tier; days is what their names span.
func folderSize(dir, pattern string) (n int64, days float64) {
	files, _ := filepath.Glob(filepath.Join(dir, "history", pattern))
	lo, hi := int64(math.MaxInt64), int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
		var seq, from, span int64
		if _, err := fmt.Sscanf(filepath.Base(f), "%d-%d-%d", &seq, &from, &span); err == nil {
			lo, hi = min(lo, from), max(hi, from+span)
		}
	}
	return n, float64(hi-lo) / 86400
}
