package slack

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// How many of each list a message shows; the rest is counted.
const (
	maxCauses   = 3
	maxCulprits = 3
	maxMembers  = 10
)

// richness is how much of Block Kit a message uses.
type richness int

// The best first: a chart; a line of block characters; text without blocks.
const (
	withChart richness = iota
	withLine
	textOnly
)

// blocks answers what, since when, how bad against normal, who, what next. t is
// the last hour of the driving series, or nil.
func blocks(a alert.Alert, t *Hour, r richness) []slack.Block {
	title := slack.NewTextBlockObject(slack.PlainTextType, cut(icon(a.Severity, a.State)+" "+human.Clean(word(a), 20)+" on "+human.Clean(a.Host, 100), maxTitle), false, false)
	out := []slack.Block{slack.NewHeaderBlock(title), section(what(a)), slack.NewSectionBlock(nil, fields(a), nil)}
	for _, s := range []string{causes(a), culprits(a), members(a)} {
		if s != "" {
			out = append(out, section(s))
		}
	}
	if c := chart(a, t); c != nil && r == withChart {
		out = append(out, c)
	} else if l := line(a, t); l != "" {
		out = append(out, section(l))
	}
	if c := human.Clean(a.SilenceCommand, maxField); strings.TrimSpace(c) != "" && a.State == alert.Firing {
		out = append(out, silence(c))
	}
	return append(out, slack.NewContextBlock("", mrkdwn(footer(a), maxText)))
}

func mrkdwn(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cut(s, limit), false, true)
}

func section(s string) slack.Block { return slack.NewSectionBlock(mrkdwn(s, maxText), nil, nil) }

func what(a alert.Alert) string { return bold(a.Summary, maxSummary) }

// fields are since when, how bad, where.
func fields(a alert.Alert) []*slack.TextBlockObject {
	since := "*Since*\n" + instant(a.StartedAt)
	if d := lasted(a); d != "" {
		since += "\nfor " + d
	}
	if a.State == alert.Resolved {
		since = "*Lasted*\n" + lasted(a) + "\nfrom " + instant(a.StartedAt) + "\nto " + instant(a.ResolvedAt)
	}
	out := []*slack.TextBlockObject{mrkdwn(since, maxField)}
	metric, target, _, _ := driver(a)
	if b := severe(a, metric); b != "" {
		question := map[bool]string{true: "*How bad*\n", false: "*Now*\n"}[a.State == alert.Firing]
		out = append(out, mrkdwn(question+b, maxField))
	}
	if target == "" {
		target = a.Target
	}
	if where := strings.TrimSpace(metric + " " + target); where != "" {
		out = append(out, mrkdwn("*Where*\n"+code(where, 200), maxField))
	}
	if l := labels(a.Labels); l != "" {
		out = append(out, mrkdwn("*Labels*\n"+l, maxField))
	}
	return out
}

// severe is the driving series against normal, and the score of an anomaly.
func severe(a alert.Alert, metric string) string {
	switch metric {
	case "":
		return ""
	case a.Metric:
		band := a.Usual
		if band == nil && len(a.Causes) > 0 {
			band = a.Causes[0].Usual
		}
		return badness(a.Value, a.Unit, band, a.Threshold)
	}
	c := a.Causes[0]
	s := badness(c.Value, c.Unit, c.Usual, nil)
	if a.Metric != "" {
		s += "\n" + escape(a.Metric, 60) + " " + badness(a.Value, a.Unit, a.Usual, a.Threshold)
	}
	return s
}

func labels(m map[string]string) string {
	var out []string
	for _, k := range sorted(m) {
		if len(out) == 8 {
			out = append(out, "…")
			break
		}
		out = append(out, escape(k, 40)+"="+escape(m[k], 60))
	}
	return strings.Join(out, ", ")
}

// causes are the series that drive it, now against usual. The only cause of a
// threshold has been said.
func causes(a alert.Alert) string {
	if len(a.Causes) == 0 || len(a.Causes) == 1 && a.Causes[0].Metric == a.Metric {
		return ""
	}
	lines := []string{"*What drives it*"}
	for _, c := range a.Causes[:min(len(a.Causes), maxCauses)] {
		lines = append(lines, "• "+code(strings.TrimSpace(c.Metric+" "+c.Target), 120)+" "+badness(c.Value, c.Unit, c.Usual, nil))
	}
	return strings.Join(append(lines, more(len(a.Causes), maxCauses)...), "\n")
}

