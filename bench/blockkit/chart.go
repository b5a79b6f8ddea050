package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// chart is a data visualization block's chart of lines.
type chart struct {
	Series []struct {
		Name string `json:"name"`
		Data []struct {
			Label string  `json:"label"`
			Value float64 `json:"value"`
		} `json:"data"`
	} `json:"series"`
	Axis struct {
		X string `json:"x_label"`
		Y string `json:"y_label"`
	} `json:"axis_config"`
}

var colours = []string{"#1264a3", "#8d8d8d", "#8d8d8d", "#e01e5a", "#2eb67d", "#ecb22e"}

func (c chart) html(title string) string {
	const w, h, left, bottom = 540.0, 150.0, 44.0, 18.0
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, p := range s.Data {
			low, high = min(low, p.Value), max(high, p.Value)
		}
	}
	pad := 0.08*(high-low) + 1e-9
	low, high = low-pad, high+pad
	y := func(v float64) float64 { return (h - bottom) * (high - v) / (high - low) }
	var b, legend strings.Builder
	fmt.Fprintf(&b, `<div class="chart"><b>%s</b><svg width="%g" height="%g" font-size="11" fill="#616061">`, html.EscapeString(title), w, h)
	for _, share := range []float64{0.1, 0.5, 0.9} {
		v := low + share*(high-low)
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" stroke="#eee"/><text x="%g" y="%.1f" text-anchor="end">%.4g</text>`, left, w, y(v), y(v), left-4, y(v)+4, v)
	}
	for i, s := range c.Series {
		dash := map[bool]string{true: "4 3", false: "none"}[i > 0]
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="`, colours[i], dash)
		for j, p := range s.Data {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(j, len(s.Data), left, w), y(p.Value))
		}
		b.WriteString(`"/>`)
		fmt.Fprintf(&legend, `<span style="color:%s">━</span> %s &nbsp; `, colours[i], html.EscapeString(s.Name))
	}
	points := c.Series[0].Data
	for _, j := range []int{0, len(points) / 2, len(points) - 1} {
		fmt.Fprintf(&b, `<text x="%.1f" y="%g" text-anchor="middle">%s</text>`, min(x(j, len(points), left, w), w-16), h-3, html.EscapeString(points[j].Label))
	}
	fmt.Fprintf(&b, `</svg><div class="legend">%s %s</div></div>`, legend.String(), html.EscapeString(strings.TrimSpace(c.Axis.Y+" · "+c.Axis.X)))
	return b.String()
}

func x(i, n int, left, width float64) float64 {
	return left + (width-left-8)*float64(i)/float64(max(n-1, 1))
}
