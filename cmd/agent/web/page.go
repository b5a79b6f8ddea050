package web

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// esc makes text safe in HTML, as content and in quoted attributes. All text
// goes through it.
func esc(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(human.Clean(s, 500))
}

const style = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid #8884;vertical-align:top}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:1.6rem}.bad{color:#c22}.ok{color:#283}td.n{text-align:right;font-variant-numeric:tabular-nums}`

// writePage is the first plain status page: server-rendered, no script.
func writePage(w io.Writer, s Status) {
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>firewatch: %s</title><style>%s</style>\n", esc(s.Host), style)
	fmt.Fprintf(w, "<h1>%s</h1>\n<p class=\"%s\">%s</p>\n", esc(s.Host), map[bool]string{true: "ok", false: "bad"}[allRight(s)], esc(Sentence(s)))
	if len(s.Incidents) > 0 {
		fmt.Fprint(w, "<h2>Incidents</h2><table><tr><th>Severity<th>State<th>Since<th>What\n")
		for _, i := range s.Incidents {
			row(w, string(i.Severity), string(i.State), i.StartedAt.Format("15:04:05 MST"), i.Summary)
		}
		fmt.Fprint(w, "</table>\n")
	}
	fmt.Fprint(w, "<h2>Vital signs</h2><table>\n")
	for _, v := range s.Vitals {
		fmt.Fprintf(w, "<tr><td>%s<td class=\"n\">%s\n", esc(v.Name), esc(human.Value(float64(v.Value), v.Unit)))
	}
	fmt.Fprint(w, "</table><h2>Sinks</h2><table><tr><th>Name<th>State<th>Owed<th>Delivered<th>Last error\n")
	for _, k := range s.Sinks {
		row(w, k.Name, k.State, fmt.Sprint(k.Owed), fmt.Sprint(k.Sent), k.LastError)
	}
	fmt.Fprint(w, "</table><h2>Collectors</h2><table><tr><th>Name<th>State<th>Series<th>Reason\n")
	for _, c := range s.Collectors {
		row(w, c.Name, c.State, fmt.Sprint(c.Series), c.Reason)
	}
	fmt.Fprintf(w, "</table><p>firewatch %s, up %s, %d ticks, %d late; uses %s of a core and %s. <a href=\"/metrics\">/metrics</a></p>\n",
		esc(s.Version), esc(human.Duration(s.Now.Sub(s.StartedAt).Round(time.Second))), s.Ticks, s.Late, human.Value(s.Self.CPUPercent, "Percent"), human.Bytes(float64(s.Self.RSSBytes)))
}

func row(w io.Writer, cells ...string) {
	fmt.Fprint(w, "<tr>")
	for _, c := range cells {
		fmt.Fprint(w, "<td>"+esc(c))
	}
	fmt.Fprintln(w)
}

func allRight(s Status) bool {
	for _, i := range s.Incidents {
		if i.State == alert.Firing {
			return false
		}
	}
	return s.Outbox.Durable
}

// Sentence says in one sentence whether the host is all right.
func Sentence(s Status) string {
	firing, worst := 0, alert.Incident{}
	for _, i := range s.Incidents {
		if i.State != alert.Firing {
			continue
		}
		if firing++; i.Severity.Rank() > worst.Severity.Rank() {
			worst = i
		}
	}
	switch {
	case firing == 1:
		return fmt.Sprintf("One thing is wrong (%s): %s", worst.Severity, worst.Summary)
	case firing > 1:
		return fmt.Sprintf("%d things are wrong, the worst (%s): %s", firing, worst.Severity, worst.Summary)
	case !s.Outbox.Durable:
		return "The host is all right as far as the rules can tell, but the agent cannot write to its disk: " + s.Outbox.Error
	}
	return "This host is all right: no rule fires."
}
