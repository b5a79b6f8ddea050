package cloudwatch

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Series names one series of the history.
type Series struct{ Metric, Target string }

// Row is one row of the history: what each series that was asked for did in it.
type Row struct {
	Time  time.Time
	Stats []Stat // in the order of the question; Count 0 = nothing
}

// Stat is what one series did in one row. Min is NaN where it was not kept.
type Stat struct {
	Mean, Max, Min float64
	Count          int
}

// Past reads the rows of [from, to) in the order in which they were recorded. A
// Row's Stats are valid until the next one.
type Past func(ctx context.Context, from, to time.Time, series []Series) iter.Seq2[Row, error]

// Marks keeps a few bytes over a restart.
type Marks interface {
	Load() ([]byte, error)
	Save([]byte) error
}

// Gap is a time in which something was measured and not published.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

const (
	historyLag = time.Minute // a history writes its blocks this much later
	maxGaps    = 100
	chunkData  = 6000 // data that are in memory at once
	maxChunk   = 80 * time.Minute
)

// marks is what is kept.
type marks struct {
	Until time.Time `json:"until"`
	Gaps  []Gap     `json:"gaps,omitempty"`
}

// load reads how far the last run came; what it left is a gap.
func (p *Publisher) load() {
	if p.o.Marks == nil || p.o.Past == nil {
		return
	}
	b, err := p.o.Marks.Load()
	var m marks
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		p.log.Warn("where publishing to CloudWatch stood is not known; an outage before this start stays a hole", "error", err)
		return
	}
	p.until, p.gaps = m.Until, m.Gaps[:min(len(m.Gaps), maxGaps)]
}

// live tells of the first frame of this run: what lies between it and the last run
// is a gap. p.mu is held.
func (p *Publisher) live(now time.Time) {
	if !p.slow.start.IsZero() {
		return
	}
	if !p.until.IsZero() && p.until.Before(now) {
		p.gap(p.until.Add(1), now.Add(-1))
	}
}

// gap adds a time that is owed; both ends belong to it. p.mu is held.
func (p *Publisher) gap(from, to time.Time) {
	if p.o.Past == nil || to.Before(from) {
		return
	}
	p.gaps = append(p.gaps, Gap{from, to.Add(1)})
	slices.SortFunc(p.gaps, func(a, b Gap) int { return a.From.Compare(b.From) })
	merged := p.gaps[:1]
	for _, g := range p.gaps[1:] {
		last := &merged[len(merged)-1]
		// Two steps of the agent are a tick apart: nothing was measured between.
		if g.From.After(last.To.Add(2 * p.o.Interval)) {
			merged = append(merged, g)
		} else if g.To.After(last.To) {
			last.To = g.To
		}
	}
	if p.gaps = merged; len(p.gaps) > maxGaps {
		p.gaps = p.gaps[len(p.gaps)-maxGaps:]
	}
}

// save keeps how far publishing came. What waits in memory is a gap to the next
// run.
func (p *Publisher) save() {
	if p.o.Marks == nil || p.o.Past == nil {
		return
	}
	p.mu.Lock()
	m := marks{Until: p.until, Gaps: slices.Clone(p.gaps)}
	for _, s := range p.waiting {
		if !s.high {
			m.Gaps = append(m.Gaps, Gap{s.start, s.end.Add(1)})
		}
	}
	p.mu.Unlock()
	b, err := json.Marshal(m)
	if err == nil {
		err = p.o.Marks.Save(b)
	}
	if err != nil {
		p.log.Debug("keep where publishing to CloudWatch stands", "error", err)
	}
}

