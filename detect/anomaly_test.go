package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/forest"
)

// synthetic feeds an anomaly rule on three series, of which b is about 8 times
// a and c is on its own, one row a second.
type synthetic struct {
	t   *testing.T
	d   *Detector
	rng *rand.Rand
	now time.Time
}

func anomaly(t *testing.T, c AnomalyConfig) []Rule {
	t.Helper()
	rules, err := NewAnomaly(c)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func newSynthetic(t *testing.T, c AnomalyConfig) *synthetic {
	t.Helper()
	if c.Series == nil {
		c.Series = strings.Fields("a b c")
	}
	if c.Row == 0 {
		c.Row, c.Learn = seconds(1), seconds(300)
	}
	return &synthetic{t, New(anomaly(t, c), Options{}), rand.New(rand.NewPCG(7, 7)), time.Unix(1_790_000_000, 0)}
}

// run plays n seconds; change may alter a second's values.
func (s *synthetic) run(n int, change func(v map[string]float64)) []alert.Alert {
	var out []alert.Alert
	for range n {
		s.now = s.now.Add(time.Second)
		a := 10 * math.Exp(0.8*s.rng.NormFloat64())
		v := map[string]float64{"a": a, "b": 8 * a * math.Exp(0.05*s.rng.NormFloat64()), "c": 100 * math.Exp(0.3*s.rng.NormFloat64())}
		if change != nil {
			change(v)
		}
		f := collect.Frame{Time: s.now, Elapsed: time.Second}
		for _, m := range []string{"a", "b", "c", "down"} {
			if x, ok := v[m]; ok {
				f.Samples = append(f.Samples, collect.Sample{Metric: m, Value: collect.Round(x)})
			}
		}
		out = append(out, s.d.Observe(f)...)
	}
	return out
}

func (s *synthetic) state() string { return s.d.Status()[0].State }

// breakRelation makes b what a alone does not: 8 times the inverse of a.
func breakRelation(v map[string]float64) { v["a"], v["b"] = 30, 30 }

func TestAnomalyIsSilentWhileItLearns(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{Row: seconds(10), Learn: seconds(3600)})
	wild := func(v map[string]float64) { v["a"] *= math.Exp(9 * s.rng.NormFloat64()) }
	if out := s.run(725, wild); len(out) > 0 || s.state() != "learning 12/60 min" {
		t.Errorf("%s, %v", s.state(), out)
	}
	if out := s.run(2875, wild); len(out) > 0 || s.state() != "learning 60/60 min" {
		t.Errorf("%s, %v", s.state(), out)
	}
	s.run(15, nil)
	if s.state() != "ready" {
		t.Error(s.state())
	}
}

// TestAnomalyFindsABrokenRelation: a false alarm in 10 000 quiet rows would be
// more than the budget; each series keeps to its range in the broken ones.
func TestAnomalyFindsABrokenRelation(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{})
	if out := s.run(10_000, nil); len(out) > 0 {
		t.Fatalf("false alarm: %s", out[0].Summary)
	}
	out := s.run(60, breakRelation)
	if len(out) != 1 || out[0].State != alert.Firing || out[0].Severity != alert.Warning {
		t.Fatalf("%v", out)
	}
	if got := out[0].Causes[0].Metric + out[0].Causes[1].Metric; got != "ab" && got != "ba" {
		t.Errorf("causes %+v", out[0].Causes)
	}
	if !strings.Contains(out[0].Summary, "b per a 1") {
		t.Error(out[0].Summary)
	}
	out = s.run(60, nil)
	if len(out) != 1 || out[0].State != alert.Resolved || !strings.Contains(out[0].Summary, "resolved after 1 min") {
		t.Errorf("%v", out)
	}
}

// TestIdleIsNoAnomaly: less of everything than ever before.
func TestIdleIsNoAnomaly(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{})
	s.run(1000, nil)
	if out := s.run(600, func(v map[string]float64) { v["a"], v["b"], v["c"] = 0, 0, 1 }); len(out) > 0 {
		t.Errorf("%s", out[0].Summary)
	}
}

