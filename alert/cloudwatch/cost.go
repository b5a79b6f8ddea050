package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// List prices of us-east-1 in 2026, dollars (aws.amazon.com/cloudwatch/pricing):
// a custom metric for a month, of the first 10 000, and 1000 requests.
const (
	perMetric   = 0.30
	perRequests = 0.01
	month       = 30 * 24 * time.Hour
)

// Cost is what publishing costs in a month of 30 days.
type Cost struct {
	Series  int     `json:"series"`  // custom metrics, those of an aggregation shared by all hosts that have it
	Calls   int     `json:"calls"`   // PutMetricData requests
	Dollars float64 `json:"dollars"` // list price

	Nothing []string `json:"nothing,omitempty"` // patterns of metrics that this host has no series for
}

// String says it in words.
func (c Cost) String() string {
	s := fmt.Sprintf("%d series, %d calls: about $%.2f a month", c.Series, c.Calls, c.Dollars)
	if len(c.Nothing) > 0 {
		s += fmt.Sprintf("; this host has no series for %s (NAME:* means each target)", strings.Join(c.Nothing, ", "))
	}
	return s
}

// CostOf estimates it for a host that has the series seen; ids are the
// instance's. State series of alerts, which exist only while rules fire, are not in
// it.
func CostOf(c Config, host string, ids map[string]string, seen []collect.Sample) Cost {
	a := NewAlarms(c, host, ids)
	p := &Publisher{choice: a.choice, known: map[string]*series{}}
	for _, own := range []string{UpMetric, ScoreMetric} {
		seen = append(seen[:len(seen):len(seen)], collect.Sample{Metric: own})
	}
	var out Cost
	high, low := 0, 0
	for i := range seen {
		for _, e := range p.entries(Series{seen[i].Metric, seen[i].Target}) {
			n := len(a.naming.of(e.about.metric, seen[i].Dims))
			out.Series += n
			if e.fast {
				high += n
			} else {
				low += n
			}
		}
	}
	for _, pattern := range c.Metrics {
		one := choice{include: []string{pattern}}
		if p := (&Publisher{choice: one, known: map[string]*series{}}); !slices.ContainsFunc(seen, func(s collect.Sample) bool { return len(p.entries(Series{s.Metric, s.Target})) > 0 }) {
			out.Nothing = append(out.Nothing, pattern)
		}
	}
	requests := func(n int) int { return (n + maxData - 1) / maxData }
	out.Calls = requests(low)*int(month/normalStep) + requests(high)*int(month/fastStep)
	out.Dollars = float64(out.Series)*perMetric + float64(out.Calls)/1000*perRequests
	return out
}
