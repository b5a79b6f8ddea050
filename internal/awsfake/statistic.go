package awsfake

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Statistic is what CloudWatch would show for one series over [from, to):
// Average, Sum, Minimum, Maximum, SampleCount, or p0 to p100 as the smallest value
// that so many percent of the samples do not exceed. NaN where there is no datum,
// and for a percentile of statistic sets, which have none.
func (s *Server) Statistic(namespace, metric string, dims map[string]string, from, to time.Time, statistic string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return statisticOf(s.within(namespace, metric, dims, from, to), statistic)
}

// within lists the data of one series with a time in [from, to); s.mu is held.
func (s *Server) within(namespace, metric string, dims map[string]string, from, to time.Time) []Datum {
	var out []Datum
	for i := range s.data {
		d := &s.data[i]
		if d.Metric != metric || d.Namespace != namespace || !maps.Equal(d.Dimensions, dims) {
			continue
		}
		if at := time.UnixMilli(int64(math.Round(d.Timestamp * 1000))); !at.Before(from) && at.Before(to) {
			out = append(out, *d)
		}
	}
	return out
}

// weighted is a value and how many samples had it.
type weighted struct{ value, count float64 }

func statisticOf(data []Datum, statistic string) float64 {
	var all []weighted
	n, sum, low, high := 0.0, 0.0, math.Inf(1), math.Inf(-1)
	sets := false
	for _, d := range data {
		if len(d.Statistics) > 0 {
			sets = true
			n, sum = n+d.Statistics["SampleCount"], sum+d.Statistics["Sum"]
			low, high = min(low, d.Statistics["Minimum"]), max(high, d.Statistics["Maximum"])
			continue
		}
		for _, x := range d.weights() {
			all = append(all, x)
			n, sum = n+x.count, sum+x.value*x.count
			low, high = min(low, x.value), max(high, x.value)
		}
	}
	if n == 0 {
		return math.NaN()
	}
	switch statistic {
	case "SampleCount":
		return n
	case "Sum":
		return sum
	case "Average":
		return sum / n
	case "Minimum":
		return low
	case "Maximum":
		return high
	}
	p, err := strconv.ParseFloat(strings.TrimPrefix(statistic, "p"), 64)
	if err != nil || sets {
		return math.NaN()
	}
	return percentile(all, n, p)
}

func percentile(all []weighted, n, p float64) float64 {
	slices.SortFunc(all, func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
	seen := 0.0
	for _, x := range all {
		if seen += x.count; seen >= p/100*n {
			return x.value
		}
	}
	return all[len(all)-1].value
}

func (d Datum) weights() []weighted {
	if d.Single {
		return []weighted{{d.Value, 1}}
	}
	out := make([]weighted, len(d.Values))
	for i, v := range d.Values {
		out[i] = weighted{v, 1}
		if len(d.Counts) > 0 {
			out[i].count = d.Counts[i]
		}
	}
	return out
}

// PutGroupSize adds what Auto Scaling itself publishes of a group in a minute.
func (s *Server) PutGroupSize(group string, at time.Time, inService float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = append(s.data, Datum{Namespace: "AWS/AutoScaling", Metric: "GroupInServiceInstances", Unit: "None", Single: true, Value: inService,
		Dimensions: map[string]string{"AutoScalingGroupName": group}, Timestamp: float64(at.Unix())})
}
