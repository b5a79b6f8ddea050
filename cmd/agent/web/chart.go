package web

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/internal/human"
	"github.com/firewatch-agent/firewatch/record"
)

// Plot is one series over a time, to be drawn.
type Plot struct {
	Title    string
	Unit     string
	From, To time.Time
	Step     time.Duration  // between points
	Points   []record.Point // in order of time; Stats[Column] is drawn
	Column   int
	Usual    *alert.Range // the normal band; nil = not known yet
	Link     string       // where a click on the title leads; "" = nowhere
}

// The canvas of a chart, in its own units. Text is 11 of them high.
const (
	chartWidth  = 360.0
	chartHeight = 132.0
	plotLeft    = 64.0
	plotRight   = 352.0
	plotTop     = 8.0
	plotBottom  = 110.0
)

// now is the newest reading, NaN where there is none.
func (p *Plot) now() float64 {
	for i := len(p.Points) - 1; i >= 0; i-- {
		if s := p.Points[i].Stats[p.Column]; s.Count > 0 {
			return s.Mean
		}
	}
	return math.NaN()
}

// says is the chart in words, for those who do not see it.
func (p *Plot) says() string {
	s := p.Title + ": " + human.Value(p.now(), p.Unit) + " now"
	if p.Usual != nil {
		s += ", usually " + p.band()
	}
	return s
}

func (p *Plot) band() string {
	lo, hi := human.Value(float64(p.Usual.Low), p.Unit), human.Value(float64(p.Usual.High), p.Unit)
	if lo == hi {
		return lo
	}
	return lo + " to " + hi
}

// scale is the vertical axis: from lo to hi in steps of tick.
func (p *Plot) scale() (lo, hi, tick float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	see := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	for _, x := range p.Points {
		if s := x.Stats[p.Column]; s.Count > 0 {
			see(s.Mean)
			see(s.Max)
			see(s.Min)
		}
	}
	if p.Usual != nil {
		see(float64(p.Usual.Low))
		see(float64(p.Usual.High))
	}
	if lo > hi {
		return 0, 1, 1
	}
	// A line near zero is drawn from zero, so that small noise looks small.
	if lo > 0 && lo < 0.7*hi {
		lo = 0
	}
	most := hi
	if hi-lo < 1e-9*math.Max(1, math.Abs(hi)) {
		lo, hi = math.Min(lo, 0), math.Max(hi, lo+1)
	}
	tick = niceStep((hi-lo)/3, strings.HasPrefix(p.Unit, "Bytes"))
	lo, hi = math.Floor(lo/tick)*tick, math.Ceil(hi/tick)*tick
	if p.Unit == "Percent" && most <= 100 {
		hi = min(hi, 100) // a share has no more; a sum of shares may
	}
	return lo, hi, tick
}

// niceStep is the least 1, 2 or 5 times a power that is at least want: a power
// of 10, or of 2 for bytes, whose units are binary.
func niceStep(want float64, binary bool) float64 {
	if binary {
		return math.Exp2(math.Ceil(math.Log2(want)))
	}
	base := math.Pow(10, math.Floor(math.Log10(want)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*base >= want {
			return m * base
		}
	}
	return 10 * base
}

// WriteSVG draws the plot: the usual band, the range of the readings, their
// mean, and a strip for each point that says its time and value, on hover as a
// title and to the script that follows the pointer and the arrow keys.
func (p *Plot) WriteSVG(w io.Writer) {
	lo, hi, tick := p.scale()
	x := func(t time.Time) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(t.Sub(p.From))/float64(p.To.Sub(p.From))
	}
	y := func(v float64) float64 {
		return plotBottom - (plotBottom-plotTop)*(math.Max(lo, math.Min(hi, v))-lo)/(hi-lo)
	}
	fmt.Fprintf(w, `<svg class="chart" viewBox="0 0 %.0f %.0f" role="img" tabindex="0" aria-label="%s">`, chartWidth, chartHeight, esc(p.says()))
	if p.Usual != nil {
		top, bottom := y(float64(p.Usual.High)), y(float64(p.Usual.Low))
		fmt.Fprintf(w, `<rect class="usual" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, plotLeft, top, plotRight-plotLeft, math.Max(1, bottom-top))
	}
	for v := lo; v <= hi+tick/1e6; v += tick {
		fmt.Fprintf(w, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" class="end">%s</text>`, plotLeft, y(v), plotRight, plotLeft-4, y(v)+3.5, esc(human.Value(v, p.Unit)))
	}
	p.timeAxis(w, x)
	p.lines(w, x, y)
	p.strips(w, x, y)
	fmt.Fprint(w, "</svg>")
}

// timeAxis writes three times; the last names the zone.
func (p *Plot) timeAxis(w io.Writer, x func(time.Time) float64) {
	layout := "15:04"
	if p.To.Sub(p.From) > 36*time.Hour {
		layout = "02 Jan"
	}
	mid := p.From.Add(p.To.Sub(p.From) / 2)
	for i, t := range []time.Time{p.From, mid, p.To} {
		class, label := [...]string{"start", "mid", "end"}[i], t.UTC().Format(layout)
		if i == 2 {
			label += " UTC"
		}
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, x(t), plotBottom+15, class, label)
	}
}

// lines draws the mean, and the space between least and greatest behind it. A
// missing reading is a gap, never a line across it.
func (p *Plot) lines(w io.Writer, x func(time.Time) float64, y func(float64) float64) {
	var mean strings.Builder
	var upper, lower []string
	open, last := false, time.Time{}
	end := func() {
		if len(upper) > 0 {
			slices.Reverse(lower)
			fmt.Fprintf(w, `<path class="range" d="M%s L%sZ"/>`, strings.Join(upper, " "), strings.Join(lower, " "))
		}
		upper, lower, open = nil, nil, false
	}
	for _, pt := range p.Points {
		s := pt.Stats[p.Column]
		if s.Count == 0 || open && pt.Time.Sub(last) > 3*p.Step/2 {
			end()
		}
		if s.Count == 0 {
			continue
		}
		least := s.Min
		if math.IsNaN(least) {
			least = s.Mean // 10 s rows keep mean and greatest
		}
		px := x(pt.Time.Add(p.Step / 2))
		fmt.Fprintf(&mean, "%s%.1f %.1f", map[bool]string{true: "L", false: "M"}[open], px, y(s.Mean))
		upper, lower = append(upper, fmt.Sprintf("%.1f %.1f", px, y(s.Max))), append(lower, fmt.Sprintf("%.1f %.1f", px, y(least)))
		open, last = true, pt.Time
	}
	end()
	fmt.Fprintf(w, `<path class="line" d="%s"/>`, mean.String())
}

// strips are what hover and focus read from: one for each point with a value.
func (p *Plot) strips(w io.Writer, x func(time.Time) float64, y func(float64) float64) {
	layout := "15:04:05 MST"
	if p.Step >= time.Minute {
		layout = "02 Jan 15:04 MST"
	}
	for _, pt := range p.Points {
		s := pt.Stats[p.Column]
		if s.Count == 0 {
			continue
		}
		text := pt.Time.UTC().Format(layout) + "  " + human.Value(s.Mean, p.Unit)
		if s.Max > s.Mean {
			text += ", at most " + human.Value(s.Max, p.Unit)
		}
		left, right := x(pt.Time), x(pt.Time.Add(p.Step))
		fmt.Fprintf(w, `<rect class="at" x="%.1f" y="%.0f" width="%.1f" height="%.0f" data-y="%.1f"><title>%s</title></rect>`, left, plotTop, right-left, plotBottom-plotTop, y(s.Mean), esc(text))
	}
}
