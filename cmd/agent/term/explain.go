package term

import (
	"fmt"
	"strings"

	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// ExplainSeries is what `firewatch explain METRIC` prints: each series of it that is
// watched, now and usually; "" where none is.
func (s Style) ExplainSeries(e detect.Explanation, metric string) string {
	var b strings.Builder
	for _, c := range e.Series {
		if c.Metric == metric {
			b.WriteString(fold(cause(c), 0))
		}
	}
	return b.String()
}

// Explain is what `firewatch explain` prints: 80 columns, and with six subsystems
// 24 lines.
func (s Style) Explain(e detect.Explanation) string {
	var b strings.Builder
	if e.State == "off" {
		return "anomaly detection is off: [anomaly] enable = false\n"
	}
	b.WriteString(s.bold("anomaly") + fold(fmt.Sprintf(": %s; watches %d series", e.State, e.Watched)+leftOut(e.Left), len("anomaly")))
	b.WriteString(fold(fmt.Sprintf("fires beyond rank %s: what is expected once in %s (budget %s)", human.Number(float64(e.Bound)), human.Duration(e.BoundSpan()), human.Clean(e.Budget, 30)), 0))
	own := "this host has no past of its own yet"
	if e.Own > 0 {
		own = fmt.Sprintf("this host's own %s h alone would say %s to %s", human.Number(e.Own), human.Number(float64(e.Low)), human.Number(float64(e.High)))
	}
	b.WriteString(fold(fmt.Sprintf("expected false alarms a week: %s; %s", human.Number(float64(e.Weekly)), own), 0))
	if len(e.Areas) > 0 {
		b.WriteString("\n")
	}
	for _, x := range e.Areas {
		word := ""
		if x.Firing {
			word = "  " + s.red("fires")
		}
		name := human.Clean(x.Name, 20)
		if name == "" {
			name = "others"
		}
		fmt.Fprintf(&b, "%-10s rank %4.1f  (value %.1f, ratio %.1f, group %.1f)%s\n", name, float64(x.Rank), float64(x.By["value"]), float64(x.By["ratio"]), float64(x.By["group"]), word)
		for _, c := range x.Drivers {
			b.WriteString("  " + fold(cause(c), 2))
		}
	}
	return b.String()
}

func leftOut(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more found no room", n)
}