// TestAnomalyWithMissingSeries: one that the host lacks is left out; with fewer
// than two there is nothing to judge, and that is said.
func TestAnomalyWithMissingSeries(t *testing.T) {
	t.Parallel()
	without := func(names ...string) func(map[string]float64) {
		return func(v map[string]float64) {
			for _, n := range names {
				delete(v, n)
			}
		}
	}
	s := newSynthetic(t, AnomalyConfig{})
	s.run(1000, without("c"))
	if s.state() != "ready" {
		t.Error(s.state())
	}
	out := s.run(60, func(v map[string]float64) { breakRelation(v); delete(v, "c") })
	if len(out) != 1 || slices.ContainsFunc(out[0].Causes, func(c alert.Cause) bool { return c.Metric == "c" }) {
		t.Errorf("%v", out)
	}
	s = newSynthetic(t, AnomalyConfig{})
	if out := s.run(1000, without("a", "b", "c")); len(out) > 0 || s.state() != "no data" {
		t.Errorf("%s, %v", s.state(), out)
	}
}

// TestReloadKeepsWhatWasLearnt, unless the rule changed.
func TestReloadKeepsWhatWasLearnt(t *testing.T) {
	t.Parallel()
	c := AnomalyConfig{Series: strings.Fields("a b c"), Row: seconds(1), Learn: seconds(300)}
	s := newSynthetic(t, c)
	s.run(400, nil)
	for range 500 {
		s.d.SetRules(anomaly(t, c))
	}
	s.run(2, nil)
	if s.state() != "ready" {
		t.Error("the same rule learns anew:", s.state())
	}
	c.Seed = 2
	s.d.SetRules(anomaly(t, c))
	s.run(2, nil)
	if s.state() != "learning 0/5 min" {
		t.Error(s.state())
	}
}

// TestRestartWhileAnomalous: the rule learns anew, silently, and what fired ends
// once, and says why.
func TestRestartWhileAnomalous(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{})
	s.run(1000, nil)
	fired := s.run(30, breakRelation)
	state, err := s.d.State()
	if err != nil || len(fired) != 1 {
		t.Fatal(err, fired)
	}
	again := newSynthetic(t, AnomalyConfig{Series: strings.Fields("a b c"), Row: seconds(1), Learn: seconds(900)})
	again.now = s.now
	if err := again.d.Restore(state); err != nil {
		t.Fatal(err)
	}
	if out := again.d.Adopt(fired, s.now); len(out) > 0 {
		t.Fatal(out)
	}
	out := again.run(800, nil)
	if len(out) != 1 || out[0].State != alert.Resolved || !strings.Contains(out[0].Summary, "learns anew") {
		t.Errorf("%v", out)
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"1 per week": 1.0 / 604800, "2 per day": 2.0 / 86400, "0.5 per hour": 0.5 / 3600, "3 per month": 3.0 / 2592000} {
		if got, err := ParseBudget(text); err != nil || math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%q: %g, %v; want %g", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "per week", "-1 per week", "0 per week", "1 per year", "NaN per day", "1e9 per day", "1 in week"} {
		if faults := (AnomalyConfig{Budget: text}).Validate(nil); text != "" && len(faults) != 1 {
			t.Errorf("%q: %v", text, faults)
		}
	}
}

// TestNewNormal: after a day a new level is normal, which the end of the alert says.
func TestNewNormal(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{Row: seconds(60), Learn: seconds(7200)})
	shift := func(v map[string]float64) { v["c"] *= 1000 }
	s.run(8*3600, nil)
	fired := s.run(23*3600, shift)
	if len(fired) != 2 || s.state() != "firing" { // by value, and in relation
		t.Fatalf("%d alerts, %s after 23 h", len(fired), s.state())
	}
	over := s.run(10*3600, shift)
	for _, a := range over {
		if a.State != alert.Resolved || !strings.Contains(a.Summary, "for 24 h, and counts as normal from now on") {
			t.Errorf("%s: %s", a.State, a.Summary)
		}
	}
	if len(over) != len(fired) || s.state() == "firing" {
		t.Errorf("%d alerts, %s after 33 h", len(over), s.state())
	}
}