// backfill sends what is owed of the past, newest first, until nothing is,
// something fails, or a minute of the present waits.
func (p *Publisher) backfill(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		busy := len(p.waiting) > 0
		from, to, ok := p.chunk(time.Now())
		var known []*series
		for _, s := range p.known {
			known = append(known, s)
		}
		p.mu.Unlock()
		if busy || !ok {
			return
		}
		slices.SortFunc(known, func(a, b *series) int { return strings.Compare(a.key(), b.key()) })
		data, err := p.read(ctx, from, to, known)
		if err != nil {
			p.log.Warn("the history cannot be read; the hole in CloudWatch's metrics stays", "from", from, "to", to, "error", err)
		}
		p.mu.Lock()
		before := p.stats.Data
		p.mu.Unlock()
		for len(data) > 0 {
			n := batch(data)
			if left := p.send(ctx, data[:n]); len(left) > 0 {
				return
			}
			if data = data[n:]; !p.wait(ctx) {
				return
			}
		}
		p.mu.Lock()
		p.stats.Backfilled += p.stats.Data - before
		p.settle(from, to)
		p.mu.Unlock()
		p.save()
	}
}

// chunk is the newest part of what is owed, in whole minutes but at its ends,
// and old enough to be in the history. p.mu is held.
func (p *Publisher) chunk(now time.Time) (from, to time.Time, ok bool) {
	limit, oldest := now.Add(-historyLag), now.Add(-oldestTaken)
	p.gaps = slices.DeleteFunc(p.gaps, func(g Gap) bool { return !g.To.After(oldest) || !g.From.Before(g.To) })
	for i := len(p.gaps) - 1; i >= 0; i-- {
		g := p.gaps[i]
		if to = g.To; to.After(limit) {
			to = limit
		}
		span := normalStep * time.Duration(max(1, chunkData/max(1, len(p.known))))
		if from = to.Add(-min(span, maxChunk)).Truncate(normalStep).Add(normalStep); !from.Before(to) {
			from = to.Add(-1).Truncate(normalStep)
		}
		for _, end := range []time.Time{g.From, oldest} {
			if from.Before(end) {
				from = end
			}
		}
		if from.Before(to) {
			return from, to, true
		}
	}
	return from, to, false
}

// settle takes [from, to) out of what is owed. p.mu is held.
func (p *Publisher) settle(from, to time.Time) {
	var left []Gap
	for _, g := range p.gaps {
		if !g.From.Before(to) || !from.Before(g.To) {
			left = append(left, g)
			continue
		}
		if g.From.Before(from) {
			left = append(left, Gap{g.From, from})
		}
		if to.Before(g.To) {
			left = append(left, Gap{to, g.To})
		}
	}
	p.gaps = left
}

// read makes per-minute data of the history, newest first.
func (p *Publisher) read(ctx context.Context, from, to time.Time, known []*series) ([]types.MetricDatum, error) {
	var asked []Series
	for _, s := range known {
		metric := s.metric
		if d, ok := derived[metric]; ok {
			metric = d.from
		}
		asked = append(asked, Series{metric, s.target})
	}
	minutes := map[int64][]*window{}
	var failed error
	for row, err := range p.o.Past(ctx, from, to, asked) {
		if err != nil {
			failed = err
			break
		}
		at := row.Time.Truncate(normalStep).Unix()
		if minutes[at] == nil {
			minutes[at] = make([]*window, len(known))
			for i, s := range known {
				minutes[at][i] = p.window(s)
			}
		}
		for i, s := range row.Stats {
			w := minutes[at][i]
			if w.metric == UpMetric {
				s = Stat{1, 1, 1, 1}
			}
			w.fold(s.Mean, s.Min, s.Max, s.Count, float64(s.Count)*p.o.Interval.Seconds())
		}
	}
	var times []int64
	for at := range minutes {
		times = append(times, at)
	}
	slices.Sort(times)
	slices.Reverse(times)
	ids, _ := p.identity()
	var out []types.MetricDatum
	for _, at := range times {
		windows := slices.DeleteFunc(minutes[at], func(w *window) bool { return w.n == 0 })
		out = append(out, p.build(windows, time.Unix(at, 0), false, ids)...)
	}
	return out, failed
}

// wait spreads the requests of a back-fill, so that a fleet which comes back at
// once does not run into the account's limit of requests.
func (p *Publisher) wait(ctx context.Context) bool {
	t := time.NewTimer(p.pace)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
