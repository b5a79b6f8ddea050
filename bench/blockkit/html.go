package main

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// The parts of Block Kit that firewatch sends.
type block struct {
	Type     string    `json:"type"`
	Text     text      `json:"text"`
	Fields   []text    `json:"fields"`
	Elements []element `json:"elements"`
	Title    string    `json:"title"`
	Chart    chart     `json:"chart"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// element is a text of a context, or a part of rich text.
type element struct {
	text
	Elements []text `json:"elements"`
}

const style = `body{margin:0;background:#fff;font:15px/1.46 "Lato","Liberation Sans",Arial,sans-serif;color:#1d1c1d}
.m{padding:12px 20px 12px 64px;position:relative;width:580px}.a{position:absolute;left:20px;top:14px;width:36px;height:36px;border-radius:6px;background:#d9480f;color:#fff;text-align:center;line-height:36px;font-weight:700}
.n{font-weight:700}.n small{font-weight:400;color:#616061;margin-left:8px}.app{background:#eee;border-radius:2px;font-size:10px;padding:1px 3px;margin-left:4px;color:#616061}
h2{font-size:18px;margin:6px 0}p{margin:6px 0;white-space:pre-wrap;overflow-wrap:anywhere}.f{display:grid;grid-template-columns:1fr 1fr;gap:6px 16px}.f p{margin:2px 0}
code{font:12px "DejaVu Sans Mono",monospace;background:#f6f6f6;border:1px solid #ddd;border-radius:3px;padding:1px 3px;color:#c01343}
pre{font:12px "DejaVu Sans Mono",monospace;background:#f6f6f6;border:1px solid #ddd;border-radius:4px;padding:8px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere}
.c{font-size:13px;color:#616061}.chart{border:1px solid #ddd;border-radius:8px;padding:8px 12px;margin:8px 0}.chart b{font-size:14px}.legend{font-size:12px;color:#616061}
i.dot{display:inline-block;width:12px;height:12px;border-radius:50%;vertical-align:-1px}`

func page(m message) string {
	how := map[bool]string{true: "notifies", false: "an edit: nobody is notified"}[m.Notifies]
	var b strings.Builder
	fmt.Fprintf(&b, `<!doctype html><meta charset="utf-8"><style>%s</style><div class="m"><div class="a">fw</div><div class="n">firewatch<span class="app">APP</span><small>%s · %s</small></div>`,
		style, html.EscapeString(m.Method), how)
	if len(m.Blocks) == 0 {
		b.WriteString("<p>" + mrkdwn(m.Text) + "</p>")
	}
	for _, k := range m.Blocks {
		b.WriteString(k.html())
	}
	b.WriteString("</div>")
	return b.String()
}

func (k block) html() string {
	var b strings.Builder
	switch k.Type {
	case "header":
		return "<h2>" + dots(html.EscapeString(k.Text.Text)) + "</h2>"
	case "section":
		if k.Text.Text != "" {
			b.WriteString("<p>" + mrkdwn(k.Text.Text) + "</p>")
		}
		if len(k.Fields) > 0 {
			b.WriteString(`<div class="f">`)
			for _, f := range k.Fields {
				b.WriteString("<p>" + mrkdwn(f.Text) + "</p>")
			}
			b.WriteString("</div>")
		}
	case "context":
		for _, e := range k.Elements {
			b.WriteString(`<p class="c">` + mrkdwn(e.Text) + "</p>")
		}
	case "rich_text":
		for _, e := range k.Elements {
			tag := map[bool]string{true: "pre", false: "p"}[e.Type == "rich_text_preformatted"]
			b.WriteString("<" + tag + ">")
			for _, t := range e.Elements {
				b.WriteString(html.EscapeString(t.Text))
			}
			b.WriteString("</" + tag + ">")
		}
	case "data_visualization":
		return k.Chart.html(k.Title)
	}
	return b.String()
}

var (
	dates   = regexp.MustCompile(`<!date\^[0-9]+\^[^|>]*\|([^>]*)>`)
	codes   = regexp.MustCompile("`([^`\n]+)`")
	strongs = regexp.MustCompile(`\*([^*\n]+)\*`)
)

// mrkdwn reads Slack's markup: dates, code, bold. What is left of < and > would
// be a mention or a link, and is shown in red.
func mrkdwn(s string) string {
	s = dates.ReplaceAllString(s, "$1")
	s = strings.NewReplacer("<", `<b style="color:red">&lt;`, ">", "&gt;</b>", "&amp;", "&amp;", "&lt;", "&lt;", "&gt;", "&gt;", "&", "&amp;").Replace(s)
	s = codes.ReplaceAllString(s, "<code>$1</code>")
	return dots(strongs.ReplaceAllString(s, "<b>$1</b>"))
}

// dots draws the coloured circles, for which a font may be missing.
func dots(s string) string {
	for sign, colour := range map[string]string{"🔴": "#dd2e44", "🟠": "#f4900c", "🔵": "#55acee", "🟢": "#78b159"} {
		s = strings.ReplaceAll(s, sign, `<i class="dot" style="background:`+colour+`"></i>`)
	}
	return s
}
