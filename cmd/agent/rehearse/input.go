package rehearse

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// Frames is a past, in the order in which it was. A *record.Damage among them
// is not final.
type Frames = iter.Seq2[collect.Frame, error]

// Input is a past to try rules on.
type Input struct {
	Name     string           // for people
	Since    time.Time        // alerts count from here; what comes before it only warms the rules up
	From, To time.Time        // of the frames, as far as is known
	Fine     time.Time        // frames from here on are as they were, those before it are 10 s rows; zero: all are as they were
	Interval time.Duration    // of the ticks
	Metrics  []collect.Metric // units and bounds beyond what this agent measures itself

	columns []string // metrics of a table, as its header names them

	open func() (Frames, error) // means, and then the frames as they were
	peak func() (Frames, error) // the greatest readings of the 10 s rows; nil where there are none
}

// warmUp is how far before Since the rules begin to look: what anomaly
// detection forgets by.
const warmUp = 24 * time.Hour

// FromHistory is the history of an agent from since on.
func FromHistory(a *record.Archive, since time.Time, interval time.Duration) (Input, error) {
	e, err := a.Extent()
	if err != nil {
		return Input{}, fmt.Errorf("read history: %w", err)
	}
	if e.Newest.IsZero() {
		return Input{}, errors.New("the history is empty: let the agent run for a while, or give --recording or --csv")
	}
	in := Input{Name: "history", Since: since, From: later(since.Add(-warmUp), e.Oldest), To: e.Newest, Fine: e.Fine, Interval: cmp.Or(interval, time.Second)}
	if e.Fine.IsZero() {
		in.Fine = e.Newest.Add(time.Nanosecond)
	}
	if in.Since.Before(e.Oldest) {
		in.Since = e.Oldest
	}
	in.open = func() (Frames, error) { return a.Replay(in.From), nil }
	if in.From.Before(in.Fine) {
		in.peak = func() (Frames, error) { return a.ReplayMax(in.From), nil }
	}
	return in, nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// FromRecording is a file that `run --record` made. It is read anew from its
// beginning for each pass.
func FromRecording(f io.ReadSeeker, name string) (Input, error) {
	in := Input{Name: name}
	in.open = func() (Frames, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		r, err := record.NewReader(f)
		if err != nil {
			return nil, fmt.Errorf("read recording %s: %w", name, err)
		}
		return r.Frames(), nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Input{}, fmt.Errorf("read recording: %w", err)
	}
	r, err := record.NewReader(f)
	if err != nil {
		return Input{}, fmt.Errorf("read recording %s: %w", name, err)
	}
	in.Interval, in.Metrics = cmp.Or(r.Header.Interval, time.Second), r.Header.Metrics
	for f, err := range r.Frames() {
		if err == nil {
			in.span(f.Time)
		}
	}
	if in.From.IsZero() {
		return Input{}, fmt.Errorf("the recording %s holds no frames", name)
	}
	return in, nil
}

func (in *Input) span(t time.Time) {
	if in.From.IsZero() || t.Before(in.From) {
		in.From = t
		in.Since = t
	}
	in.To = later(in.To, t)
}
