package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/human"
	"github.com/firewatch-agent/firewatch/record"
)

const (
	maxUnusual = 6   // charts of series beyond their usual band
	maxListed  = 400 // series in the list of all
)

// charts draws what is unusual now, then the vital signs.
func (p *page) charts(ctx context.Context, w io.Writer, s *Status, sp span) {
	switch odd, known := p.unusual(); {
	case len(odd) > 0:
		fmt.Fprint(w, "<h3>Unusual now</h3>")
		p.grid(ctx, w, s.Now, sp, odd)
	case known:
		fmt.Fprint(w, "<p class=\"quiet\">Nothing is beyond its usual band.</p>")
	default:
		fmt.Fprint(w, "<p class=\"quiet\">What is usual here is not known yet; that takes a few minutes.</p>")
	}
	fmt.Fprint(w, "<h3>Vital signs</h3>")
	var vital []record.Series
	for _, v := range s.Vitals {
		vital = append(vital, record.Series{Metric: v.Metric, Target: v.Target})
	}
	p.grid(ctx, w, s.Now, sp, vital)
}

// unusual lists the series that are farthest beyond their usual band, measured
// in widths of the band; known is whether any band is known yet.
func (p *page) unusual() (out []record.Series, known bool) {
	type odd struct {
		series record.Series
		by     float64
	}
	var all []odd
	for _, x := range p.agent.Samples() {
		u := p.agent.Usual(x.Metric, x.Target)
		if u == nil {
			continue
		}
		known = true
		lo, hi := float64(u.Low), float64(u.High)
		beyond := max(lo-x.Value, x.Value-hi)
		if width := max(hi-lo, 0.02*max(hi, -lo), 1e-9); beyond > width/2 {
			all = append(all, odd{record.Series{Metric: x.Metric, Target: x.Target}, beyond / width})
		}
	}
	slices.SortStableFunc(all, func(a, b odd) int { return cmp.Compare(b.by, a.by) })
	for _, o := range all[:min(len(all), maxUnusual)] {
		out = append(out, o.series)
	}
	return out, known
}

// grid draws a chart for each series.
func (p *page) grid(ctx context.Context, w io.Writer, now time.Time, sp span, series []record.Series) {
	from, to, points, err := p.drawer.past(ctx, sp, series, now)
	if err != nil {
		fmt.Fprintf(w, "<p class=\"bad\">The history could not be read: %s</p>", esc(err.Error()))
		return
	}
	fmt.Fprint(w, `<div class="grid">`)
	for i, x := range series {
		plot := Plot{Title: title(x.Metric, x.Target), Unit: p.agent.MetricInfo(x.Metric).Unit, From: from, To: to, Step: sp.step(),
			Points: points, Column: i, Usual: p.agent.Usual(x.Metric, x.Target)}
		fmt.Fprintf(w, `<figure><figcaption><a href="%s">%s</a> <b>%s</b>`, esc(seriesLink(x.Metric, x.Target, sp)), esc(plot.Title), esc(human.Value(plot.now(), plot.Unit)))
		if plot.Usual != nil {
			fmt.Fprintf(w, ` <span class="quiet">usually %s</span>`, esc(plot.band()))
		}
		fmt.Fprint(w, `</figcaption>`)
		plot.WriteSVG(w)
		fmt.Fprint(w, `<output class="quiet"></output></figure>`)
	}
	fmt.Fprint(w, "</div>\n")
}

func title(metric, target string) string {
	if target == "" {
		return metric
	}
	return metric + " " + target
}

func seriesLink(metric, target string, sp span) string {
	return "/series?range=" + sp.name + "&metric=" + url.QueryEscape(metric) + "&target=" + url.QueryEscape(target)
}

// one writes the page of a single series.
func (p *page) one(ctx context.Context, w io.Writer, metric, target string, sp span) {
	info := p.agent.MetricInfo(metric)
	s := p.agent.Status()
	p.head(w, title(metric, target)+" on "+s.Host)
	fmt.Fprintf(w, "<header><p><a href=\"/?range=%s\">%s</a></p><h1>%s</h1></header><main><p>%s%s.</p>", sp.name, esc(s.Host), esc(title(metric, target)), esc(strings.ToUpper(info.Help[:min(1, len(info.Help))])), esc(info.Help[min(1, len(info.Help)):]))
	writeRanges(w, sp, "/series", "&metric="+url.QueryEscape(metric)+"&target="+url.QueryEscape(target))
	fmt.Fprint(w, `<div class="wide">`)
	p.grid(ctx, w, s.Now, sp, []record.Series{{Metric: metric, Target: target}})
	fmt.Fprint(w, "</div></main></body></html>\n")
}

