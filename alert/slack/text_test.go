package slack

import (
	"context"
	"encoding/json"
	"html"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"pgregory.net/rapid"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/internal/human"
	"github.com/firewatch-agent/firewatch/internal/slackfake"
)

// ours is the only markup that a message may have: dates that we wrote, and
// entities.
var ours = regexp.MustCompile(`<!date\^[0-9]+\^\{date_short_pretty\} \{time_secs\}\|[0-9: -]+ UTC>|&(amp|lt|gt);`)

// sound says what is wrong with a message: beyond a limit of Slack, or with text
// of the host that Slack would act on.
func sound(t interface{ Errorf(string, ...any) }, a alert.Alert, h *Hour) {
	for _, r := range []richness{withChart, withLine} {
		var raw []json.RawMessage
		b, err := json.Marshal(blocks(a, h, r))
		if err != nil || json.Unmarshal(b, &raw) != nil {
			t.Errorf("%v in %+v", err, a)
			return
		}
		if err := slackfake.Check(raw); err != nil {
			t.Errorf("%v\n%s", err, b)
		}
		for _, block := range blocks(a, h, r) {
			for _, text := range mrkdwns(block) {
				harmless(t, text)
			}
		}
	}
	if n := utf8.RuneCountInString(plain(a)); n > 40_000 {
		t.Errorf("the text has %d characters", n)
	}
	for _, text := range []string{headline(a), plain(a), aloud(a, "Now critical", a.Members)} {
		harmless(t, text)
	}
}

// mrkdwns are the texts of a block that Slack reads markup in.
func mrkdwns(b slack.Block) []string {
	var out []string
	switch b := b.(type) {
	case *slack.SectionBlock:
		if b.Text != nil {
			out = append(out, b.Text.Text)
		}
		for _, f := range b.Fields {
			out = append(out, f.Text)
		}
	case *slack.ContextBlock:
		for _, e := range b.ContextElements.Elements {
			out = append(out, e.(*slack.TextBlockObject).Text)
		}
	}
	return out
}

func harmless(t interface{ Errorf(string, ...any) }, text string) {
	if rest := ours.ReplaceAllString(text, ""); strings.ContainsAny(rest, "<>&") {
		t.Errorf("markup in %q", text)
	}
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Errorf("%U in %q", r, text)
		}
	}
}

// nasty draws text as a process, a mount point or an attacker may be called.
func nasty() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"<!channel>", "<@U012AB3CD>", "<https://evil.example|click>", "a&b", "&lt;", "\u202egnp.exe", "\x1b[31m", "`x`", "*b*", "\xff", "", " ",
		strings.Repeat("&", 4000), strings.Repeat("é", 4000)}))
}

func number() *rapid.Generator[alert.Number] {
	return rapid.Map(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 97.5, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324})), func(f float64) alert.Number { return alert.Number(f) })
}

func band() *rapid.Generator[*alert.Range] {
	return rapid.Ptr(rapid.Custom(func(t *rapid.T) alert.Range {
		return alert.Range{Low: number().Draw(t, "low"), High: number().Draw(t, "high")}
	}), true)
}

