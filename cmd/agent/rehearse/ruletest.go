package rehearse

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// Bounds of a file of tests.
const (
	maxTestFile = 4 << 20
	maxValues   = 1_000_000 // of one series
)

// Test is one [[test]]: series of values, and the incidents that the rules must
// make of them, no more and no fewer.
type Test struct {
	Name      string         `toml:"name"`
	Interval  conf.Duration  `toml:"interval"` // of the ticks, and between two values; default 1s
	Rules     []string       `toml:"rules"`    // only these are in force; default all
	Series    []TestSeries   `toml:"series"`
	Incidents []TestIncident `toml:"incident"`
}

// TestSeries is what one series reads, a value for each tick, in the notation
// of promtool: "80 81 _" are values and a missing one, "80x3" is 80 four times,
// "80+2x3" is 80 82 84 86, "80-2x3" 80 78 76 74, and "_x3" three missing ones. A
// series that ends is missing from there on.
type TestSeries struct {
	Metric string `toml:"metric"`
	Target string `toml:"target"`
	Values string `toml:"values"`
}

// TestIncident is one that must come. Times are from the first tick.
type TestIncident struct {
	Rule     string         `toml:"rule"`
	Target   string         `toml:"target"`
	Severity alert.Severity `toml:"severity"` // the worst; "" = any
	Fires    conf.Duration  `toml:"fires"`
	Resolves conf.Duration  `toml:"resolves"` // 0 = it still fires at the end
}

// LoadTests reads a file of tests. Every fault of the file is in the error,
// with its place.
func LoadTests(path string) ([]Test, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rule tests: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxTestFile+1))
	if err != nil {
		return nil, fmt.Errorf("read rule tests: %w", err)
	}
	if len(b) > maxTestFile {
		return nil, fmt.Errorf("read rule tests: %s has more than %d bytes", path, maxTestFile)
	}
	return ParseTests(b, path)
}

// ParseTests is LoadTests of what is in memory; name stands for the file.
func ParseTests(b []byte, name string) ([]Test, error) {
	var file struct {
		Test []Test `toml:"test"`
	}
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		var strict *toml.StrictMissingError
		var syntax *toml.DecodeError
		switch {
		case errors.As(err, &strict):
			return nil, fmt.Errorf("read rule tests %s: unknown keys\n%s", name, strict.String())
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("read rule tests %s: %w\n%s", name, err, syntax.String())
		}
		return nil, fmt.Errorf("read rule tests %s: %w", name, err)
	}
	if len(file.Test) == 0 {
		return nil, fmt.Errorf("read rule tests %s: it holds no [[test]]", name)
	}
	var errs []error
	for i := range file.Test {
		t := &file.Test[i]
		if t.Name == "" {
			t.Name = fmt.Sprintf("test %d", i+1)
		}
		t.Interval = cmp.Or(t.Interval, conf.Duration(time.Second))
		if t.Interval.D() < 100*time.Millisecond {
			errs = append(errs, fmt.Errorf("%s: %q: interval %s is below 100ms", name, t.Name, t.Interval))
		}
		for _, s := range t.Series {
			if _, err := values(s.Values); err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: series %s: %w", name, t.Name, s.Metric, err))
			}
		}
	}
	return file.Test, errors.Join(errs...)
}

var item = regexp.MustCompile(`^(_|-?[0-9.]+(?:e[+-]?[0-9]+)?)(?:([+-][0-9.]+(?:e[+-]?[0-9]+)?))?(?:x([0-9]+))?$`)

// values reads the notation of TestSeries; NaN is missing.
func values(text string) ([]float64, error) {
	var out []float64
	for _, word := range strings.Fields(text) {
		m := item.FindStringSubmatch(word)
		if m == nil || m[1] == "_" && m[2] != "" || m[2] != "" && m[3] == "" {
			return nil, fmt.Errorf("%q is not of the form 80, 80x3, 80+2x3, _ or _x3", word)
		}
		n := 0
		if m[3] != "" {
			var err error
			if n, err = strconv.Atoi(m[3]); err != nil || n > maxValues {
				return nil, fmt.Errorf("%q: at most %d values", word, maxValues)
			}
		}
		v, step := math.NaN(), 0.0
		if m[1] == "_" {
			n = max(0, n-1) // as promtool: _x3 is three, 1x3 is four
		} else if err := number64(m[1], &v); err != nil {
			return nil, err
		}
		if m[2] != "" {
			if err := number64(m[2], &step); err != nil {
				return nil, err
			}
		}
		if len(out)+n+1 > maxValues {
			return nil, fmt.Errorf("more than %d values", maxValues)
		}
		for i := range n + 1 {
			out = append(out, v+float64(i)*step)
		}
	}
	return out, nil
}

