package main

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"math"
	"os"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/cloudwatch"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/record"
)

// publisher makes the CloudWatch publisher of one sink, with what it needs of
// the agent.
func (a *agent) publisher(c cloudwatch.Config, metrics []collect.Metric, interval time.Duration) *cloudwatch.Publisher {
	return cloudwatch.NewPublisher(c, cloudwatch.Options{
		Host: a.host, Metrics: metrics, Interval: interval, Identity: a.identity, Own: a.ownSamples, Past: a.past,
		Firing: func() []alert.Member { return a.firingAt(c.Name) },
		Marks:  stateFile{a.dir, "published-" + c.Name + ".json"}, Log: a.log,
	})
}

// ownSamples are the series of the agent itself that CloudWatch may get.
func (a *agent) ownSamples() []collect.Sample {
	a.mu.Lock()
	score := a.detector.Score()
	a.mu.Unlock()
	if math.IsNaN(score) {
		return nil
	}
	return []collect.Sample{{Metric: cloudwatch.ScoreMetric, Value: collect.Round(score)}}
}

// firingAt lists what fires of the incidents that a sink was told of, and so not
// what is silenced or routed elsewhere. What the rules know to be well again is
// left out, though its incident tells of that later.
func (a *agent) firingAt(sink string) []alert.Member {
	incidents := a.box.Incidents()
	a.mu.Lock()
	status := a.detector.Status()
	a.mu.Unlock()
	ours, fires := map[string]bool{}, map[[2]string]bool{}
	for _, s := range status {
		ours[s.Rule] = true
		fires[[2]string{s.Rule, s.Target}] = s.State == "firing" || s.State == "clearing"
	}
	var out []alert.Member
	for _, in := range incidents {
		told := slices.ContainsFunc(in.Sinks, func(d alert.Delivery) bool { return d.Sink == sink && d.Confirmed != "" })
		if !told || in.State != alert.Firing {
			continue
		}
		members := in.Members
		if !slices.ContainsFunc(members, func(m alert.Member) bool { return m.Rule == in.Rule && m.Target == in.Target }) {
			members = append([]alert.Member{{Rule: in.Rule, Target: in.Target, State: in.State}}, members...)
		}
		for _, m := range members {
			if m.State == alert.Firing && (!ours[m.Rule] || fires[[2]string{m.Rule, m.Target}]) {
				out = append(out, m)
			}
		}
	}
	return out
}

// past reads rows of the history for a back-fill.
func (a *agent) past(ctx context.Context, from, to time.Time, series []cloudwatch.Series) iter.Seq2[cloudwatch.Row, error] {
	q := record.Query{From: from, To: to}
	for _, s := range series {
		q.Series = append(q.Series, record.Series{Metric: s.Metric, Target: s.Target})
	}
	return func(yield func(cloudwatch.Row, error) bool) {
		var row cloudwatch.Row
		for p, err := range a.history.Archive().Range(ctx, q) {
			row.Time, row.Stats = p.Time, row.Stats[:0]
			for _, s := range p.Stats {
				row.Stats = append(row.Stats, cloudwatch.Stat{Mean: s.Mean, Max: s.Max, Min: s.Min, Count: s.Count})
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// stateFile is a small file of the state directory that is replaced whole. It is not
// synced: after a power cut it may be a minute old.
type stateFile struct {
	root func() *os.Root // of now
	name string
}

// Load implements cloudwatch.Marks; a file that is not there is empty.
func (f stateFile) Load() ([]byte, error) {
	b, err := readBounded(f.root(), f.name, 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements cloudwatch.Marks.
func (f stateFile) Save(b []byte) error {
	root := f.root()
	if err := root.WriteFile(f.name+".tmp", b, 0o600); err != nil {
		return err
	}
	return root.Rename(f.name+".tmp", f.name)
}