func anyAlert(t *rapid.T) alert.Alert {
	a := alerttest.Alert(rapid.SampledFrom([]string{"firing", "update-7", "resolved", "digest"}).Draw(t, "phase"))
	n := nasty()
	severity := rapid.SampledFrom([]alert.Severity{alert.Info, alert.Warning, alert.Critical})
	state := rapid.SampledFrom([]alert.State{alert.Firing, alert.Resolved})
	unit := rapid.SampledFrom([]string{"Percent", "Bytes", "Bytes/Second", "Seconds", "Milliseconds", "None", "Count", "<odd>", ""})
	a.Summary, a.Host, a.Target, a.Rule, a.SilenceCommand = n.Draw(t, "summary"), n.Draw(t, "host"), n.Draw(t, "target"), n.Draw(t, "rule"), n.Draw(t, "silence")
	a.Metric, a.Unit, a.Value, a.Usual, a.Threshold = n.Draw(t, "metric"), unit.Draw(t, "unit"), number().Draw(t, "value"), band().Draw(t, "usual"), rapid.Ptr(number(), true).Draw(t, "threshold")
	a.FailoverFor, a.PossibleRepeat = n.Draw(t, "failover"), rapid.Bool().Draw(t, "repeat")
	a.Severity, a.Labels, a.Agent.Version = severity.Draw(t, "severity"), rapid.MapOfN(n, n, 0, 12).Draw(t, "labels"), n.Draw(t, "version")
	if rapid.Bool().Draw(t, "no times") {
		a.StartedAt, a.ChangedAt, a.ResolvedAt = time.Time{}, time.Time{}, time.Unix(1<<40, 0)
	}
	a.Causes, a.Culprits, a.Members = nil, nil, nil
	for range rapid.IntRange(0, 5).Draw(t, "causes") {
		a.Causes = append(a.Causes, alert.Cause{Metric: n.Draw(t, "metric"), Target: n.Draw(t, "target"), Unit: unit.Draw(t, "unit"), Value: number().Draw(t, "value"), Usual: band().Draw(t, "usual"), Share: number().Draw(t, "share")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "culprits") {
		a.Culprits = append(a.Culprits, alert.Culprit{PID: rapid.Int().Draw(t, "pid"), Command: n.Draw(t, "command"), User: n.Draw(t, "user"), Unit: n.Draw(t, "unit"), Pod: n.Draw(t, "pod"), What: n.Draw(t, "what"), Value: number().Draw(t, "value")})
	}
	for range rapid.IntRange(0, 30).Draw(t, "members") {
		a.Members = append(a.Members, alert.Member{Rule: n.Draw(t, "rule"), Target: n.Draw(t, "target"), Severity: severity.Draw(t, "severity"), State: state.Draw(t, "state"), Summary: n.Draw(t, "summary")})
	}
	return a
}

// TestAnyAlertIsASoundMessage: whatever the host calls its things, the message is
// within every limit and mentions nobody.
func TestAnyAlertIsASoundMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAlert(t)
		h := &Hour{Unit: rapid.SampledFrom([]string{"Percent", "Bytes", "Bytes/Second", "<odd>", ""}).Draw(t, "unit")}
		for range rapid.IntRange(1, ChartPoints).Draw(t, "points") {
			h.Means = append(h.Means, float64(number().Draw(t, "mean")))
		}
		s := &Sink{trend: func(_ context.Context, _, _ string, _ time.Time) (Hour, error) { return *h, nil }}
		sound(t, a, s.hour(t.Context(), a))
	})
}

// TestEscape: short text comes back as it was, long text is cut between
// characters and entities.
func TestEscape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, limit := nasty().Draw(t, "text"), rapid.IntRange(2, 300).Draw(t, "limit")
		got := escape(s, limit)
		if n := utf8.RuneCountInString(got); n > limit || !utf8.ValidString(got) {
			t.Errorf("%d characters, at most %d: %q", n, limit, got)
		}
		if clean := human.Clean(s, limit); 5*utf8.RuneCountInString(clean) < limit && html.UnescapeString(got) != clean {
			t.Errorf("%q came back as %q", clean, html.UnescapeString(got))
		}
		harmless(t, got)
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("cpu busy", "host", "a`b", 97.5)
	f.Add("<!channel>", "\u202e", "&amp", math.Inf(1))
	f.Fuzz(func(t *testing.T, summary, host, target string, value float64) {
		a := alerttest.Alert(alert.PhaseFiring)
		a.Summary, a.Host, a.Target, a.SilenceCommand, a.Rule, a.Value = summary, host, target, target, host, alert.Number(value)
		a.Causes[0].Target, a.Culprits[0].Command, a.Members[0].Target = summary, target, host
		sound(t, a, &Hour{Unit: target, Means: []float64{1, value, 3, math.NaN(), value}})
	})
}