// writeProbes lists the latency of what the host depends on.
func writeProbes(w io.Writer, p *page, s *Status) {
	fmt.Fprint(w, "<section aria-labelledby=\"h-probes\"><h2 id=\"h-probes\">Probes</h2>")
	defer fmt.Fprint(w, "</section>")
	success, values := map[string]float64{}, map[string][]string{}
	var names []string
	for _, x := range p.agent.Samples() {
		if !strings.HasPrefix(x.Metric, "probe_") || x.Target == "" {
			continue
		}
		if x.Metric == "probe_success" {
			success[x.Target] = x.Value
			names = append(names, x.Target)
			continue
		}
		values[x.Target] = append(values[x.Target], strings.TrimPrefix(x.Metric, "probe_")+" "+human.Value(x.Value, p.agent.MetricInfo(x.Metric).Unit))
	}
	if len(names) == 0 {
		fmt.Fprint(w, "<p class=\"quiet\">None is configured: [[probe]] watches a server that this host depends on.</p>")
		return
	}
	table(w, "Probe", "State", "Newest")
	for _, n := range names {
		row(w, n, map[bool]string{true: "answers", false: "fails"}[success[n] == 1], strings.Join(values[n], ", "))
	}
	endTable(w)
}

// series lists all series by subsystem.
func (p *page) series(w io.Writer, sp span) {
	fmt.Fprint(w, "<section aria-labelledby=\"h-all\"><h2 id=\"h-all\">All series</h2>")
	by := map[string][]collect.Sample{}
	var order []string
	n := 0
	for _, x := range p.agent.Samples() {
		if n++; n > maxListed {
			break
		}
		sub := p.agent.MetricInfo(x.Metric).Subsystem
		if by[sub] == nil {
			order = append(order, sub)
		}
		by[sub] = append(by[sub], x)
	}
	for _, sub := range order {
		fmt.Fprintf(w, "<details id=\"s-%s\"><summary>%s <span class=\"quiet\">%d series</span></summary>", esc(sub), esc(sub), len(by[sub]))
		table(w, "Series", "#Now", "#Usually")
		for _, x := range by[sub] {
			unit, usual := p.agent.MetricInfo(x.Metric).Unit, ""
			if u := p.agent.Usual(x.Metric, x.Target); u != nil {
				usual = (&Plot{Unit: unit, Usual: u}).band()
			}
			fmt.Fprintf(w, "<tr><td><a href=\"%s\">%s</a></td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n", esc(seriesLink(x.Metric, x.Target, sp)), esc(title(x.Metric, x.Target)), esc(human.Value(x.Value, unit)), esc(usual))
		}
		endTable(w)
		fmt.Fprint(w, "</details>")
	}
	if n > maxListed {
		fmt.Fprintf(w, "<p class=\"quiet\">Only the first %d are listed; /metrics has all.</p>", maxListed)
	}
	fmt.Fprint(w, "</section>\n")
}

// writeAgent says how the agent itself is.
func writeAgent(w io.Writer, _ *page, s *Status) {
	fmt.Fprint(w, "<section aria-labelledby=\"h-agent\"><h2 id=\"h-agent\">The agent</h2>")
	table(w, "Sink", "State", "#Owed", "#Delivered", "#Failed", "Last error")
	for _, k := range s.Sinks {
		row(w, k.Name, k.State, fmt.Sprintf("#%d", k.Owed), fmt.Sprintf("#%d", k.Sent), fmt.Sprintf("#%d", k.Failed), k.LastError)
	}
	endTable(w)
	fmt.Fprintf(w, "<details id=\"d-collectors\"><summary>%d collectors</summary>", len(s.Collectors))
	table(w, "Collector", "State", "#Series", "#Time", "Reason")
	for _, c := range s.Collectors {
		row(w, c.Name, c.State, fmt.Sprintf("#%d", c.Series), "#"+human.Value(c.Duration, "Milliseconds"), c.Reason)
	}
	endTable(w)
	fmt.Fprint(w, "</details>")
	disk := "alerts are stored durably"
	if s.Outbox.Full {
		disk = fmt.Sprintf("the disk is full and spare files take %d more changes", s.Outbox.Spare)
	}
	if !s.Outbox.Durable {
		disk = "alerts cannot be stored (" + s.Outbox.Error + ") and are delivered from memory"
	}
	fmt.Fprintf(w, "<p class=\"quiet\">Up %s, %d ticks, %d late; %s of a core, %s; history %s; %s.</p></section>", esc(human.Duration(s.Now.Sub(s.StartedAt).Round(time.Second))),
		s.Ticks, s.Late, esc(human.Value(s.Self.CPUPercent, "Percent")), esc(human.Bytes(float64(s.Self.RSSBytes))), esc(human.Bytes(float64(s.History.Bytes))), esc(disk))
}