// TestFurtherSeriesIsNews: what has been out for long does not hide what goes wrong
// after it, which is told once, and named first.
func TestFurtherSeriesIsNews(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{Series: strings.Fields("a b c d e")}) // too many for a group
	shift := func(v map[string]float64) { v["c"] *= 1000 }
	also := func(v map[string]float64) { shift(v); v["b"] *= 3000 }
	s.run(2000, nil)
	if out := s.run(600, shift); len(out) != 1 || out[0].Causes[0].Metric != "c" {
		t.Fatalf("%d alerts: %v", len(out), out)
	}
	if x := s.d.Explain().Areas[0]; x.Rank != 0 || !x.Firing {
		t.Errorf("after ten minutes of it: rank %g, firing %v", x.Rank, x.Firing)
	}
	if score := s.d.Score(); score != 0.5 {
		t.Errorf("the score is %g while it fires, want that of the bound", score)
	}
	out := s.run(100, also)
	if len(out) != 1 || out[0].Phase != alert.PhaseUpdate || out[0].Causes[0].Metric != "b" || !strings.HasPrefix(out[0].Summary, "unusual for this host: b ") {
		t.Errorf("%d messages of what came later: %v", len(out), out)
	}
	if out := s.run(300, shift); len(out) != 0 || s.state() != "firing" {
		t.Errorf("%s, %d messages when that is over: %v", s.state(), len(out), out)
	}
	if out := s.run(60, nil); len(out) != 1 || out[0].State != alert.Resolved {
		t.Errorf("the end: %v", out)
	}
}

// TestOutAgain: a series that is out for long, was well for two rows and is out
// again is the same trouble; after a minute that was well it is a new one.
func TestOutAgain(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{Series: strings.Fields("a b c d e")})
	shift := func(v map[string]float64) { v["c"] *= 1000 }
	s.run(2000, nil)
	s.run(600, shift)
	out := append(s.run(2, nil), s.run(20, shift)...)
	if len(out) != 0 || s.state() != "firing" {
		t.Errorf("%s, %d messages after two rows that were well", s.state(), len(out))
	}
	if out := s.run(60, nil); len(out) != 1 || out[0].State != alert.Resolved {
		t.Errorf("the end: %v", out)
	}
	if out := s.run(20, shift); len(out) != 1 || out[0].Phase != alert.PhaseFiring {
		t.Errorf("after a minute that was well: %v", out)
	}
}

// TestHushed: of what has been out for long only that is hushed which was told of
// and for which its subsystem fires.
func TestHushed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		told, on bool
		want     float64
	}{{true, true, 0}, {true, false, highest}, {false, true, highest}} {
		a := anomaly(t, AnomalyConfig{})[0].(*Anomaly)
		a.rows = a.learn + 1
		w, err := newWatched(key{"m", ""}, collect.Metric{}, a.horizon())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 500 {
			_ = w.line.Insert(10 + float64(i%7))
		}
		w.x, w.told = 1e12, c.told
		w.past = slices.Repeat([]float64{highest}, a.rowsIn(newsAgain))
		a.series = []*watched{w}
		x := a.area("")
		x.on = c.on
		if a.scores(); x.last[byValue][0] != c.want {
			t.Errorf("told %v, fires %v: %g, want %g", c.told, c.on, x.last[byValue][0], c.want)
		}
	}
}

// withThreshold is a synthetic with a threshold beside, on a metric "down".
func withThreshold(t *testing.T) *synthetic {
	t.Helper()
	s := newSynthetic(t, AnomalyConfig{Series: strings.Fields("a b c d e")})
	levels, err := Rules([]RuleConfig{{Name: "down", Metric: "down", Statistic: "avg", Comparison: ">", Threshold: level(0), Period: seconds(1), EvaluationPeriods: 1, Severity: alert.Warning}})
	if err != nil {
		t.Fatal(err)
	}
	s.d = New(slices.Concat(levels, s.d.rules), Options{Apart: true})
	return s
}

// TestTroubleFromTheStart does not keep the rule from learning what there is.
func TestTroubleFromTheStart(t *testing.T) {
	t.Parallel()
	s := withThreshold(t)
	s.run(310, func(v map[string]float64) { v["down"] = 1 })
	if e := s.d.Explain(); e.State != "ready" || e.Series[0].Usual == nil {
		t.Errorf("%s, and of the first series is usual %v", e.State, e.Series[0].Usual)
	}
}

// TestTroubleIsNotLearnt: what a host is like while a threshold fires stays unusual.
func TestTroubleIsNotLearnt(t *testing.T) {
	t.Parallel()
	s := withThreshold(t)
	down := func(v map[string]float64) { v["down"] = 1; v["c"] *= 5 } // not far enough for an anomaly
	odd := func(v map[string]float64) { v["c"] *= 40 }
	s.run(2000, nil)
	s.run(1200, down)
	s.run(60, nil)
	out := s.run(20, odd)
	if len(out) != 1 || out[0].Rule != "anomaly" {
		t.Errorf("%v", out)
	}
}

