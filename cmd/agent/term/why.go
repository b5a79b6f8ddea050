package term

import (
	"fmt"
	"math"
	"strings"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// maxWhy bounds each list below an incident.
const maxWhy = 5

// why says under an incident what drove it (now against usual), what belongs to
// it, and who probably did it.
func (s Style) why(i alert.Incident) string {
	var b strings.Builder
	list := func(name string, n int, line func(int) string) {
		for k := range min(n, maxWhy) {
			fmt.Fprintf(&b, "           %s %s", s.dim(fmt.Sprintf("%-8s", name)), foldAt(line(k), 20, 20))
			name = ""
		}
		if n > maxWhy {
			fmt.Fprintf(&b, "           %-8s and %d more\n", "", n-maxWhy)
		}
	}
	list("cause", len(i.Causes), func(k int) string { return cause(i.Causes[k]) })
	if len(i.Members) > 1 { // one alone is the incident itself
		list("member", len(i.Members), func(k int) string {
			m := i.Members[k]
			return fmt.Sprintf("%s %s (%s, %s)", human.Clean(m.Rule, 64), human.Clean(m.Target, 40), m.Severity, m.State)
		})
	}
	list("culprit", len(i.Culprits), func(k int) string {
		c := i.Culprits[k]
		who := fmt.Sprintf("%s (pid %d", human.Clean(c.Command, 40), c.PID)
		if c.User != "" {
			who += ", " + human.Clean(c.User, 32)
		}
		return fmt.Sprintf("%s): %s %s", who, human.Clean(c.What, 60), human.Number(float64(c.Value)))
	})
	return b.String()
}

func cause(c alert.Cause) string {
	low, high := math.NaN(), math.NaN()
	if c.Usual != nil {
		low, high = float64(c.Usual.Low), float64(c.Usual.High)
	}
	return human.Clean(strings.TrimSpace(c.Metric+" "+c.Target), 60) + " " + human.Against(float64(c.Value), human.Clean(c.Unit, 24), low, high, math.NaN())
}