// culprits are the processes that probably did it.
func culprits(a alert.Alert) string {
	if len(a.Culprits) == 0 {
		return ""
	}
	lines := []string{"*Who*"}
	for _, c := range a.Culprits[:min(len(a.Culprits), maxCulprits)] {
		who := fmt.Sprintf("pid %d", c.PID)
		for _, l := range []struct{ what, name string }{{"", c.User}, {"unit ", c.Unit}, {"container ", c.Container}, {"pod ", c.Pod}} {
			if l.name != "" {
				who += ", " + l.what + escape(l.name, 80)
			}
		}
		metric, unit, _ := strings.Cut(c.What, " ")
		lines = append(lines, "• "+code(c.Command, 120)+" ("+who+"): "+escape(human.Value(float64(c.Value), unit), 40)+" "+escape(metric, 60))
	}
	return strings.Join(append(lines, more(len(a.Culprits), maxCulprits)...), "\n")
}

// members are what belongs to the incident, where it is more than one, or what
// a digest tells of.
func members(a alert.Alert) string {
	if len(a.Members) < 2 && a.Phase != alert.PhaseDigest || len(a.Members) == 0 {
		return ""
	}
	firing := 0
	for _, m := range a.Members {
		if m.State == alert.Firing {
			firing++
		}
	}
	lines := []string{fmt.Sprintf("*%d of %d fire*", firing, len(a.Members))}
	for _, m := range a.Members[:min(len(a.Members), maxMembers)] {
		lines = append(lines, member(m))
	}
	return strings.Join(append(lines, more(len(a.Members), maxMembers)...), "\n")
}

func member(m alert.Member) string {
	s := icon(m.Severity, m.State) + " " + code(strings.TrimSpace(m.Rule+" "+m.Target), 100)
	if m.Summary != "" {
		s += " " + escape(m.Summary, 140)
	}
	return s
}

func more(n, shown int) []string {
	if n <= shown {
		return nil
	}
	return []string{fmt.Sprintf("… and %d more", n-shown)}
}

// silence is the command to be left alone. A preformatted element takes text as
// it is, so that what is copied is the command and nothing else.
func silence(command string) slack.Block {
	intro := slack.NewRichTextSection(slack.NewRichTextSectionTextElement("To be left alone, type on the host:", nil))
	pre := &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(command, nil)}}
	return slack.NewRichTextBlock("", intro, pre)
}

// footer is what a search finds the message by.
func footer(a alert.Alert) string {
	out := []string{"rule " + escape(a.Rule, 100), "incident " + escape(a.Incident, 40)}
	if strings.HasPrefix(a.Phase, alert.PhaseUpdate) {
		out = append(out, escape(strings.Replace(a.Phase, "-", " ", 1), 30))
	}
	if a.FailoverFor != "" {
		out = append(out, "stands in for "+escape(a.FailoverFor, 64))
	}
	if a.PossibleRepeat {
		out = append(out, "may be there twice: Slack did not answer before")
	}
	if a.Agent.Version != "" {
		out = append(out, "firewatch "+escape(a.Agent.Version, 40))
	}
	return strings.Join(out, " · ")
}

// plain is the whole message as text, where blocks are refused.
func plain(a alert.Alert) string {
	out := []string{icon(a.Severity, a.State) + " " + headline(a)}
	for _, f := range fields(a) {
		out = append(out, strings.ReplaceAll(f.Text, "\n", " "))
	}
	for _, s := range []string{causes(a), culprits(a), members(a)} {
		if s != "" {
			out = append(out, s)
		}
	}
	if a.SilenceCommand != "" && a.State == alert.Firing {
		out = append(out, "To be left alone, type on the host: "+code(a.SilenceCommand, maxField))
	}
	return cut(strings.Join(append(out, footer(a)), "\n"), 4*maxText)
}

// aloud is the reply that is shown in the channel: why the incident speaks up.
func aloud(a alert.Alert, why string, fresh []alert.Member) string {
	out := []string{icon(a.Severity, a.State) + " *" + why + "*: " + headline(a)}
	for _, m := range fresh[:min(len(fresh), maxMembers)] {
		out = append(out, member(m))
	}
	return cut(strings.Join(append(out, more(len(fresh), maxMembers)...), "\n"), maxText)
}
