package sns

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// mail is the alert as plain text: what, since when, how bad against normal,
// who, what next.
func mail(a alert.Alert) string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, value)
		}
	}
	b.WriteString(strings.TrimPrefix(headline(a), "[firewatch] ") + "\n\n")
	row("since", when(a))
	if a.Metric != "" {
		row("how bad", badness(a.Value, a.Unit, a.Usual, a.Threshold))
	}
	row("where", strings.TrimSpace(human.Clean(a.Metric+" "+a.Target, 300)))
	for _, c := range a.Causes[:min(len(a.Causes), 5)] {
		row("driven by", human.Clean(strings.TrimSpace(c.Metric+" "+c.Target), 200)+" "+badness(c.Value, c.Unit, c.Usual, nil))
	}
	for _, c := range a.Culprits[:min(len(a.Culprits), 5)] {
		metric, unit, _ := strings.Cut(c.What, " ")
		row("who", fmt.Sprintf("%s (pid %d, %s): %s %s", human.Clean(c.Command, 120), c.PID, human.Clean(c.User, 40), human.Value(float64(c.Value), unit), human.Clean(metric, 60)))
	}
	if len(a.Members) > 1 || a.Phase == alert.PhaseDigest {
		for _, m := range a.Members {
			row(string(m.State), human.Clean(strings.TrimSpace(m.Rule+" "+m.Target)+": "+m.Summary, 400))
		}
	}
	if a.SilenceCommand != "" && a.State == alert.Firing {
		b.WriteString("\nTo be left alone, type on the host:\n    " + human.Clean(a.SilenceCommand, 1000) + "\n")
	}
	if a.FailoverFor != "" {
		b.WriteString("\nsent here in place of " + human.Clean(a.FailoverFor, 64) + ", which could not be reached\n")
	}
	if a.PossibleRepeat {
		b.WriteString("\nthis may be a repeat: an attempt before it was not answered\n")
	}
	fmt.Fprintf(&b, "\nrule %s, incident %s, firewatch %s\n", human.Clean(a.Rule, 100), human.Clean(a.Incident, 40), human.Clean(a.Agent.Version, 40))
	return b.String()
}

func when(a alert.Alert) string {
	const form = "2006-01-02 15:04:05 MST"
	s := a.StartedAt.UTC().Format(form)
	if a.State == alert.Resolved && !a.ResolvedAt.IsZero() {
		return s + " until " + a.ResolvedAt.UTC().Format(form) + ", " + human.Duration(a.ResolvedAt.Sub(a.StartedAt).Round(time.Second))
	}
	if d := a.ChangedAt.Sub(a.StartedAt).Round(time.Second); d > 0 {
		s += ", for " + human.Duration(d)
	}
	return s
}

// badness is a value against what is usual and the limit.
func badness(v alert.Number, unit string, usual *alert.Range, limit *alert.Number) string {
	low, high, most := math.NaN(), math.NaN(), math.NaN()
	if usual != nil {
		low, high = float64(usual.Low), float64(usual.High)
	}
	if limit != nil {
		most = float64(*limit)
	}
	return human.Against(float64(v), unit, low, high, most)
}
