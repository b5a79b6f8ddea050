package cloudwatch

import (
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firewatch-agent/firewatch/collect"
)

// series is what is published under one name and set of dimensions.
type series struct {
	metric, target string
	dims           []collect.Label
}

func (s *series) key() string { return s.metric + "\x00" + s.target }

// window is one series over one step of time.
type window struct {
	*series
	counts        map[float64]float64 // values and how often; nil once there are more than 150
	n, sum        float64
	low, high     float64
	integral      float64 // Σ rate × time, for what is published as a sum
	scale         float64 // of a derived metric
	unit          string
	total, single bool // published as a sum; as one value
}

func (w *window) add(v, seconds float64) {
	if w.n == 0 {
		w.low, w.high = v, v
	}
	w.n++
	w.sum += v
	w.low, w.high = min(w.low, v), max(w.high, v)
	w.integral += v * seconds
	if w.counts != nil {
		if w.counts[v]++; len(w.counts) > maxValues {
			w.counts = nil
		}
	}
}

// fold adds a row of the history: n readings with a mean, the least and the
// greatest of them. Where the least is not known it is that of the means.
func (w *window) fold(mean, least, most float64, n int, seconds float64) {
	if n <= 0 || math.IsNaN(mean) {
		return
	}
	if math.IsNaN(least) {
		least = mean
	}
	if w.n == 0 {
		w.low, w.high = least, most
	}
	w.n += float64(n)
	w.sum += mean * float64(n)
	w.low, w.high = min(w.low, least), max(w.high, most)
	w.integral += mean * seconds
}

// datum is the window as it is sent; false where it has nothing that CloudWatch
// takes.
func (w *window) datum(at time.Time, high bool) (types.MetricDatum, bool) {
	unit := w.unit
	if w.total {
		unit = strings.TrimSuffix(unit, "/Second")
	}
	if unit == "" {
		unit = string(types.StandardUnitNone)
	}
	d := types.MetricDatum{MetricName: aws.String(w.metric), Timestamp: aws.Time(at), Unit: types.StandardUnit(unit)}
	if high {
		d.StorageResolution = aws.Int32(1)
	}
	switch {
	case w.n == 0 || !sendable(w.sum) || !sendable(w.low) || !sendable(w.high):
		return d, false
	case w.total:
		d.Value = aws.Float64(w.integral * w.scale)
		return d, sendable(*d.Value)
	case w.single:
		d.Value = aws.Float64(w.sum / w.n)
	case w.counts != nil:
		for v, n := range w.counts {
			d.Values, d.Counts = append(d.Values, v), append(d.Counts, n)
		}
	default:
		// A mean beyond its own bounds by rounding is refused as inconsistent.
		sum := min(max(w.sum, w.low*w.n), w.high*w.n)
		d.StatisticValues = &types.StatisticSet{SampleCount: aws.Float64(w.n), Sum: aws.Float64(sum), Minimum: aws.Float64(w.low), Maximum: aws.Float64(w.high)}
	}
	return d, true
}

// sendable: PutMetricData refuses NaN, infinities and what is beyond ±2^360.
func sendable(v float64) bool { return math.Abs(v) <= 0x1p360 }

// size is at least the bytes of a datum in CBOR, before compression.
func size(d *types.MetricDatum) int {
	n := 160 + len(aws.ToString(d.MetricName)) + 9*(len(d.Values)+len(d.Counts))
	for _, x := range d.Dimensions {
		n += 24 + len(aws.ToString(x.Name)) + len(aws.ToString(x.Value))
	}
	return n
}

// step is one span of time with its windows, on its way to CloudWatch.
type step struct {
	start, end time.Time // of the frames in it: [start, end]
	at         time.Time // the timestamp
	high       bool
	windows    []*window
	states     []types.MetricDatum // of alerts, at the end of the step
	data       []types.MetricDatum // what is left to send, once it is built
	built      bool
}
