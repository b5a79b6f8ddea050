package slack

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Limits of a message (Slack: Block Kit reference; chat.postMessage, "Truncating content").
const (
	maxText    = 3000 // of a section; a message's own text may have 40 000
	maxSummary = 600
)

// escape makes text of the host safe: control and bidirectional characters go,
// and Slack's three control characters are written as entities (Slack:
// "Formatting text for app surfaces", escaping text), so that <!channel> and
// links stay text. Section text is sent with verbatim = true: Slack then makes
// no link of anything that looks like one.
func escape(s string, limit int) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(human.Clean(s, limit))
}

// icon leads the message: its colour says how bad it is at a glance.
func icon(a alert.Alert) string {
	switch {
	case a.State == alert.Resolved:
		return ":large_green_circle:"
	case a.Severity == alert.Critical:
		return ":red_circle:"
	case a.Severity == alert.Warning:
		return ":large_orange_circle:"
	}
	return ":large_blue_circle:"
}

// headline is the plain text of the message: what a notification shows.
func headline(a alert.Alert) string {
	state := strings.ToUpper(string(a.Severity))
	switch {
	case a.Phase == alert.PhaseDigest:
		state = "DIGEST"
	case a.State == alert.Resolved:
		state = "RESOLVED"
	}
	return fmt.Sprintf("%s %s: %s", state, escape(a.Host, 100), escape(a.Summary, maxSummary))
}

// blocks answers what, since when, how bad against normal, who, what next.
func blocks(a alert.Alert) []slack.Block {
	text := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.MarkdownType, cut(s, maxText), false, true)
	}
	out := []slack.Block{slack.NewSectionBlock(text(icon(a)+" *"+strings.ReplaceAll(headline(a), "*", "∗")+"*"), nil, nil)}
	var lines []string
	when := "since " + a.StartedAt.Format("2006-01-02 15:04:05 MST")
	if a.State == alert.Resolved && !a.ResolvedAt.IsZero() {
		when += ", until " + a.ResolvedAt.Format("15:04:05 MST") + " (" + human.Duration(a.ResolvedAt.Sub(a.StartedAt).Round(time.Second)) + ")"
	}
	lines = append(lines, when)
	for _, c := range a.Causes[:min(len(a.Causes), 3)] {
		lines = append(lines, cause(c))
	}
	for _, c := range a.Culprits[:min(len(a.Culprits), 3)] {
		lines = append(lines, fmt.Sprintf("by %s (pid %d, %s): %s %s", escape(c.Command, 80), c.PID, escape(c.User, 40), escape(c.What, 60), human.Number(float64(c.Value))))
	}
	for _, m := range a.Members[:min(len(a.Members), 10)] {
		lines = append(lines, fmt.Sprintf("• %s %s: %s", m.State, escape(m.Rule+" "+m.Target, 120), escape(m.Summary, 150)))
	}
	if a.SilenceCommand != "" && a.State == alert.Firing {
		lines = append(lines, "silence: `"+strings.ReplaceAll(escape(a.SilenceCommand, 300), "`", "'")+"`")
	}
	return append(out, slack.NewSectionBlock(text(strings.Join(lines, "\n")), nil, nil))
}

// cause is one series now against usual.
func cause(c alert.Cause) string {
	s := escape(strings.TrimSpace(c.Metric+" "+c.Target), 120) + " " + human.Value(float64(c.Value), c.Unit)
	if c.Usual != nil {
		s += ", usually " + human.Value(float64(c.Usual.Low), c.Unit) + " to " + human.Value(float64(c.Usual.High), c.Unit)
	}
	return s
}

// cut shortens s to limit characters, which is how Slack counts.
func cut(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}