func number64(text string, v *float64) (err error) {
	if *v, err = strconv.ParseFloat(text, 64); err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	return nil
}

// Run shows the series to the rules and returns what is not as expected, a line
// each; none means that the test passed.
func (t Test) Run(rules []detect.RuleConfig, metrics []collect.Metric) []string {
	var wrong []string
	known := func(name string) bool {
		return slices.ContainsFunc(rules, func(r detect.RuleConfig) bool { return r.Name == name })
	}
	for _, name := range t.Rules {
		if !known(name) {
			wrong = append(wrong, fmt.Sprintf("there is no rule %q", name))
		}
	}
	for _, s := range t.Series {
		if !slices.ContainsFunc(metrics, func(m collect.Metric) bool { return m.Name == s.Metric }) {
			wrong = append(wrong, fmt.Sprintf("there is no metric %q; docs/metrics.md lists them", s.Metric))
		}
	}
	if len(t.Rules) > 0 {
		rules = slices.DeleteFunc(slices.Clone(rules), func(r detect.RuleConfig) bool { return !slices.Contains(t.Rules, r.Name) })
	}
	made, err := detect.Rules(rules)
	if err != nil {
		return append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return wrong
	}
	return t.compare(t.play(made, metrics))
}

// epoch is when the first tick is; any time would do.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// play returns the incidents that come.
func (t Test) play(rules []detect.Rule, metrics []collect.Metric) []TestIncident {
	p := &pass{open: map[series]int{}}
	d := detect.New(rules, detect.Options{Interval: t.Interval.D(), Metrics: metrics, Apart: true})
	columns, ticks := make([][]float64, len(t.Series)), 0
	for i, s := range t.Series {
		columns[i], _ = values(s.Values) // ParseTests has looked
		ticks = max(ticks, len(columns[i]))
	}
	for n := range ticks {
		f := collect.Frame{Time: epoch.Add(time.Duration(n) * t.Interval.D())}
		if n > 0 {
			f.Elapsed = t.Interval.D()
		}
		for i, s := range t.Series {
			if n < len(columns[i]) && !math.IsNaN(columns[i][n]) {
				f.Samples = append(f.Samples, collect.Sample{Metric: s.Metric, Target: s.Target, Value: collect.Round(columns[i][n])})
			}
		}
		p.take(d.Observe(f), false)
	}
	var out []TestIncident
	for _, f := range p.result.Fired {
		x := TestIncident{Rule: f.Rule, Target: f.Target, Severity: f.Severity, Fires: conf.Duration(f.FiredAt.Sub(epoch))}
		if !f.ResolvedAt.IsZero() {
			x.Resolves = conf.Duration(f.ResolvedAt.Sub(epoch))
		}
		out = append(out, x)
	}
	return out
}

// compare matches what came with what must come.
func (t Test) compare(got []TestIncident) []string {
	var wrong []string
	for _, want := range t.Incidents {
		same := func(g TestIncident) bool { return g.Rule == want.Rule && g.Target == want.Target }
		i := slices.IndexFunc(got, func(g TestIncident) bool {
			return same(g) && g.Fires == want.Fires && g.Resolves == want.Resolves && (want.Severity == "" || g.Severity == want.Severity)
		})
		if i < 0 {
			i = slices.IndexFunc(got, same)
		}
		switch {
		case i < 0:
			wrong = append(wrong, "missing: "+want.String())
			continue
		case got[i].Fires != want.Fires || got[i].Resolves != want.Resolves || want.Severity != "" && got[i].Severity != want.Severity:
			wrong = append(wrong, fmt.Sprintf("other: %s; expected %s", got[i], want))
		}
		got = slices.Delete(got, i, i+1)
	}
	for _, g := range got {
		wrong = append(wrong, "unexpected: "+g.String())
	}
	return wrong
}

// String is the incident as an inline table that a test can hold.
func (i TestIncident) String() string {
	s := fmt.Sprintf("{ rule = %q, target = %q, severity = %q, fires = %q", i.Rule, i.Target, i.Severity, i.Fires)
	if i.Resolves > 0 {
		s += fmt.Sprintf(", resolves = %q", i.Resolves)
	}
	return s + " }"
}