// TestLongTroubleStaysTrouble: what is flagged becomes normal slowly.
func TestLongTroubleStaysTrouble(t *testing.T) {
	t.Parallel()
	s := newSynthetic(t, AnomalyConfig{})
	s.run(2000, nil)
	out := s.run(900, breakRelation)
	if len(out) != 1 || s.state() != "firing" {
		t.Errorf("%d alerts, %s after 900 rows", len(out), s.state())
	}
}

// TestDriversInOrder: what is news first, then what is out since lately, then what
// has been for long.
func TestDriversInOrder(t *testing.T) {
	t.Parallel()
	a := anomaly(t, AnomalyConfig{})[0].(*Anomaly)
	for _, s := range []struct {
		name     string
		w, fresh float64
		out      int
	}{{"long", 5, 0, -900}, {"news", 3, 3, rowsToFire}, {"lately", 4, 4, -3}} {
		w, err := newWatched(key{s.name, ""}, collect.Metric{}, a.horizon())
		if err != nil {
			t.Fatal(err)
		}
		w.w, w.fresh, w.out = s.w, s.fresh, s.out
		a.series = append(a.series, w)
	}
	for news, want := range map[bool]string{true: "news lately long", false: "lately news long"} {
		var got []string
		for _, c := range a.drivers(&area{news: news}) {
			got = append(got, c.Metric)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("news %v: %v, want %s", news, got, want)
		}
	}
}

// crowd feeds an anomaly rule on one metric with many targets.
type crowd struct {
	d   *Detector
	now time.Time
}

func newCrowd(t *testing.T, back time.Duration) *crowd {
	t.Helper()
	d := New(anomaly(t, AnomalyConfig{Series: []string{"m"}, Row: seconds(1), Learn: seconds(100)}), Options{})
	d.history.Need("m", back) // as a rule that looks so far back
	return &crowd{d, time.Unix(1_790_000_000, 0)}
}

// run plays n seconds with the targets, a letter each, and says which are watched
// and how many found no room.
func (c *crowd) run(n int, targets string) string {
	for range n {
		c.now = c.now.Add(time.Second)
		f := collect.Frame{Time: c.now, Elapsed: time.Second, Samples: []collect.Sample{{Metric: "other", Value: 1}}}
		for _, target := range targets {
			f.Samples = append(f.Samples, collect.Sample{Metric: "m", Target: string(target), Value: 1})
		}
		c.d.Observe(f)
	}
	var out []string
	e := c.d.Explain()
	for _, s := range e.Series {
		out = append(out, s.Target)
	}
	slices.Sort(out)
	return fmt.Sprint(strings.Join(out, ""), e.Left)
}

// TestRoomForWhatComes: a target that has been gone for five minutes gives its place
// to one that is there, where none is left; one that is there, or back, never does.
func TestRoomForWhatComes(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 30*time.Minute)
	for _, step := range []struct {
		seconds       int
		targets, want string
	}{
		{20, "abcdef", "abcdef0"},
		{200, "acdefg", "abcdef1"}, // b is gone for 200 s only
		{400, "acdefg", "acdefg0"},
		{700, "acdefgh", "acdefg1"}, // all six are there
		{350, "h", "acdefg1"},
		{30, "acdefgh", "acdefg1"}, // back at once
		{650, "defgh", "cdefgh0"},
		{900, "defghi", "defghi0"}, // not to the ghosts of a and c
	} {
		if got := c.run(step.seconds, step.targets); got != step.want {
			t.Errorf("%d s with %s: %s, want %s", step.seconds, step.targets, got, step.want)
		}
	}
	c = newCrowd(t, time.Second)
	c.run(1000, "abcdefgh")
	c.run(350, "")
	if got := c.run(3, "abcdefgh"); got != "abcdef2" {
		t.Errorf("all are back at once: %s, want abcdef2", got)
	}
}

// TestModelOfLeavesOfOneRow is read: of the version before.
func TestModelOfLeavesOfOneRow(t *testing.T) {
	t.Parallel()
	fresh := func() *Anomaly {
		a := anomaly(t, AnomalyConfig{Series: strings.Fields("a b c")})[0].(*Anomaly)
		New([]Rule{a}, Options{})
		return a
	}
	a := fresh()
	for _, g := range a.groups {
		o := g.host.forest.Options()
		o.Leaf = 1
		s, err := forest.NewStream(o)
		if err != nil {
			t.Fatal(err)
		}
		g.host.forest = s
	}
	if err := fresh().load(a.save()); err != nil || len(a.groups) == 0 {
		t.Errorf("%d groups, %v", len(a.groups), err)
	}
}
