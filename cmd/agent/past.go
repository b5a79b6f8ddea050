package main

import (
	"context"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// recentFrames are kept in memory for charts: what the history writes in blocks
// of 30 s is not on disk before.
const recentFrames = 64

// keepRecent remembers a frame; a.mu is held.
func (a *agent) keepRecent(f collect.Frame) {
	if len(a.recent) == recentFrames {
		copy(a.recent, a.recent[1:])
		a.recent = a.recent[:recentFrames-1]
	}
	a.recent = append(a.recent, f)
}

// Past implements web.Agent: the history, then the newest frames.
func (a *agent) Past(ctx context.Context, q record.Query) ([]record.Point, error) {
	a.mu.Lock()
	recent := append([]collect.Frame(nil), a.recent...)
	a.mu.Unlock()
	old, to := q, q.To
	if len(recent) > 0 && recent[0].Time.Before(to) {
		to = recent[0].Time
	}
	var out []record.Point
	if old.To = to; old.From.Before(old.To) {
		for p, err := range a.history.Archive().Range(ctx, old) {
			if err != nil {
				return nil, err
			}
			out = web.MergePoints(out, []record.Point{p})
		}
	}
	for _, f := range recent {
		if !f.Time.Before(q.From) && f.Time.Before(q.To) {
			out = web.MergePoints(out, []record.Point{pointOf(f, q)})
		}
	}
	return out, nil
}

// pointOf is one frame as a point of q.
func pointOf(f collect.Frame, q record.Query) record.Point {
	p := record.Point{Time: f.Time, Stats: make([]record.Stat, len(q.Series))}
	if q.Step > 0 {
		step := int64(q.Step)
		p.Time = time.Unix(0, f.Time.UnixNano()/step*step).UTC()
	}
	for i := range f.Samples {
		s := &f.Samples[i]
		for k, want := range q.Series {
			if s.Metric == want.Metric && s.Target == want.Target {
				p.Stats[k] = record.Stat{Mean: s.Value, Max: s.Value, Min: s.Value, Count: 1}
			}
		}
	}
	return p
}

// Usual implements web.Agent.
func (a *agent) Usual(metric, target string) *alert.Range {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.detector.Usual(metric, target)
}
