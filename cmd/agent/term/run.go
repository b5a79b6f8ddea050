package term

import (
	"fmt"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Start is the first screen of a run: what is watched, by which rules, and
// where alerts go.
func (s Style) Start(st web.Status, sinks []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s watches %s (%s)\n", s.bold("firewatch"), st.Version, s.bold(human.Clean(st.Host, 80)), human.Clean(st.System, 120))
	var ok, skipped []string
	for _, c := range st.Collectors {
		if c.State == "ok" {
			ok = append(ok, c.Name)
		} else {
			skipped = append(skipped, fmt.Sprintf("%s (%s)", c.Name, human.Clean(c.Reason, 100)))
		}
	}
	fmt.Fprintf(&b, "  collectors  %d every %s, %d series: %s\n", len(ok), human.Duration(time.Duration(st.Interval*float64(time.Second))), st.Series, strings.Join(ok, ", "))
	for _, k := range skipped {
		fmt.Fprintf(&b, "  skipped     %s\n", s.dim(k))
	}
	thresholds, learning, noData := 0, false, 0
	for _, r := range st.Rules {
		switch {
		case strings.HasPrefix(r.State, "learning"):
			learning = true
		case r.State == "no data":
			noData++
		default:
			thresholds++
		}
	}
	fmt.Fprintf(&b, "  rules       %d watch, %d wait for data", thresholds, noData)
	if learning {
		fmt.Fprint(&b, "; anomaly detection learns")
	}
	fmt.Fprintf(&b, "\n  alerts go   to %s\n", strings.Join(sinks, ", "))
	fmt.Fprintf(&b, "  config      %s; state in %s\n", human.Clean(st.Config, 200), human.Clean(st.StateDir, 200))
	return b.String()
}

// Vitals is the line at the bottom.
func (s Style) Vitals(now time.Time, v []web.Vital) string {
	parts := []string{now.Format("15:04:05 MST")}
	for _, x := range v {
		parts = append(parts, x.Name+" "+human.Value(float64(x.Value), x.Unit))
	}
	return strings.Join(parts, "  ")
}

// Alert is one alert in plain sentences: when, how bad, what, who, what next.
func (s Style) Alert(a alert.Alert) string {
	word, colour := strings.ToUpper(string(a.Severity)), s.yellow
	switch {
	case a.State == alert.Resolved:
		word, colour = "RESOLVED", s.green
	case a.Severity == alert.Critical:
		colour = s.red
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", s.dim(a.ChangedAt.Local().Format("15:04:05 MST")), colour(fmt.Sprintf("%-8s", word)), human.Clean(a.Summary, 400))
	if a.State == alert.Resolved {
		return b.String()
	}
	for _, c := range a.Causes {
		if c.Usual != nil {
			fmt.Fprintf(&b, "    %s %s, usually %s to %s\n", human.Clean(strings.TrimSpace(c.Metric+" "+c.Target), 100), human.Value(float64(c.Value), c.Unit), human.Value(float64(c.Usual.Low), c.Unit), human.Value(float64(c.Usual.High), c.Unit))
		}
	}
	for _, c := range a.Culprits {
		fmt.Fprintf(&b, "    by %s (pid %d, %s): %s %s\n", human.Clean(c.Command, 60), c.PID, human.Clean(c.User, 30), human.Clean(c.What, 40), human.Number(float64(c.Value)))
	}
	return b.String()
}

// Summary is the last screen of a run.
func (s Style) Summary(st web.Status, raised uint64) string {
	open := 0
	for _, i := range st.Incidents {
		if i.State == alert.Firing {
			open++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "ran %s, %d ticks, %d late, %d dropped, %d %s", human.Duration(st.Now.Sub(st.StartedAt).Round(time.Second)), st.Ticks, st.Late, st.Dropped, raised, plural(raised, "alert"))
	if open > 0 {
		fmt.Fprintf(&b, ", %d still firing (the next run goes on with them)", open)
	}
	fmt.Fprintf(&b, "\nused %s of one core and %s of memory", human.Value(st.Self.CPUPercent, "Percent"), human.Bytes(float64(st.Self.RSSBytes)))
	for _, k := range st.Sinks {
		if k.Owed > 0 {
			fmt.Fprintf(&b, "\n%s: %d still owed; they are on disk and go with the next run", k.Name, k.Owed)
		}
	}
	return b.String()
}

func plural(n uint64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
