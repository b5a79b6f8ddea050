package web

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
)

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// esc makes text safe in HTML, as content and in quoted attributes. All text
// goes through it.
func esc(s string) string { return escapes.Replace(human.Clean(s, 500)) }

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// page draws the status page of an agent.
type page struct {
	agent  Agent
	drawer drawer
	live   live
	csrf   string          // of the forms; "" = there are none, because no token is set
	end    <-chan struct{} // closed when the agent stops: streams end
}

// parts are the places of the page that the script replaces while it is open,
// in their order; charts are fetched apart, since they depend on the range.
var parts = []struct {
	id    string
	write func(w io.Writer, p *page, s *Status)
}{
	{"verdict", writeVerdict},
	{"incidents", writeIncidents},
	{"probes", writeProbes},
	{"agent", writeAgent},
}

// write writes the whole page for one range.
func (p *page) write(ctx context.Context, w io.Writer, sp span) {
	s := p.agent.Status()
	p.head(w, s.Host+": "+Sentence(s))
	fmt.Fprintf(w, "<header><h1>%s</h1><p class=\"quiet\">%s, firewatch %s</p></header><main>\n", esc(s.Host), esc(s.System), esc(s.Version))
	p.part(w, &s, "verdict")
	p.part(w, &s, "incidents")
	fmt.Fprint(w, `<section aria-labelledby="h-now"><h2 id="h-now">Now</h2>`)
	writeRanges(w, sp, "/", "")
	fmt.Fprintf(w, `<div id="charts" data-range="%s" data-every="%d">`, sp.name, int(sp.fresh().Seconds()))
	p.charts(ctx, w, &s, sp)
	fmt.Fprint(w, "</div></section>\n")
	p.part(w, &s, "probes")
	p.series(w, sp)
	p.part(w, &s, "agent")
	fmt.Fprint(w, "</main><footer><a href=\"/metrics\">/metrics</a> for Prometheus. <span id=\"live\" role=\"status\"></span></footer></body></html>\n")
}

func (p *page) head(w io.Writer, title string) {
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>%s</title>"+
		"<link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/page.css\"><script defer src=\"/page.js\"></script></head><body>\n", esc(title))
}

// part writes one replaceable part in its place.
func (p *page) part(w io.Writer, s *Status, id string) {
	fmt.Fprintf(w, "<div id=\"%s\">", id)
	p.inner(w, s, id)
	fmt.Fprint(w, "</div>\n")
}

func (p *page) inner(w io.Writer, s *Status, id string) {
	for _, x := range parts {
		if x.id == id {
			x.write(w, p, s)
		}
	}
}

// writeVerdict answers the first question in one sentence.
func writeVerdict(w io.Writer, _ *page, s *Status) {
	class := "ok"
	if !allRight(*s) {
		class = "bad"
	}
	fmt.Fprintf(w, "<p class=\"verdict %s\">%s</p><p class=\"quiet\">As of %s.%s</p>", class, esc(Sentence(*s)), s.Now.UTC().Format("15:04:05 MST"), esc(learning(s)))
}

// learning says how far anomaly detection is, while it learns.
func learning(s *Status) string {
	for _, r := range s.Rules {
		if strings.HasPrefix(r.State, "learning") {
			return " Anomaly detection is " + r.State + "."
		}
	}
	return ""
}

// writeRanges is the picker of the time range.
func writeRanges(w io.Writer, now span, path, query string) {
	fmt.Fprint(w, `<nav class="ranges" aria-label="time range">`)
	for _, s := range spans {
		current := ""
		if s == now {
			current = ` aria-current="true"`
		}
		fmt.Fprintf(w, `<a href="%s?range=%s%s"%s>%s</a>`, path, s.name, esc(query), current, s.name)
	}
	fmt.Fprint(w, "</nav>")
}

func table(w io.Writer, heads ...string) {
	fmt.Fprint(w, "<table><thead><tr>")
	for _, h := range heads {
		class := ""
		if n, ok := strings.CutPrefix(h, "#"); ok {
			h, class = n, ` class="n"`
		}
		fmt.Fprintf(w, "<th scope=\"col\"%s>%s</th>", class, esc(h))
	}
	fmt.Fprint(w, "</tr></thead><tbody>\n")
}

func endTable(w io.Writer) { fmt.Fprint(w, "</tbody></table>\n") }

// row writes a row; a cell that begins with "#" is a number.
func row(w io.Writer, cells ...string) {
	fmt.Fprint(w, "<tr>")
	for _, c := range cells {
		if n, ok := strings.CutPrefix(c, "#"); ok {
			fmt.Fprintf(w, "<td class=\"n\">%s</td>", esc(n))
			continue
		}
		fmt.Fprintf(w, "<td>%s</td>", esc(c))
	}
	fmt.Fprintln(w, "</tr>")
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

// fragment renders one part.
func (p *page) fragment(s *Status, id string) string {
	var b bytes.Buffer
	p.inner(&b, s, id)
	return b.String()
}

func ago(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t).Round(time.Second)
	if d > 2*time.Minute {
		d = d.Truncate(time.Minute) // else every page changes every second
	}
	return t.UTC().Format("02 Jan 15:04:05 MST") + " (" + human.Duration(d) + " ago)"
}

// handle adds the routes of the page.
func (p *page) handle(mux *http.ServeMux) {
	html := func(f func(w io.Writer, r *http.Request, sp span)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			var b bytes.Buffer
			f(&b, r, spanOf(r.URL.Query().Get("range")))
			_, _ = w.Write(b.Bytes()) // the reader is gone: nobody to tell
		}
	}
	file := func(kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind+"; charset=utf-8")
			_, _ = io.WriteString(w, text)
		}
	}
	mux.HandleFunc("GET /{$}", html(func(w io.Writer, r *http.Request, sp span) { p.write(r.Context(), w, sp) }))
	mux.HandleFunc("GET /charts", html(func(w io.Writer, r *http.Request, sp span) {
		s := p.agent.Status()
		p.charts(r.Context(), w, &s, sp)
	}))
	mux.HandleFunc("GET /series", html(func(w io.Writer, r *http.Request, sp span) {
		q := r.URL.Query()
		p.one(r.Context(), w, q.Get("metric"), q.Get("target"), sp)
	}))
	mux.HandleFunc("GET /page.css", file("text/css", pageCSS))
	mux.HandleFunc("GET /page.js", file("text/javascript", pageJS))
	mux.HandleFunc("GET /events", p.stream)
	mux.HandleFunc("POST /ack", p.act(p.acknowledge))
	mux.HandleFunc("POST /silence", p.act(p.silence))
}
