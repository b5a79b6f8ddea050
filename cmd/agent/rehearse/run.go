package rehearse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/record"
)

// Rules are what is tried.
type Rules struct {
	Name    string // for people: the config they are of
	Rules   []detect.RuleConfig
	Anomaly detect.AnomalyConfig
}

// Fired is one alert that would have been raised.
type Fired struct {
	Rule       string         `json:"rule"`
	Target     string         `json:"target,omitempty"`
	Severity   alert.Severity `json:"severity"` // the worst it came to
	StartedAt  time.Time      `json:"started_at"`
	FiredAt    time.Time      `json:"fired_at"`
	ResolvedAt time.Time      `json:"resolved_at,omitzero"` // zero: still firing at the end
	Value      alert.Number   `json:"value"`
	Summary    string         `json:"summary"`
	Coarse     bool           `json:"coarse,omitempty"` // seen on 10 s rows
}

// Result is what a set of rules would have done.
type Result struct {
	Rules    string    `json:"config"`
	Input    string    `json:"input"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"` // of the last frame seen
	Partial  bool      `json:"partial,omitempty"`
	Frames   int       `json:"frames"`
	Fired    []Fired   `json:"alerts"`
	Pages    int       `json:"pages"` // critical ones
	Warnings int       `json:"warnings"`
	Infos    int       `json:"infos"`
	Weeks    float64   `json:"weeks"`
	Blind    []string  `json:"cannot_see,omitempty"`
	Damaged  int       `json:"damaged,omitempty"` // places of the input that could not be read
}

