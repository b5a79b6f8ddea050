package detect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/forest"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/internal/human"
)

// AnomalyConfig is [anomaly].
type AnomalyConfig struct {
	Enable *bool         `toml:"enable"` // default true
	Series []string      `toml:"series"` // 2 to 4 metrics judged together; default: see DefaultGroups
	Row    conf.Duration `toml:"row"`    // each row is the mean over this; default 10s
	Learn  conf.Duration `toml:"learn"`  // silent for so long; default 1h
	Seed   uint64        `toml:"seed"`
}

// maxGroup is the most series of one group: with the relation of each pair they
// make 10 features, within what attribution can tell apart (12).
const maxGroup = 4

// Validate reports what is wrong.
func (c AnomalyConfig) Validate(metrics []collect.Metric) []conf.Fault {
	var faults []conf.Fault
	if n := len(c.Series); n == 1 || n > maxGroup {
		faults = append(faults, conf.Fault{Path: "series", Problem: fmt.Sprintf("%d series", n), Hint: "give 2 to 4, or leave it out for the default groups"})
	}
	for i, name := range c.Series {
		for _, f := range (RuleConfig{Metric: name}).Validate(metrics) {
			if f.Path == "metric" {
				f.Path = fmt.Sprintf("series.%d", i)
				faults = append(faults, f)
			}
		}
	}
	d := c.withDefaults()
	if d.Row.D() < time.Second || d.Row.D() > 10*time.Minute {
		faults = append(faults, conf.Fault{Path: "row", Problem: fmt.Sprintf("row %s is out of range", c.Row), Hint: "1s to 10m"})
	} else if d.Learn.D() < 100*d.Row.D() {
		faults = append(faults, conf.Fault{Path: "learn", Problem: fmt.Sprintf("learn %s is less than 100 rows of %s", c.Learn, d.Row), Hint: "a forest needs rows to learn from"})
	}
	return faults
}

