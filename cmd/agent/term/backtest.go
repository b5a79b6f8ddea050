package term

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/rehearse"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// maxFiredRows is how many alerts a table shows; the newest.
const maxFiredRows = 40

// Backtest is what `firewatch backtest` prints of one configuration.
func (s Style) Backtest(r rehearse.Result) string {
	var b strings.Builder
	span := r.To.Sub(r.From).Round(time.Second)
	head := fmt.Sprintf("%s on %s, %s to %s (%s)", human.Clean(r.Rules, 60), human.Clean(r.Input, 60), stamp(r.From), stamp(r.To), human.Duration(span))
	b.WriteString(s.bold(fold(head, 0)))
	if r.Partial {
		b.WriteString(s.yellow("stopped early") + ": what follows is of the time until then\n")
	}
	if r.Damaged > 0 {
		fmt.Fprintf(&b, "%s: %d places of it could not be read and were stepped over\n", s.yellow("damaged"), r.Damaged)
	}
	fmt.Fprintf(&b, "%s, %s", s.count(r.Pages, "page", s.red), s.count(r.Warnings, "warning", s.yellow))
	if r.Infos > 0 {
		fmt.Fprintf(&b, ", %d info", r.Infos)
	}
	b.WriteByte('\n')
	if r.Weeks >= 1 {
		fmt.Fprintf(&b, "%.1f pages and %.1f warnings a week; at most %d pages in 7 days\n", float64(r.Pages)/r.Weeks, float64(r.Warnings)/r.Weeks, r.PagesInAWeek())
	}
	if len(r.Fired) > 0 {
		b.WriteString("\n" + s.firedTable(r))
	}
	for i, what := range r.Blind {
		if i == 0 {
			b.WriteString("\n" + s.bold("what this cannot show") + "\n")
		}
		b.WriteString("  " + strings.ReplaceAll(strings.TrimRight(fold(human.Clean(what, 200), 2), "\n"), "\n", "\n  ") + "\n")
	}
	return b.String()
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

func (s Style) count(n int, word string, colour func(string) string) string {
	text := fmt.Sprintf("%d %s", n, plural(uint64(n), word))
	if n == 0 {
		return text
	}
	return colour(text)
}

func (s Style) firedTable(r rehearse.Result) string {
	rows := [][]string{{"fired", "severity", "rule", "target", "for", "value"}}
	list := r.Fired
	if len(list) > maxFiredRows {
		list = list[len(list)-maxFiredRows:]
	}
	for _, f := range list {
		took := "still firing"
		if !f.ResolvedAt.IsZero() {
			took = human.Duration(f.ResolvedAt.Sub(f.StartedAt).Round(time.Second))
		}
		rows = append(rows, []string{f.FiredAt.Local().Format("01-02 15:04:05 MST"), string(f.Severity), human.Clean(f.Rule, 24), human.Clean(f.Target, 20), took, human.Number(float64(f.Value))})
	}
	out := table(rows)
	if more := len(r.Fired) - len(list); more > 0 {
		out += fmt.Sprintf("  and %d before; --json has them all\n", more)
	}
	return out
}

// Compare puts two results side by side, a row for each rule that fired in one
// of them.
func (s Style) Compare(now, then rehearse.Result) string {
	type counts struct{ now, then int }
	byRule := map[string]*counts{}
	var order []string
	of := func(rule string) *counts {
		if byRule[rule] == nil {
			byRule[rule] = &counts{}
			order = append(order, rule)
		}
		return byRule[rule]
	}
	for _, f := range now.Fired {
		of(f.Rule).now++
	}
	for _, f := range then.Fired {
		of(f.Rule).then++
	}
	rows := [][]string{{"alerts", "current", "candidate"}}
	for _, rule := range order {
		c := byRule[rule]
		rows = append(rows, []string{human.Clean(rule, 40), strconv.Itoa(c.now), strconv.Itoa(c.then)})
	}
	rows = append(rows, []string{"pages", strconv.Itoa(now.Pages), strconv.Itoa(then.Pages)}, []string{"warnings", strconv.Itoa(now.Warnings), strconv.Itoa(then.Warnings)}, []string{"info", strconv.Itoa(now.Infos), strconv.Itoa(then.Infos)},
		[]string{"most pages in 7 days", strconv.Itoa(now.PagesInAWeek()), strconv.Itoa(then.PagesInAWeek())})
	return s.bold("side by side") + "\n" + table(rows) + s.lost(now, then)
}

// lost lists the pages of now that then has not: what a change would hide.
func (s Style) lost(now, then rehearse.Result) string {
	var b strings.Builder
	for _, f := range now.Fired {
		if f.Severity != alert.Critical || overlaps(f, then.Fired) {
			continue
		}
		fmt.Fprintf(&b, "  %s %s %s: %s\n", s.yellow("only current"), stamp(f.FiredAt), human.Clean(f.Rule, 40), human.Clean(f.Summary, 200))
	}
	return b.String()
}

// overlaps is whether one of list was firing at a time when f was.
func overlaps(f rehearse.Fired, list []rehearse.Fired) bool {
	for _, g := range list {
		if g.Rule == f.Rule && g.Target == f.Target && (g.ResolvedAt.IsZero() || !g.ResolvedAt.Before(f.StartedAt)) && (f.ResolvedAt.IsZero() || !g.FiredAt.After(f.ResolvedAt)) {
			return true
		}
	}
	return false
}

// Suggestions is what would have kept rules silent, and the change as a diff.
func (s Style) Suggestions(list []rehearse.Suggestion, diff string) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(s.bold("if these were false alarms") + "\n")
	rows := [][]string{}
	for _, g := range list {
		what := g.Change
		if what == "" {
			what = "no level and no longer look keeps it silent: route it elsewhere, or make it info"
		}
		rows = append(rows, []string{human.Clean(g.Name, 40), what, fmt.Sprintf("%d → %d", g.Before, g.After)})
	}
	b.WriteString(table(rows))
	if diff != "" {
		b.WriteString("\n" + diff)
	}
	return b.String()
}

// Progress is a bar for a terminal: how far the time t is from from to to.
func Progress(from, to, t time.Time, width int) string {
	part := 0.0
	if whole := to.Sub(from); whole > 0 {
		part = min(1, max(0, t.Sub(from).Seconds()/whole.Seconds()))
	}
	n := max(10, min(40, width-40))
	done := int(part * float64(n))
	return fmt.Sprintf("%3.0f %% [%s%s] %s", part*100, strings.Repeat("=", done), strings.Repeat(" ", n-done), stamp(t))
}
