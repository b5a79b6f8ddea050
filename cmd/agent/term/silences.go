package term

import (
	"maps"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Silences is the table of `firewatch silence list`.
func (s Style) Silences(list []alert.Silence) string {
	if len(list) == 0 {
		return "nothing is silenced\n"
	}
	rows := [][]string{{"id", "until", "what", "by"}}
	for _, q := range list {
		var what []string
		for _, w := range []struct{ name, value string }{{"rule", q.Rule}, {"target", q.Target}, {"severity", string(q.Severity)}} {
			if w.value != "" {
				what = append(what, w.name+" "+w.value)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(q.Labels)) {
			what = append(what, k+"="+q.Labels[k])
		}
		rows = append(rows, []string{q.ID, q.Until.Local().Format("2006-01-02 15:04:05 MST"), human.Clean(strings.Join(what, ", "), 80), human.Clean(q.By, 30)})
	}
	var b strings.Builder
	for i, line := range strings.SplitAfter(table(rows), "\n") {
		b.WriteString(line)
		if i > 0 && i <= len(list) && list[i-1].Comment != "" {
			b.WriteString("            " + foldAt(human.Clean(list[i-1].Comment, 200), 12, 12))
		}
	}
	return b.String()
}
