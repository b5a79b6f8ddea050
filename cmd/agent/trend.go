package main

import (
	"context"
	"math"
	"time"

	"github.com/firewatch-agent/firewatch/alert/slack"
	"github.com/firewatch-agent/firewatch/record"
)

// hour is the slack.Trend of this agent: the last hour of a series, from the
// history, as means over three minutes. The last half minute may not be there
// yet.
func (a *agent) hour(ctx context.Context, metric, target string, end time.Time) (slack.Hour, error) {
	a.mu.Lock()
	h := slack.Hour{Unit: a.metrics[metric].Unit, Means: make([]float64, slack.ChartPoints)}
	a.mu.Unlock()
	for i := range h.Means {
		h.Means[i] = math.NaN()
	}
	from := end.Add(-slack.ChartPoints * slack.ChartStep)
	sum, n := make([]float64, slack.ChartPoints), make([]int, slack.ChartPoints)
	q := record.Query{From: from, To: end, Series: []record.Series{{Metric: metric, Target: target}}}
	for p, err := range a.history.Archive().Range(ctx, q) {
		if err != nil {
			return h, err
		}
		i := int(p.Time.Sub(from) / slack.ChartStep)
		if s := p.Stats[0]; i >= 0 && i < slack.ChartPoints && s.Count > 0 {
			sum[i] += s.Mean * float64(s.Count)
			n[i] += s.Count
		}
	}
	for i := range sum {
		if n[i] > 0 {
			h.Means[i] = sum[i] / float64(n[i])
		}
	}
	return h, nil
}
