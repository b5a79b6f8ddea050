package web

import (
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"github.com/firewatch-agent/firewatch/collect"
)

// WriteMetrics writes the agent's own counters and the newest value of every
// series, each with its unit in the name, in the Prometheus text format.
func WriteMetrics(w io.Writer, a Agent) {
	for _, c := range a.Counters() {
		if c.Gauge {
			metrics.WriteGaugeFloat64(w, c.Name, c.Value)
		} else {
			metrics.WriteCounterUint64(w, c.Name, uint64(c.Value))
		}
	}
	for _, s := range a.Samples() {
		metrics.WriteGaugeFloat64(w, seriesName(s, a.MetricInfo(s.Metric)), s.Value)
	}
}

// units are the endings that Prometheus asks for ("Metric and label naming").
var units = map[string]string{"Percent": "_percent", "Bytes": "_bytes", "Bytes/Second": "_bytes_per_second", "Count/Second": "_per_second", "Milliseconds": "_milliseconds", "Seconds": "_seconds"}

// labelEscapes are all that the text format knows; any other, such as \t or
// \u202e, makes Prometheus refuse the whole scrape.
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// seriesName is firewatch_METRIC_UNIT{labels}. A unit that the name ends with
// already is not said twice.
func seriesName(s collect.Sample, m collect.Metric) string {
	var b strings.Builder
	b.WriteString("firewatch_")
	name := strings.ReplaceAll(s.Metric, "-", "_")
	unit := units[m.Unit]
	if unit == "_bytes_per_second" && strings.HasSuffix(name, "_bytes") {
		unit = "_per_second"
	}
	b.WriteString(strings.TrimSuffix(name, unit) + unit)
	labels := [][2]string{}
	if s.Target != "" {
		labels = append(labels, [2]string{"target", s.Target})
	}
	for _, d := range s.Dims {
		labels = append(labels, [2]string{d.Name, d.Value})
	}
	for i, l := range labels {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(l[0] + `="` + labelEscapes.Replace(strings.ToValidUTF8(l[1], "?")) + `"`)
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// PrometheusName is the name, without labels, under which /metrics has a metric.
func PrometheusName(m collect.Metric) string { return seriesName(collect.Sample{Metric: m.Name}, m) }
