package record

import (
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// blockSpan is how much time a block of frames covers at most: half of what a
// SIGKILL may cost.
const blockSpan = 30 * time.Second

// packer turns rows into blocks. It hands a block to emit when it covers span
// or when the next row does not fit it; the bytes are valid during the call.
type packer struct {
	kind    byte
	span    time.Duration
	emit    func(h header, block []byte)
	dropped func(samples int) // samples that no block can hold
	b       *builder
	payload []byte
	block   []byte
}

func newPacker(kind byte, lanes int, span time.Duration, emit func(header, []byte), dropped func(int)) *packer {
	return &packer{kind: kind, span: span, emit: emit, dropped: dropped, b: newBuilder(lanes)}
}

// add takes one row.
func (p *packer) add(r row, at position, samples []collect.Sample, lane func(i int) [maxLanes]float32) {
	if p.mustCut(r, at) {
		p.cut()
	}
	dropped, ok := p.b.add(r, at, samples, lane)
	if !ok {
		p.cut()
		dropped, _ = p.b.add(r, at, samples, lane)
	}
	if dropped > 0 {
		p.dropped(dropped)
	}
	// Half a row is let go, else a row that came a microsecond early would draw one more in.
	if time.Duration(at.mono-p.b.start.mono+r.elapsed+r.elapsed/2) >= p.span {
		p.cut()
	}
}

// mustCut: a block belongs to one run, covers at most span, and has no step of
// the wall clock in it.
func (p *packer) mustCut(r row, at position) bool {
	n := len(p.b.rows)
	if n == 0 {
		return false
	}
	return at.run != p.b.start.run || time.Duration(at.mono-p.b.start.mono) > p.span || jump(p.b.rows[n-1].time, r) != 0
}

// jump is how far the wall clock was set between a row at time last and r; 0
// within maxSlew, which is slewing and rounding.
func jump(last int64, r row) time.Duration {
	j := time.Duration(r.time - last - r.elapsed)
	if j.Abs() <= maxSlew {
		return 0
	}
	return j
}

const maxSlew = time.Second

// addFrame takes a frame as it is.
func (p *packer) addFrame(f collect.Frame, at position) {
	r := row{time: f.Time.UnixNano(), elapsed: clamp(f.Elapsed), frames: 1, errors: clip(f.Errors)}
	p.add(r, at, f.Samples, func(i int) [maxLanes]float32 {
		return [maxLanes]float32{float32(f.Samples[i].Value)}
	})
}

// cut ends the block, if it has a row.
func (p *packer) cut() {
	b := p.b
	if len(b.rows) == 0 {
		return
	}
	h := header{kind: p.kind, rows: uint32(len(b.rows)), start: b.start, end: b.end, min: b.rows[0].time, max: b.rows[0].time}
	for _, r := range b.rows {
		h.min, h.max = min(h.min, r.time), max(h.max, r.time)
	}
	p.payload = b.appendPayload(p.payload[:0])
	p.block = appendBlock(p.block[:0], h, p.payload)
	b.reset()
	p.emit(h, p.block)
}

// next is where a frame stands that comes after p. One whose Elapsed is 0
// begins a run: nobody knows how long it was since the frame before.
func (p position) next(elapsed time.Duration) position {
	if elapsed <= 0 {
		return position{run: p.run + 1, mono: 1}
	}
	p.mono += clamp(elapsed)
	return p
}

// step is how far a row moves its position: at least one, so that no two rows
// have the same.
func step(elapsed int64) int64 { return max(1, elapsed) }

func clamp(d time.Duration) int64 { return min(max(int64(d), 0), maxElapsed) }

// clip bounds the errors of a frame: texts are cut at 4 KiB, and past 256
// collectors or 1 MiB the rest is left out.
func clip(errors map[string]string) map[string]string {
	if len(errors) <= maxErrors && sizeOf(errors) <= maxString {
		return errors
	}
	out := make(map[string]string, min(len(errors), maxErrors))
	for k, v := range errors {
		if len(out) < maxErrors/2 && len(k) <= maxString {
			out[k] = v[:min(len(v), maxString)]
		}
	}
	return out
}