func (c AnomalyConfig) withDefaults() AnomalyConfig {
	if c.Row == 0 {
		c.Row = conf.Duration(10 * time.Second)
	}
	if c.Learn == 0 {
		c.Learn = conf.Duration(time.Hour)
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	return c
}

// DefaultGroups are the series judged together where the configuration names
// none: what moves together on a healthy host.
func DefaultGroups() map[string][]string {
	return map[string][]string{
		"cpu":     {"cpu_usage_active", "cpu_usage_system", "context_switches", "cpu_runqueue_wait"},
		"disk":    {"diskio_write_bytes", "diskio_writes", "diskio_read_bytes", "diskio_reads"},
		"network": {"net_bytes_recv", "net_packets_recv", "net_bytes_sent", "net_packets_sent"},
	}
}

// Anomaly is a rule that needs no threshold: an isolation forest over a group
// of series and the ratio of each pair, on a sliding window that is refreshed as
// it goes. It judges each row by the rows before it, and is silent while it
// learns.
//
// A row fires when the forest's score is beyond what the last scores reached:
// their 99.9th percentile, with a margin of 0.02 and never below 0.6 (0.5 is
// the score of an average row, Liu et al. 2008), for three rows in a row.
type Anomaly struct {
	name    string
	metrics []string
	row     time.Duration
	learn   uint64 // rows
	stream  *forest.Stream
	slots   int
	at      uint64 // slot of the last row
	rows    uint64
	scores  []float64 // ring of the last scores
	high    int       // rows beyond the bound, in a row
	well    int       // rows below it, in a row
	on      bool
	usual   []*band
	x       []float64
	share   []float64
	verdict []Verdict
	buf     []float64
}

// Constants of the anomaly rule, in rows.
const (
	scoreRing   = 4000
	rowsToFire  = 3
	rowsToClear = 6
	leastScore  = 0.6
	scoreMargin = 0.02
)

// NewAnomaly makes the rules of a configuration, one for each group.
func NewAnomaly(c AnomalyConfig) ([]Rule, error) {
	if c.Enable != nil && !*c.Enable {
		return nil, nil
	}
	c = c.withDefaults()
	groups := DefaultGroups()
	if len(c.Series) > 0 {
		groups = map[string][]string{"series": c.Series}
	}
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []Rule
	for i, name := range names {
		r, err := newGroup("anomaly-"+name, groups[name], c, c.Seed+uint64(i))
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func newGroup(name string, metrics []string, c AnomalyConfig, seed uint64) (*Anomaly, error) {
	n := len(metrics)
	features := n + n*(n-1)/2
	stream, err := forest.NewStream(forest.StreamOptions{
		Options: forest.Options{Trees: 50, Sample: 256, Seed: seed}, Features: features, Window: 1024, Horizon: 8640, Rebuild: 1, Every: 4,
	})
	if err != nil {
		return nil, fmt.Errorf("make rule %s: %w", name, err)
	}
	a := &Anomaly{name: name, metrics: metrics, row: c.Row.D(), learn: uint64(c.Learn / c.Row), stream: stream,
		x: make([]float64, features), share: make([]float64, features)}
	for range n {
		a.usual = append(a.usual, &band{})
	}
	return a, nil
}

// Name implements Rule.
func (a *Anomaly) Name() string { return a.name }

func (a *Anomaly) prepare(h *History) {
	a.slots = h.Slots(a.row)
	for _, m := range a.metrics {
		h.Need(m, a.row)
	}
}

// Judge implements Rule. It looks once a row; between rows the verdict stays.
func (a *Anomaly) Judge(h *History) []Verdict {
	if h.Age()/uint64(a.slots) == a.at/uint64(a.slots) {
		return a.verdict
	}
	a.at = h.Age()
	values, ok := a.read(h)
	if !ok {
		// A group without a full row neither learns nor judges.
		a.high, a.verdict = 0, a.verdict[:0]
		return a.verdict
	}
	score, err := a.stream.Observe(a.x)
	if err != nil {
		return a.verdict[:0]
	}
	a.rows++
	bound := a.bound()
	a.note(score)
	if a.rows <= a.learn {
		for i, v := range values {
			a.usual[i].add(v)
		}
		return nil
	}
	a.count(score > bound)
	v := Verdict{Level: OK, Severity: alert.Warning, Metric: "anomaly_score", Unit: "None", Value: score}
	switch {
	case a.on:
		v.Level = Breach
		v.Threshold = new(alert.Number)
		*v.Threshold = alert.Number(bound)
		v.Causes = a.causes(values)
		v.Summary = a.summary(v.Causes, score)
	case score > bound:
		v.Level = Suspect
	}
	if !a.on && a.high == 0 {
		for i, x := range values {
			a.usual[i].add(x)
		}
	}
	a.verdict = append(a.verdict[:0], v)
	return a.verdict
}

// count moves the rows in a row on either side of the bound.
func (a *Anomaly) count(beyond bool) {
	if beyond {
		a.high, a.well = a.high+1, 0
	} else {
		a.high, a.well = 0, a.well+1
	}
	a.on = a.high >= rowsToFire || a.on && a.well < rowsToClear
}

// read fills the row: each series as log(1+v), and the difference of each pair
// of those, which is the logarithm of their ratio. A metric with several
// targets counts as their sum.
func (a *Anomaly) read(h *History) ([]float64, bool) {
	values := make([]float64, len(a.metrics))
	for i, m := range a.metrics {
		found := false
		for _, s := range h.Of(m) {
			a.buf = h.Window(s, 0, a.slots, a.buf[:0])
			if len(a.buf) > 0 {
				values[i] += stat.Mean(a.buf, nil)
				found = true
			}
			if s.Target == "" {
				break // the host's own series
			}
		}
		if !found {
			return nil, false
		}
		a.x[i] = math.Log1p(math.Max(0, values[i]))
	}
	k := len(a.metrics)
	for i := range a.metrics {
		for j := i + 1; j < len(a.metrics); j++ {
			a.x[k] = a.x[i] - a.x[j]
			k++
		}
	}
	return values, true
}

func (a *Anomaly) note(score float64) {
	if len(a.scores) < scoreRing {
		a.scores = append(a.scores, score)
		return
	}
	a.scores[a.rows%scoreRing] = score
}

// bound is what a score must exceed. The newest rows are left out, so that an
// anomaly does not raise the bar for itself.
func (a *Anomaly) bound() float64 {
	if len(a.scores) < 50 {
		return 1
	}
	a.buf = append(a.buf[:0], a.scores...)
	if n := len(a.scores); n < scoreRing {
		a.buf = a.buf[:n-rowsToFire]
	}
	slices.Sort(a.buf)
	return math.Max(leastScore, stat.Quantile(0.999, stat.LinInterp, a.buf, nil)+scoreMargin)
}

// causes names up to three series by their share of the score: that of the
// series itself and half of each relation it is in.
func (a *Anomaly) causes(values []float64) []alert.Cause {
	a.share = a.stream.Contributions(a.share[:0], a.x)
	shares := make([]float64, len(values))
	copy(shares, a.share)
	k := len(values)
	for i := range values {
		for j := i + 1; j < len(values); j++ {
			shares[i] += a.share[k] / 2
			shares[j] += a.share[k] / 2
			k++
		}
	}
	order := make([]int, len(values))
	total := 0.0
	for i := range order {
		order[i] = i
		shares[i] = math.Max(0, shares[i])
		total += shares[i]
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case shares[i] > shares[j]:
			return -1
		case shares[i] < shares[j]:
			return 1
		}
		return 0
	})
	var out []alert.Cause
	for _, i := range order[:min(3, len(order))] {
		c := alert.Cause{Metric: a.metrics[i], Value: alert.Number(values[i]), Usual: a.usual[i].rng()}
		if total > 0 {
			c.Share = alert.Number(shares[i] / total)
		}
		out = append(out, c)
	}
	return out
}

func (a *Anomaly) summary(causes []alert.Cause, score float64) string {
	var parts []string
	for _, c := range causes {
		part := c.Metric + " " + human.Number(float64(c.Value))
		if c.Usual != nil {
			part += ", usually " + human.Number(float64(c.Usual.Low)) + "–" + human.Number(float64(c.Usual.High))
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("unusual together (score %s): %s", human.Number(score), strings.Join(parts, "; "))
}

// state says how far learning is, for status.
func (a *Anomaly) state(h *History) string {
	if a.rows <= a.learn {
		done := time.Duration(a.rows) * a.row
		return fmt.Sprintf("learning %d/%d min", int(done.Minutes()), int((time.Duration(a.learn) * a.row).Minutes()))
	}
	return "ready"
}

// band keeps the newest usual values of a series.
type band struct {
	v    [512]float64
	n    uint64
	sort []float64
}

func (b *band) add(v float64) {
	b.v[b.n%uint64(len(b.v))] = v
	b.n++
}

// rng is the range of the middle 98 % of them; nil with fewer than 50.
func (b *band) rng() *alert.Range {
	n := min(b.n, uint64(len(b.v)))
	if n < 50 {
		return nil
	}
	b.sort = append(b.sort[:0], b.v[:n]...)
	slices.Sort(b.sort)
	return &alert.Range{Low: alert.Number(stat.Quantile(0.01, stat.LinInterp, b.sort, nil)), High: alert.Number(stat.Quantile(0.99, stat.LinInterp, b.sort, nil))}
}
