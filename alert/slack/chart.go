package slack

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Points of a chart: the most that Slack takes (Block Kit reference, data
// visualization block), three minutes each.
const (
	ChartPoints = 20
	ChartStep   = 3 * time.Minute
)

const (
	minPoints     = 3  // fewer draw no line
	maxChartTitle = 50 // characters; Block Kit reference, data visualization block
	maxLabel      = 20
	trendPatience = 2 * time.Second
)

// Hour is what a series did in the hour before an alert: means over [ChartStep],
// oldest first, NaN where there was no reading. There are at most [ChartPoints],
// and the last step ends at the alert.
type Hour struct {
	Unit  string // of the values, in CloudWatch's words
	Means []float64
}

// Trend returns the hour of a series that ends at end, read from the history.
// It returns when ctx ends.
type Trend func(ctx context.Context, metric, target string, end time.Time) (Hour, error)

// driver is the series that drives an alert, with its value and usual band.
func driver(a alert.Alert) (metric, target string, value alert.Number, usual *alert.Range) {
	if len(a.Causes) > 0 {
		c := a.Causes[0]
		return c.Metric, c.Target, c.Value, c.Usual
	}
	return a.Metric, a.Target, a.Value, a.Usual
}

// hour reads the trend of an alert; nil where there is none. A chart is never
// worth an alert: an error only costs the chart.
func (s *Sink) hour(ctx context.Context, a alert.Alert) *Hour {
	metric, target, value, _ := driver(a)
	if s.trend == nil || metric == "" || a.Phase == alert.PhaseDigest {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, trendPatience)
	defer cancel()
	h, err := s.trend(ctx, metric, target, a.ChangedAt)
	if err != nil || len(h.Means) == 0 || len(h.Means) > ChartPoints {
		return nil
	}
	// The history lags by up to half a minute: what made the alert may not be in
	// it, but is in the alert, if it is in the same unit.
	if last := len(h.Means) - 1; len(a.Causes) > 0 && a.Causes[0].Unit == h.Unit || len(a.Causes) == 0 && a.Unit == h.Unit {
		if v := float64(value); !math.IsNaN(v) && !math.IsInf(v, 0) && a.State == alert.Firing {
			h.Means[last] = v
		}
	}
	n := 0
	for _, v := range h.Means {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			n++
		}
	}
	if n < minPoints {
		return nil
	}
	return &h
}

// chart draws the hour as lines: the series, its usual band, and the limit where
// it is on the same scale. Slack wants a value for each label, so a step
// without readings is left out.
func chart(a alert.Alert, h *Hour) slack.Block {
	if h == nil {
		return nil
	}
	metric, target, _, usual := driver(a)
	divisor, unit := scale(h)
	var names []string
	var values []float64
	for i, v := range h.Means {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			names = append(names, ago(len(h.Means)-1-i))
			values = append(values, round(v/divisor))
		}
	}
	level := func(name string, v float64) slack.DataVisualizationDataSeries {
		points := make([]slack.DataVisualizationDataPoint, len(names))
		for i, n := range names {
			points[i] = slack.NewDataVisualizationDataPoint(n, round(v/divisor))
		}
		return slack.NewDataVisualizationDataSeries(name, points...)
	}
	main := level(cut(human.Clean(metric, 100), maxLabel), 0)
	for i, v := range values {
		main.Data[i].Value = v
	}
	series := []slack.DataVisualizationDataSeries{main}
	if usual != nil {
		for _, l := range []struct {
			name string
			v    alert.Number
		}{{"usual, low", usual.Low}, {"usual, high", usual.High}} {
			if v := float64(l.v); !math.IsNaN(v) && !math.IsInf(v, 0) {
				series = append(series, level(l.name, v))
			}
		}
	}
	if a.Threshold != nil && metric == a.Metric && a.Unit == h.Unit && !math.IsNaN(float64(*a.Threshold)) {
		series = append(series, level("limit", float64(*a.Threshold)))
	}
	axis := slack.NewDataVisualizationAxisConfig(names...).WithXLabel("before the alert")
	if unit != "" {
		axis = axis.WithYLabel(unit)
	}
	title := cut(human.Clean(strings.TrimSpace(metric+" "+target), 100), maxChartTitle)
	b := slack.NewDataVisualizationBlock(title, slack.NewDataVisualizationLineChart(axis, series...))
	if b.Validate() != nil {
		return nil
	}
	return b
}

// ago labels a step by its distance from the alert.
func ago(steps int) string {
	if steps == 0 {
		return "now"
	}
	return "-" + strconv.Itoa(steps*int(ChartStep/time.Minute)) + " min"
}

// scale finds the prefix in which bytes are readable.
func scale(h *Hour) (divisor float64, unit string) {
	switch h.Unit {
	case "Percent":
		return 1, "%"
	case "Milliseconds":
		return 1, "ms"
	case "Count/Second":
		return 1, "per second"
	case "Bytes", "Bytes/Second":
		most := 0.0
		for _, v := range h.Means {
			if a := math.Abs(v); a > most && !math.IsInf(a, 0) {
				most = a
			}
		}
		divisor, unit = 1, "B"
		for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
			if most < 1024*divisor {
				break
			}
			divisor, unit = 1024*divisor, u
		}
		if h.Unit == "Bytes/Second" {
			unit += "/s"
		}
		return divisor, unit
	case "None", "Count", "":
		return 1, ""
	}
	return 1, cut(human.Clean(h.Unit, 40), 40)
}

// round keeps four significant digits: more is noise on a chart.
func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	if err != nil || math.IsInf(r, 0) {
		return v
	}
	return r
}

var bars = []rune("▁▂▃▄▅▆▇█")

// line is the hour as block characters, for where there is no chart; "" without
// an hour.
func line(a alert.Alert, h *Hour) string {
	if h == nil {
		return ""
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range h.Means {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	for _, v := range h.Means {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b.WriteByte(' ')
		default:
			share := (v/2 - low/2) / (high/2 - low/2) // halves: the range may be beyond a float64
			if math.IsNaN(share) {
				share = 0 // a flat line
			}
			b.WriteRune(bars[int(share*float64(len(bars)-1)+0.5)])
		}
	}
	metric, _, _, usual := driver(a)
	s := "`" + b.String() + "` last hour of " + escape(metric, 100) + ": " + human.Value(low, h.Unit) + " to " + human.Value(high, h.Unit)
	if usual != nil {
		s += ", usually " + human.Value(float64(usual.Low), h.Unit) + " to " + human.Value(float64(usual.High), h.Unit)
	}
	return s
}
