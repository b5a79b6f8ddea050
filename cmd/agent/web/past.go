package web

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/record"
)

// span is a choice of the time-range picker.
type span struct {
	name string
	long time.Duration
}

// spans are the choices; the second is the one to begin with.
var spans = []span{{"15m", 15 * time.Minute}, {"1h", time.Hour}, {"6h", 6 * time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"14d", 14 * 24 * time.Hour}}

func spanOf(name string) span {
	for _, s := range spans {
		if s.name == name {
			return s
		}
	}
	return spans[1]
}

const plotPoints = 60 // of one chart

// step is the width of a point.
func (s span) step() time.Duration { return s.long / plotPoints }

// fresh is how long what was drawn stays good: a point's width, within bounds.
func (s span) fresh() time.Duration { return min(max(s.step()/4, 5*time.Second), 5*time.Minute) }

// drawer reads series from the history for charts. However many people look,
// each picture is made once in a while, one at a time.
type drawer struct {
	agent Agent
	mu    sync.Mutex
	kept  map[string]*drawn
}

type drawn struct {
	mu     sync.Mutex
	at     time.Time
	points []record.Point
}

const maxDrawn = 64 // pictures that are kept

// past returns the points of series over s until now, aligned to its steps.
func (d *drawer) past(ctx context.Context, s span, series []record.Series, now time.Time) (from, to time.Time, points []record.Point, err error) {
	to = now.Truncate(s.step()).Add(s.step())
	from = to.Add(-s.long)
	if len(series) == 0 {
		return from, to, nil, nil
	}
	k := d.of(s, series)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.points == nil || now.Sub(k.at) >= s.fresh() || now.Before(k.at) {
		points, err := d.agent.Past(ctx, record.Query{From: from, To: to, Step: s.step(), Series: series})
		if err != nil {
			return from, to, nil, err
		}
		k.at, k.points = now, points
	}
	return from, to, k.points, nil
}

func (d *drawer) of(s span, series []record.Series) *drawn {
	var key strings.Builder
	key.WriteString(s.name)
	for _, x := range series {
		key.WriteString("\x00" + x.Metric + "\x01" + x.Target)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil || len(d.kept) >= maxDrawn {
		d.kept = map[string]*drawn{}
	}
	if d.kept[key.String()] == nil {
		d.kept[key.String()] = &drawn{}
	}
	return d.kept[key.String()]
}

// MergePoints appends the newer points to the older: where both have a step, its
// readings are put together.
func MergePoints(old, newer []record.Point) []record.Point {
	for _, p := range newer {
		if n := len(old); n > 0 && old[n-1].Time.Equal(p.Time) {
			for i := range p.Stats {
				old[n-1].Stats[i] = mergeStat(old[n-1].Stats[i], p.Stats[i])
			}
			continue
		}
		p.Stats = slices.Clone(p.Stats)
		old = append(old, p)
	}
	return old
}

func mergeStat(a, b record.Stat) record.Stat {
	switch {
	case a.Count == 0:
		return b
	case b.Count == 0:
		return a
	}
	n := float64(a.Count + b.Count)
	return record.Stat{
		Mean: (a.Mean*float64(a.Count) + b.Mean*float64(b.Count)) / n,
		Max:  math.Max(a.Max, b.Max), Min: math.Min(a.Min, b.Min), Count: a.Count + b.Count,
	}
}
