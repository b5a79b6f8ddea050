package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// Header says what a recording is of.
type Header struct {
	Host     string           // host name
	Kernel   string           // uname -r and architecture, as the writer likes it
	Command  string           // what made it, and what loaded the host meanwhile
	Agent    string           // version of firewatch
	Interval time.Duration    // nominal, between frames
	Metrics  []collect.Metric // units and bounds of what the frames hold
}

type headerJSON struct {
	Host     string       `json:"host,omitempty"`
	Kernel   string       `json:"kernel,omitempty"`
	Command  string       `json:"command,omitempty"`
	Agent    string       `json:"agent,omitempty"`
	Interval string       `json:"interval,omitempty"`
	Metrics  []metricJSON `json:"metrics,omitempty"`
}

type metricJSON struct {
	Name      string   `json:"name"`
	Unit      string   `json:"unit,omitempty"`
	Subsystem string   `json:"subsystem,omitempty"`
	Help      string   `json:"help,omitempty"`
	Min       *float64 `json:"min,omitempty"` // absent = no known bound
	Max       *float64 `json:"max,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (h Header) MarshalJSON() ([]byte, error) {
	j := headerJSON{h.Host, h.Kernel, h.Command, h.Agent, h.Interval.String(), nil}
	for _, m := range h.Metrics {
		j.Metrics = append(j.Metrics, metricJSON{m.Name, m.Unit, m.Subsystem, m.Help, bound(m.Min), bound(m.Max)})
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields are ignored.
func (h *Header) UnmarshalJSON(b []byte) error {
	var j headerJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*h = Header{Host: j.Host, Kernel: j.Kernel, Command: j.Command, Agent: j.Agent}
	h.Interval, _ = time.ParseDuration(j.Interval) // "" = unknown
	for _, m := range j.Metrics {
		h.Metrics = append(h.Metrics, collect.Metric{Name: m.Name, Unit: m.Unit, Subsystem: m.Subsystem, Help: m.Help, Min: unbound(m.Min), Max: unbound(m.Max)})
	}
	return nil
}

func bound(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func unbound(v *float64) float64 {
	if v == nil {
		return collect.Unbounded
	}
	return *v
}

// Writer writes a recording: every frame, as it is. It is not safe for
// concurrent use; a Recorder that must not block puts a [History] or a queue
// before it.
type Writer struct {
	w   io.Writer
	p   *packer
	at  position
	err error
}

// NewWriter begins a recording with its header. The caller closes w after
// [Writer.Close].
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	payload, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	if len(payload) > maxHeader {
		return nil, fmt.Errorf("write recording: a header of %d bytes is over %d", len(payload), maxHeader)
	}
	r := &Writer{w: w}
	r.p = newPacker(kindRows, 1, blockSpan, func(_ header, b []byte) { r.write(b) }, func(n int) {
		r.err = errors.Join(r.err, fmt.Errorf("write recording: %d samples are repeated in a frame or have names over %d bytes", n, maxString))
	})
	r.write(appendBlock([]byte(magic), header{kind: kindHeader}, payload))
	return r, r.err
}

const maxHeader = 1 << 20

func (r *Writer) write(b []byte) {
	if _, err := r.w.Write(b); err != nil && r.err == nil {
		r.err = fmt.Errorf("write recording: %w", err)
	}
}

// WriteFrame adds a frame. It reaches w with its block, at most 30 s of frames
// later. The first error of w sticks. Values are kept as float32; a series
// that is repeated within the frame is an error.
func (r *Writer) WriteFrame(f collect.Frame) error {
	if r.err == nil {
		r.at = r.at.next(f.Elapsed)
		r.p.addFrame(f, r.at)
	}
	return r.err
}

// Close writes what is left. It does not close the underlying writer.
func (r *Writer) Close() error {
	if r.err == nil {
		r.p.cut()
	}
	return r.err
}

// Reader reads a recording, or one file of a History.
type Reader struct {
	Header Header // zero if its block is damaged, which Frames says
	w      walker
}

// NewReader reads the header. It is an error if r holds no whole block, or is
// of a version that this one does not know.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{}
	d.w = walker{kind: kindRows, block: &block{}}
	s, err := newScanner(r, -1, d.w.lost)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	d.w.scan = s
	h, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("open recording: this is not a recording: it has no whole block")
	}
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	if h.kind != kindHeader || h.length > maxHeader {
		s.unread(h)
		return d, nil
	}
	payload, ok, err := s.payload(h)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	if ok && json.Unmarshal(payload, &d.Header) != nil {
		d.w.lost(s.offset-int64(h.length), int64(h.length), false)
	}
	return d, nil
}

// Frames yields the frames in the order in which they were written, once.
// Where the file is damaged it yields a *Damage and goes on with what follows;
// any other error is of the disk, and the last.
//
// The frames equal those written: Time to the nanosecond (in UTC), Elapsed,
// the samples in order with their Dims and float32 values, Errors. After
// damage, Elapsed is the time since the last frame that was yielded.
func (d *Reader) Frames() iter.Seq2[collect.Frame, error] {
	return func(yield func(collect.Frame, error) bool) {
		var damage []*Damage
		d.w.damaged = func(x *Damage) { damage = append(damage, x) }
		var at splice
		for {
			h, ok, err := d.w.next()
			for _, x := range damage {
				if !yield(collect.Frame{}, x) {
					return
				}
			}
			damage = damage[:0]
			if err != nil {
				yield(collect.Frame{}, fmt.Errorf("read recording: %w", err))
			}
			if err != nil || !ok {
				return
			}
			more := true
			d.w.block.rows[0].elapsed = at.join(h.start, d.w.block.rows[0].elapsed)
			err = d.w.block.frames(0, func(_ row, f collect.Frame) bool {
				more = yield(f, nil)
				return more
			})
			if err != nil {
				where := d.w.block.where
				more = yield(collect.Frame{}, &where)
			}
			if !more {
				return
			}
			at = splice{h.end, true}
		}
	}
}
