package term

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// table aligns rows of cells by two blanks.
func table(rows [][]string) string {
	var widths []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, c := range r {
			line += "  " + c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// Status is what `firewatch status` prints: it fits 80 columns, and 24 lines
// on a host in order.
func (s Style) Status(st web.Status) string {
	var b strings.Builder
	host := human.Clean(st.Host, 60)
	b.WriteString(s.bold(host) + fold(": "+human.Clean(web.Sentence(st), 200), utf8.RuneCountInString(host)))
	b.WriteString(fold(fmt.Sprintf("firewatch %s, pid %d, up %s: %d ticks, %d late, %d dropped, %d gaps", st.Version, st.PID,
		human.Duration(st.Now.Sub(st.StartedAt).Round(time.Second)), st.Ticks, st.Late, st.Dropped, st.Gaps), 0))
	b.WriteString(fold(fmt.Sprintf("uses %s of a core, %s; config %s", human.Value(st.Self.CPUPercent, "Percent"), human.Bytes(float64(st.Self.RSSBytes)), human.Clean(st.Config, 100)), 0))
	if st.History.Paused != "" {
		b.WriteString(s.yellow("history paused") + fold(": "+human.Clean(st.History.Paused, 200), len("history paused")))
	}
	if len(st.Incidents) > 0 {
		b.WriteString("\n" + s.bold("incidents") + "\n" + s.incidentTable(st.Incidents, st.Now))
	}
	var vitals []string
	for _, v := range st.Vitals {
		vitals = append(vitals, v.Name+" "+human.Value(float64(v.Value), v.Unit))
	}
	b.WriteString("\n" + s.bold("vital signs") + "\n" + wrap(vitals, 76))
	b.WriteString("\n" + s.bold("collectors") + "\n" + collectors(st.Collectors))
	b.WriteString("\n" + s.bold("rules") + "\n" + rules(st.Rules))
	b.WriteString("\n" + s.bold("sinks") + "\n" + sinks(st))
	return b.String()
}

// fold breaks text into lines of at most 79 columns, further lines two blanks
// in; column is where it begins.
func fold(text string, column int) string { return foldAt(text, column, 2) }

// foldAt is fold with further lines so many blanks in.
func foldAt(text string, column, indent int) string {
	var b strings.Builder
	for i, w := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case column+1+n > 79: // a terminal that clears to the end of a full line takes its last letter
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += n
	}
	return b.String() + "\n"
}

// wrap joins words with commas into lines of a width, two blanks in.
func wrap(words []string, width int) string {
	var b strings.Builder
	line := ""
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if line != "" && utf8.RuneCountInString(line+" "+w) > width {
			b.WriteString("  " + line + "\n")
			line = ""
		}
		line = strings.TrimLeft(line+" "+w, " ")
	}
	if line != "" {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

func collectors(list []web.Collector) string {
	var ok []string
	var bad [][]string
	for _, c := range list {
		if c.State == "ok" {
			ok = append(ok, c.Name)
			continue
		}
		bad = append(bad, []string{c.Name, c.State, human.Clean(c.Reason, 56)})
	}
	return wrap(append([]string{fmt.Sprintf("%d ok", len(ok))}, ok...), 76) + table(bad)
}

func rules(list []web.RuleStatus) string {
	quiet, noData := 0, 0
	var rows [][]string
	for _, r := range list {
		switch r.State {
		case "quiet", "ready":
			quiet++
		case "no data":
			noData++
		default:
			since := ""
			if !r.Since.IsZero() {
				since = "since " + r.Since.Local().Format("15:04:05 MST")
			}
			rows = append(rows, []string{r.Rule, human.Clean(r.Target, 30), r.State, since})
		}
	}
	return fmt.Sprintf("  %d quiet, %d without data on this host\n", quiet, noData) + table(rows)
}

func sinks(st web.Status) string {
	var rows [][]string
	for _, k := range st.Sinks {
		rows = append(rows, []string{k.Name, k.State, fmt.Sprintf("%d owed", k.Owed), fmt.Sprintf("%d delivered", k.Sent), human.Clean(k.LastError, 40)})
	}
	disk := "alerts are on disk as soon as they are accepted"
	if st.Outbox.Full {
		disk = fmt.Sprintf("THE DISK IS FULL, spare files take %d more changes", st.Outbox.Spare)
	}
	if !st.Outbox.Durable {
		disk = "THE DISK FAILS, alerts are kept in memory: " + human.Clean(st.Outbox.Error, 80)
	}
	return table(rows) + "  " + disk + "\n"
}

// Incidents is what `firewatch incidents` prints.
func (s Style) Incidents(list []alert.Incident, now time.Time) string {
	if len(list) == 0 {
		return "no open incidents\n"
	}
	var b strings.Builder
	for _, i := range list {
		b.WriteString(s.incidentTable([]alert.Incident{i}, now) + s.why(i))
	}
	return b.String()
}

func (s Style) incidentTable(list []alert.Incident, now time.Time) string {
	var b strings.Builder
	for _, i := range list {
		state := strings.ToUpper(string(i.Severity))
		paint := s.yellow
		if i.Severity == alert.Critical {
			paint = s.red
		}
		if i.State == alert.Resolved {
			state, paint = "RESOLVED", s.green
		}
		fmt.Fprintf(&b, "  %s %s, since %s (%s)\n", paint(fmt.Sprintf("%-8s", state)), i.ID, i.StartedAt.Local().Format("15:04:05 MST"), human.Duration(now.Sub(i.StartedAt).Round(time.Second)))
		b.WriteString("           " + foldAt(human.Clean(i.Summary, 300), 11, 11))
		if i.Acknowledged != nil {
			b.WriteString("           " + foldAt(fmt.Sprintf("taken on by %s at %s: it is not repeated", human.Clean(i.Acknowledged.By, 40), i.Acknowledged.At.Local().Format("15:04:05 MST")), 11, 11))
		}
		if i.Silenced != "" {
			b.WriteString("           " + foldAt(fmt.Sprintf("silenced by %s: what is owed is kept back", human.Clean(i.Silenced, 60)), 11, 11))
		}
		for _, d := range i.Sinks {
			line := fmt.Sprintf("%s: has %s", d.Sink, orNothing(d.Confirmed))
			kept := d.Owed != "" && i.Silenced != ""
			switch {
			case kept:
				line += ", " + d.Owed + " is kept back"
			case d.Owed != "":
				line += fmt.Sprintf(", owed %s, %d failed attempts", d.Owed, d.Attempts)
			}
			if d.Dead > 0 {
				line += fmt.Sprintf(", dead letters %d", d.Dead)
			}
			if d.LastError != "" && !kept && (d.Owed != "" || d.Dead > 0) {
				line += ": " + human.Clean(d.LastError, 80)
			}
			b.WriteString("           " + s.dim(strings.TrimSuffix(foldAt(line, 11, 11), "\n")) + "\n")
		}
	}
	return b.String()
}

func orNothing(s string) string {
	if s == "" {
		return "nothing yet"
	}
	return s
}

// TestAlert is what `firewatch test-alert` prints.
func (s Style) TestAlert(list []web.TestResult) string {
	rows := [][]string{{"sink", "result", "firing", "resolved", "attempts", "receipt or error"}}
	for _, r := range list {
		result, note := "delivered", r.Receipt
		if !r.OK {
			result, note = "FAILED", r.Error
		}
		ms := func(v float64) string {
			if v == 0 {
				return "-"
			}
			return human.Value(v, "Milliseconds")
		}
		rows = append(rows, []string{r.Sink, result, ms(r.Firing), ms(r.Resolved), fmt.Sprint(r.Attempts), human.Clean(note, 100)})
	}
	return table(rows)
}

// DeadLetters is what `firewatch outbox list` prints.
func (s Style) DeadLetters(list []alert.DeadLetter) string {
	if len(list) == 0 {
		return "no dead letters\n"
	}
	rows := [][]string{{"sink", "at", "severity", "key", "summary", "refused because"}}
	for _, d := range list {
		rows = append(rows, []string{d.Sink, d.At.Local().Format("2006-01-02 15:04:05 MST"), string(d.Severity), human.Clean(d.Key, 64), human.Clean(d.Summary, 60), human.Clean(d.Error, 80)})
	}
	return table(rows)
}
