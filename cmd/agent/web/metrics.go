package web

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/firewatch-agent/firewatch/collect"
)

// WriteMetrics writes the agent's own counters and the newest value of every
// series in the Prometheus text format, version 0.0.4: each family with its help
// and type, each series with its unit in the name, times in seconds.
func WriteMetrics(w io.Writer, a Agent) {
	f := families{index: map[string]int{}}
	for _, c := range a.Counters() {
		name, _, _ := strings.Cut(c.Name, "{")
		f.add(name, map[bool]string{true: "gauge", false: "counter"}[c.Gauge], c.Help, c.Name, c.Value)
	}
	for _, s := range a.Samples() {
		m := a.MetricInfo(s.Metric)
		v := s.Value
		if m.Unit == "Milliseconds" {
			v /= 1000
		}
		f.add(PrometheusName(m), "gauge", m.Help, seriesName(s, m), v)
	}
	for _, lines := range f.list {
		_, _ = w.Write(lines) // the reader is gone: nobody to tell
	}
}

// families gathers the lines of each family: the format wants them together.
type families struct {
	index map[string]int
	list  [][]byte
}

func (f *families) add(name, kind, help, series string, v float64) {
	i, ok := f.index[name]
	if !ok {
		i = len(f.list)
		f.index[name] = i
		var head []byte
		if help != "" {
			head = fmt.Appendf(head, "# HELP %s %s\n", name, helpEscapes.Replace(help))
		}
		f.list = append(f.list, fmt.Appendf(head, "# TYPE %s %s\n", name, kind))
	}
	line := append(append(f.list[i], series...), ' ')
	f.list[i] = append(strconv.AppendFloat(line, v, 'g', -1, 64), '\n')
}

// units are the endings that Prometheus asks for ("Metric and label naming").
var units = map[string]string{"Percent": "_percent", "Bytes": "_bytes", "Bytes/Second": "_bytes_per_second", "Count/Second": "_per_second", "Milliseconds": "_seconds", "Seconds": "_seconds"}

// labelEscapes are all that the text format knows; any other, such as \t or
// \u202e, makes Prometheus refuse the whole scrape.
var (
	labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

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
	// In Prometheus these endings say that a series is a counter, or one of a histogram.
	name = strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_count")
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