// writeIncidents lists what is wrong, who caused it, and who has been told.
func writeIncidents(w io.Writer, p *page, s *Status) {
	fmt.Fprint(w, "<section aria-labelledby=\"h-inc\"><h2 id=\"h-inc\">Incidents</h2>")
	defer fmt.Fprint(w, "</section>")
	if len(s.Incidents) == 0 {
		fmt.Fprint(w, "<p class=\"quiet\">None is open.</p>")
		return
	}
	for _, i := range s.Incidents {
		writeIncident(w, p, s.Now, &i)
	}
}

func writeIncident(w io.Writer, p *page, now time.Time, i *alert.Incident) {
	fmt.Fprintf(w, "<details class=\"incident %s\" id=\"i-%s\" open><summary><b>%s</b> %s <span class=\"quiet\">%s</span></summary>", esc(string(i.Severity)), esc(i.ID),
		esc(strings.ToUpper(string(i.Severity))), esc(i.Summary), esc(string(i.State)))
	fmt.Fprint(w, "<ul>")
	fmt.Fprintf(w, "<li>began %s</li>", esc(ago(now, i.StartedAt)))
	if i.ChangedAt.After(i.StartedAt) {
		fmt.Fprintf(w, "<li>newest change (%s) %s</li>", esc(i.Phase), esc(ago(now, i.ChangedAt)))
	}
	if !i.ResolvedAt.IsZero() {
		fmt.Fprintf(w, "<li>resolved %s</li>", esc(ago(now, i.ResolvedAt)))
	}
	if i.Acknowledged != nil {
		fmt.Fprintf(w, "<li>taken on by %s %s</li>", esc(i.Acknowledged.By), esc(ago(now, i.Acknowledged.At)))
	}
	if i.Silenced != "" {
		fmt.Fprintf(w, "<li>silenced by %s: what is owed is kept back</li>", esc(i.Silenced))
	}
	for _, c := range i.Culprits {
		fmt.Fprintf(w, "<li>probably by <b>%s</b> (pid %d%s): %s %s</li>", esc(c.Command), c.PID, esc(owner(c)), esc(c.What), esc(human.Number(float64(c.Value))))
	}
	for _, c := range i.Causes {
		fmt.Fprintf(w, "<li><a href=\"%s\">%s</a> %s", esc(seriesLink(c.Metric, c.Target, spans[1])), esc(title(c.Metric, c.Target)), esc(human.Value(float64(c.Value), c.Unit)))
		if c.Usual != nil {
			fmt.Fprintf(w, ", usually %s", esc((&Plot{Unit: c.Unit, Usual: c.Usual}).band()))
		}
		fmt.Fprint(w, "</li>")
	}
	for _, m := range i.Members {
		fmt.Fprintf(w, "<li>%s %s: %s</li>", esc(title(m.Rule, m.Target)), esc(string(m.State)), esc(m.Summary))
	}
	for _, d := range i.Sinks {
		fmt.Fprintf(w, "<li>%s: %s</li>", esc(d.Sink), esc(told(d, i.Silenced != "")))
	}
	fmt.Fprint(w, "</ul>")
	p.forms(w, i)
	fmt.Fprint(w, "</details>")
}

// owner says whose process a culprit is, as far as is known.
func owner(c alert.Culprit) string {
	s := ""
	for _, x := range [][2]string{{"user", c.User}, {"unit", c.Unit}, {"pod", c.Pod}} {
		if x[1] != "" {
			s += ", " + x[0] + " " + x[1]
		}
	}
	return s
}

// told says what one sink has of an incident.
func told(d alert.Delivery, silenced bool) string {
	switch {
	case d.Dead > 0:
		return "dead letter: " + d.LastError
	case d.Owed != "" && silenced:
		return d.Owed + " is kept back"
	case d.Owed != "" && d.LastError != "":
		return fmt.Sprintf("%s not delivered yet after %d attempts: %s", d.Owed, d.Attempts, d.LastError)
	case d.Owed != "":
		return d.Owed + " is on its way"
	case d.Confirmed != "":
		return d.Confirmed + " delivered"
	}
	return "nothing to tell"
}
