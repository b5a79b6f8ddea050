package slack

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// Limits of a message in characters (Slack: Block Kit reference;
// chat.postMessage, "Truncating content").
const (
	maxText    = 3000 // of a section; a message's own text may have 40 000
	maxField   = 1000 // of a section's field; Slack takes 2 000
	maxTitle   = 150  // of a header
	maxSummary = 600
)

// escape makes text of the host safe: control and bidirectional characters go,
// and Slack's three control characters are written as entities (Slack:
// "Formatting text for app surfaces", escaping text), so that <!channel> and
// links stay text. Section text is sent with verbatim = true and parse = none:
// Slack then makes no link of anything that looks like one. The result has at
// most limit characters, and never half an entity.
func escape(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range human.Clean(s, limit) {
		word := string(r)
		switch r {
		case '&':
			word = "&amp;"
		case '<':
			word = "&lt;"
		case '>':
			word = "&gt;"
		}
		if w := utf8.RuneCountInString(word); n+w < limit || n+w == limit && r == '…' {
			b.WriteString(word)
			n += w
			continue
		}
		b.WriteRune('…')
		break
	}
	return b.String()
}

// code is text of the host in a code span, which ends at a back-quote.
func code(s string, limit int) string {
	s = strings.TrimSpace(strings.ReplaceAll(escape(s, limit-2), "`", "'"))
	if s == "" {
		return "–"
	}
	return "`" + s + "`"
}

// bold is text of the host in bold, which ends at an asterisk or a back-quote.
func bold(s string, limit int) string {
	s = strings.TrimSpace(strings.NewReplacer("*", "∗", "`", "'").Replace(escape(s, limit-2)))
	if s == "" {
		return "–"
	}
	return "*" + s + "*"
}

// icon says how bad it is at a glance.
func icon(severity alert.Severity, state alert.State) string {
	switch {
	case state == alert.Resolved:
		return "🟢"
	case severity == alert.Critical:
		return "🔴"
	case severity == alert.Warning:
		return "🟠"
	}
	return "🔵"
}

// word is the state in capitals.
func word(a alert.Alert) string {
	switch {
	case a.Phase == alert.PhaseDigest:
		return "DIGEST"
	case a.State == alert.Resolved:
		return "RESOLVED"
	}
	return strings.ToUpper(string(a.Severity))
}

// headline is the plain text of the message: what a notification shows.
func headline(a alert.Alert) string {
	return escape(word(a), 20) + " " + escape(a.Host, 100) + ": " + escape(a.Summary, maxSummary)
}

// instant is a time that Slack shows in each reader's own zone (Slack:
// "Formatting text for app surfaces", date formatting).
func instant(t time.Time) string {
	utc := t.UTC()
	if y := utc.Year(); y < 1970 || y > 9999 {
		return "an unknown time"
	}
	return "<!date^" + strconv.FormatInt(utc.Unix(), 10) + "^{date_short_pretty} {time_secs}|" + utc.Format("2006-01-02 15:04:05") + " UTC>"
}

// lasted is how long the trouble lasted, or has lasted so far; "" where the
// times do not say.
func lasted(a alert.Alert) string {
	end := a.ChangedAt
	if a.State == alert.Resolved && !a.ResolvedAt.IsZero() {
		end = a.ResolvedAt
	}
	if d := end.Sub(a.StartedAt).Round(time.Second); d > 0 && !a.StartedAt.IsZero() {
		return human.Duration(d)
	}
	return ""
}

// badness is a value against what is normal and what is allowed.
func badness(value alert.Number, unit string, usual *alert.Range, limit *alert.Number) string {
	low, high, most := math.NaN(), math.NaN(), math.NaN()
	if usual != nil {
		low, high = float64(usual.Low), float64(usual.High)
	}
	if limit != nil {
		most = float64(*limit)
	}
	return human.Against(float64(value), unit, low, high, most)
}

// cut shortens s to limit characters, which is how Slack counts.
func cut(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}