// PagesInAWeek is the most pages in any seven days.
func (r Result) PagesInAWeek() int {
	var at []time.Time
	for _, f := range r.Fired {
		if f.Severity == alert.Critical {
			at = append(at, f.FiredAt)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	most, from := 0, 0
	for i := range at {
		for at[i].Sub(at[from]) >= 7*24*time.Hour {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// Run shows the input to the rules. Where ctx ends before the input does, the
// result is of what was seen until then. progress is called now and then with
// the time of the frame that is looked at; it may be nil.
func Run(ctx context.Context, in Input, rules Rules, metrics []collect.Metric, progress func(time.Time)) (Result, error) {
	p := &pass{ctx: ctx, in: in, progress: progress, open: map[series]int{}}
	p.metrics = slices.Concat(metrics, in.Metrics)
	p.result = Result{Rules: rules.Name, Input: in.Name, From: in.Since, Fired: []Fired{}}
	if _, err := detect.Rules(rules.Rules); err != nil {
		return Result{}, err
	}
	var err error
	if p.anomaly, err = detect.NewAnomaly(rules.Anomaly); err != nil {
		return Result{}, err
	}
	// A rule keeps windows of its detector in mind, so each has its own.
	p.rules = func(want func(detect.Rule) bool) []detect.Rule {
		list, _ := detect.Rules(rules.Rules) // they were made before
		return slices.DeleteFunc(list, func(r detect.Rule) bool { return want != nil && !want(r) })
	}
	if in.peak != nil {
		p.result.Blind = blind(rules.Rules, in)
		if err := p.coarse(); err != nil {
			return Result{}, err
		}
	}
	p.result.Blind = append(p.result.Blind, unseen(rules.Rules, in.columns)...)
	if err := p.whole(); err != nil {
		return Result{}, err
	}
	return p.done(), nil
}

// unseen are the columns of a table that no threshold looks at: a rule or a header may
// be misspelt.
func unseen(rules []detect.RuleConfig, columns []string) []string {
	const most = 5
	var out []string
	for _, c := range slices.Compact(slices.Sorted(slices.Values(columns))) {
		if !slices.ContainsFunc(rules, func(r detect.RuleConfig) bool { return r.Metric == c }) {
			out = append(out, "no rule has a threshold for "+c)
		}
	}
	if n := len(out) - most; n > 0 {
		out = append(out[:most], fmt.Sprintf("nor for %d more columns", n))
	}
	return out
}

// byPeak is whether a rule goes by the greatest readings.
func byPeak(r detect.Rule) bool {
	t, ok := r.(*detect.Threshold)
	return ok && (t.Config().Statistic == "max" || strings.HasPrefix(t.Config().Statistic, "p"))
}

// blind says what cannot be seen of these rules on 10 s rows.
func blind(rules []detect.RuleConfig, in Input) []string {
	out := []string{fmt.Sprintf("before %s there are 10 s rows only: trouble shorter than 10 s is not seen there, and alerts come up to 10 s later", in.Fine.Format(time.RFC3339))}
	for _, r := range rules {
		switch {
		case r.Statistic == "min":
			out = append(out, fmt.Sprintf("rule %s: the minimum is that of 10 s means, so it is too high", r.Name))
		case r.Statistic == "sum":
			out = append(out, fmt.Sprintf("rule %s: the sum is over one mean for each 10 s, a tenth of what it was", r.Name))
		case strings.HasPrefix(r.Statistic, "p"):
			out = append(out, fmt.Sprintf("rule %s: the percentile is that of 10 s maxima, so it is too high", r.Name))
		case r.Period != 0 && r.Period.D() < 10*time.Second:
			out = append(out, fmt.Sprintf("rule %s: its period of %s is taken for 10 s", r.Name, r.Period))
		}
	}
	return out
}

type series struct{ rule, target string }

// pass is one look at the input.
type pass struct {
	ctx      context.Context
	in       Input
	metrics  []collect.Metric
	progress func(time.Time)
	rules    func(want func(detect.Rule) bool) []detect.Rule // makes the thresholds anew
	anomaly  []detect.Rule
	open     map[series]int // into result.Fired
	firing   []alert.Alert  // open at the end of the 10 s rows
	result   Result
}

// errStop ends a pass that has seen enough.
var errStop = errors.New("seen enough")

// each calls see with every frame until it returns errStop or ctx ends.
func (p *pass) each(open func() (Frames, error), see func(collect.Frame) error) error {
	frames, err := open()
	if err != nil {
		return err
	}
	n := 0
	for f, err := range frames {
		var damage *record.Damage
		switch {
		case errors.As(err, &damage):
			p.result.Damaged++
			continue
		case err != nil:
			return err
		}
		if n++; n%64 == 0 {
			if p.ctx.Err() != nil {
				p.result.Partial = true
				return nil
			}
			if p.progress != nil {
				p.progress(f.Time)
			}
		}
		if err := see(f); err != nil {
			return nil //nolint:nilerr // errStop is the only one
		}
	}
	return nil
}

const coarseStep = 10 * time.Second

func (p *pass) detector(rules []detect.Rule, interval time.Duration) *detect.Detector {
	return detect.New(rules, detect.Options{Interval: interval, Metrics: p.metrics, Apart: true})
}

// coarse judges the greatest readings of the 10 s rows.
func (p *pass) coarse() error {
	d := p.detector(p.rules(byPeak), coarseStep)
	err := p.each(p.in.peak, func(f collect.Frame) error {
		if !f.Time.Before(p.in.Fine) {
			return errStop
		}
		p.take(d.Observe(f), true)
		return nil
	})
	p.firing = d.Open()
	return err
}

// whole judges the means and then the frames as they were.
func (p *pass) whole() error {
	if p.in.peak == nil {
		d := p.detector(slices.Concat(p.rules(nil), p.anomaly), p.in.Interval)
		return p.each(p.in.open, func(f collect.Frame) error {
			p.seen(f)
			p.take(d.Observe(f), false)
			return nil
		})
	}
	means := func(r detect.Rule) bool { return !byPeak(r) }
	rough, thresholds := p.detector(slices.Concat(p.rules(means), p.anomaly), coarseStep), p.rules(nil)
	fine := p.detector(thresholds, p.in.Interval)
	return p.each(p.in.open, func(f collect.Frame) error {
		p.seen(f)
		if rough != nil && f.Time.Before(p.in.Fine) {
			p.take(rough.Observe(f), true)
			if p.in.Fine.Sub(f.Time) < maxWindow {
				fine.Observe(f) // its windows are full when it begins
			}
			return nil
		}
		if rough != nil {
			fine.SetRules(slices.Concat(thresholds, p.anomaly))
			fine.Adopt(append(p.firing, rough.Open()...), f.Time)
			rough = nil
		}
		p.take(fine.Observe(f), false)
		return nil
	})
}

func (p *pass) seen(f collect.Frame) {
	p.result.Frames++
	p.result.To = later(p.result.To, f.Time)
}

// maxWindow is the longest that a threshold looks back.
const maxWindow = 6 * time.Hour

// take notes what alerts say.
func (p *pass) take(alerts []alert.Alert, coarse bool) {
	for _, a := range alerts {
		k := series{a.Rule, a.Target}
		i, known := p.open[k]
		switch {
		case a.State == alert.Resolved && known:
			p.result.Fired[i].ResolvedAt, p.result.Fired[i].Summary = a.ResolvedAt, a.Summary
			delete(p.open, k)
		case a.State == alert.Resolved:
		case !known:
			p.open[k] = len(p.result.Fired)
			p.result.Fired = append(p.result.Fired, Fired{Rule: a.Rule, Target: a.Target, Severity: a.Severity, StartedAt: a.StartedAt, FiredAt: a.ChangedAt,
				Value: a.Value, Summary: a.Summary, Coarse: coarse})
		case a.Severity.Rank() > p.result.Fired[i].Severity.Rank():
			p.result.Fired[i].Severity = a.Severity
		}
	}
}

// done counts.
func (p *pass) done() Result {
	r := p.result
	r.Fired = slices.DeleteFunc(r.Fired, func(f Fired) bool { return f.FiredAt.Before(p.in.Since) })
	slices.SortStableFunc(r.Fired, func(a, b Fired) int { return a.FiredAt.Compare(b.FiredAt) })
	for _, f := range r.Fired {
		switch f.Severity {
		case alert.Critical:
			r.Pages++
		case alert.Warning:
			r.Warnings++
		default:
			r.Infos++
		}
	}
	r.Weeks = max(0, r.To.Sub(r.From).Hours()) / (7 * 24)
	return r
}
