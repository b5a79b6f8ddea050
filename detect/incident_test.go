package detect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
)

// host is a detector with one rule for each of a few metrics of different
// subsystems, which fire at once above 80, and play for its frames.
type host struct {
	t     *testing.T
	d     *Detector
	now   time.Time
	first bool
}

var hostMetrics = []collect.Metric{
	{Name: "cpu_usage_active", Unit: "Percent", Subsystem: "cpu", Max: 100},
	{Name: "pressure_memory_some_avg10", Unit: "Percent", Subsystem: "memory", Max: 100},
	{Name: "diskio_await", Unit: "Milliseconds", Subsystem: "disk", Max: collect.Unbounded},
	{Name: "net_err_in", Unit: "Count/Second", Subsystem: "network", Max: collect.Unbounded},
	{Name: "probe_duration", Unit: "Milliseconds", Subsystem: "latency", Max: collect.Unbounded},
}

// oddity is a rule without a threshold: what it says is played.
type oddity struct {
	subsystem string
	on        *bool
}

func (o oddity) Name() string { return "anomaly-" + o.subsystem }
func (o oddity) Judge(*History) []Verdict {
	v := Verdict{Level: OK, Severity: alert.Warning, Metric: RankMetric, Subsystem: o.subsystem, Value: 0.9, Summary: "unusual",
		Causes: []alert.Cause{{Metric: "odd_" + o.subsystem, Target: "x", Unit: "None", Value: 7}}}
	if *o.on {
		v.Level = Breach
	}
	return []Verdict{v}
}

func newHost(t *testing.T, more ...Rule) *host {
	t.Helper()
	var configs []RuleConfig
	for _, m := range hostMetrics {
		c := RuleConfig{Name: m.Subsystem, Metric: m.Name, Target: "*", Statistic: "last", Period: seconds(1), Comparison: ">", Threshold: level(80)}
		if m.Subsystem == "latency" {
			c.Severity = alert.Critical
		}
		configs = append(configs, c)
	}
	rules, err := Rules(configs)
	if err != nil {
		t.Fatal(err)
	}
	return &host{t, New(append(rules, more...), Options{Metrics: hostMetrics}), time.Unix(1_790_000_000, 0), true}
}

// play is n seconds with the named subsystems ("latency:db" for a target) ill.
func (h *host) play(n int, ill ...string) []alert.Alert {
	var out []alert.Alert
	for range n {
		h.now = h.now.Add(time.Second)
		f := collect.Frame{Time: h.now, Elapsed: time.Second}
		if h.first {
			f.Elapsed, h.first = 0, false
		}
		for _, m := range hostMetrics {
			for _, target := range []string{"", "db", "web"} {
				id, v := strings.TrimSuffix(m.Subsystem+":"+target, ":"), 10.0
				if slices.Contains(ill, id) {
					v = 100
				}
				f.Samples = append(f.Samples, collect.Sample{Metric: m.Name, Target: target, Value: v})
			}
		}
		out = append(out, h.d.Observe(f)...)
	}
	return out
}

// brief is a line for each alert: phase, severity, rule, and the members that
// fire, the first one first.
func brief(alerts []alert.Alert) string {
	var out []string
	for _, a := range alerts {
		s := a.Phase + " " + string(a.Severity) + " " + a.Rule
		if len(a.Members) > 0 {
			var members []string
			for _, m := range a.Members {
				if m.State == alert.Firing {
					members = append(members, name(m.Rule, m.Target))
				}
			}
			s += " [" + strings.Join(members, ", ") + "]"
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func want(t *testing.T, what string, got []alert.Alert, want string) {
	t.Helper()
	if diff := cmp.Diff(want, brief(got)); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// TestDeadInterfaceExplainsProbes: the probes fail first, the interface is seen
// a little later and is named first; the probes behind it are members of its
// incident, told in one update and not each by itself, and nothing is lost.
func TestDeadInterfaceExplainsProbes(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	want(t, "first", h.play(3, "latency:db"), "firing critical latency")
	want(t, "the cause is told at once", h.play(3, "latency:db", "network"), "update critical latency [network, latency on db]")
	want(t, "one more probe waits", h.play(27, "latency:db", "latency:web", "network"), "")
	got := h.play(1, "latency:db", "latency:web", "network")
	want(t, "and is told with the rest", got, "update critical latency [network, latency on db, latency on web]")
	if len(got) == 1 && (!strings.HasPrefix(got[0].Summary, "network: net_err_in 100") || !strings.Contains(got[0].Summary, "also latency on web, latency on db") || got[0].Metric != "net_err_in" || len(got[0].Causes) < 3) {
		t.Errorf("%+v", got[0])
	}
	want(t, "well", h.play(5), "")
	want(t, "resolved as one", h.play(1), "resolved critical latency []")
	if len(h.d.entries)+len(h.d.incidents) != 0 {
		t.Error("not forgotten")
	}
}

// TestNewsDoesNotWait: in an incident that was told so often that members which
// come and go wait for minutes, one by a rule that is new to it is told at once,
// and a further critical one within half a minute.
func TestNewsDoesNotWait(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.play(3, "latency:db")
	for range 3 {
		h.play(150, "latency:db", "cpu")
		h.play(150, "latency:db")
	}
	want(t, "what comes again waits", h.play(40, "latency:db", "cpu"), "")
	want(t, "a rule that is new", h.play(2, "latency:db", "cpu", "disk"), "update critical latency [latency on db, disk, cpu]")
	want(t, "a further critical one", h.play(28, "latency:db", "cpu", "disk", "latency:web"), "")
	want(t, "after half a minute", h.play(2, "latency:db", "cpu", "disk", "latency:web"), "update critical latency [latency on db, disk, cpu, latency on web]")
	h.play(400, "latency:db", "disk", "latency:web")
	want(t, "what was well for five minutes", h.play(2, "latency:db", "cpu", "disk", "latency:web"), "update critical latency [latency on db, disk, latency on web, cpu]")
	want(t, "a warning of a known rule waits", h.play(60, "latency:db", "cpu", "disk", "latency:web", "disk:db"), "")
}

// TestTogetherInTimeAndSubsystem: what has nothing to do with each other, or
// comes an hour later, is an incident of its own.
func TestTogetherInTimeAndSubsystem(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	want(t, "network and disk", h.play(1, "network", "disk"), "firing warning disk\nfiring warning network")
	h = newHost(t)
	want(t, "memory and disk", h.play(1, "memory", "disk"), "firing warning memory [memory, disk]")
	h = newHost(t)
	h.play(3600, "disk")
	want(t, "an hour later", h.play(1, "disk", "latency"), "firing critical latency")
	want(t, "both end", h.play(10), "resolved warning disk\nresolved critical latency")
}

// TestFlappingCollapses: trouble that comes and goes every 20 s for an hour is
// a few incidents, the last of them long, and ends.
func TestFlappingCollapses(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var out []alert.Alert
	for range 180 {
		out = append(out, h.play(10, "disk")...)
		out = append(out, h.play(10)...)
	}
	fired := 0
	for _, a := range out {
		if a.Phase == alert.PhaseFiring {
			fired++
		}
	}
	if fired != 3 || len(out) > 8 {
		t.Errorf("%d incidents, %d messages:\n%s", fired, len(out), brief(out))
	}
	want(t, "it ends", h.play(330), "resolved warning disk")
}

// TestAnomalyAlone is a warning; with a symptom or a second odd subsystem it is
// a page, and says why.
func TestAnomalyAlone(t *testing.T) {
	t.Parallel()
	var cpu, disk bool
	fresh := func() *host {
		cpu, disk = false, false
		return newHost(t, oddity{"cpu", &cpu}, oddity{"disk", &disk})
	}
	h := fresh()
	cpu = true
	want(t, "alone", h.play(60), "firing warning anomaly-cpu")
	disk = true
	got := h.play(1)
	want(t, "a second subsystem", got, "update critical anomaly-cpu [anomaly-disk, anomaly-cpu]")
	if len(got) == 1 && !strings.Contains(got[0].Summary, "a page because cpu and disk are unusual at once") && !strings.Contains(got[0].Summary, "a page because disk and cpu are unusual at once") {
		t.Error(got[0].Summary)
	}
	if len(got) == 1 && !strings.Contains(got[0].Summary, "also anomaly-cpu (odd_cpu on x 7)") {
		t.Errorf("it does not say what drove the anomaly on cpu: %s", got[0].Summary)
	}
	h = fresh()
	disk = true
	want(t, "with a level of its own", h.play(1, "disk"), "firing warning disk [disk, anomaly-disk]")
	got = h.play(1, "disk", "memory")
	want(t, "with a symptom", got, "update critical disk [memory, disk, anomaly-disk]")
	disk = false
	got = h.play(120, "disk")
	want(t, "as bad as it was until it is over", got, "update critical disk [disk]")
	if len(got) == 1 && !strings.HasSuffix(got[0].Summary, "; made a page when it is unusual and memory shows that it hurts") {
		t.Error(got[0].Summary)
	}
	h = newHost(t)
	want(t, "a page by itself", h.play(60, "disk", "latency"), "firing critical disk [disk, latency]")
	if got = h.play(120, "disk"); len(got) != 1 || !strings.HasSuffix(got[0].Summary, "; made a page when latency fired") {
		t.Errorf("%+v", got)
	}
}

// TestFlapsOfAnother: an anomaly that comes back all the time is not told of each time,
// but at once where another series drives it.
func TestFlapsOfAnother(t *testing.T) {
	t.Parallel()
	odd, drives := false, "a"
	h := newHost(t, driven{&odd, &drives})
	h.play(1, "disk")
	turn := func(by string) []alert.Alert {
		odd, drives = true, by
		out := h.play(1, "disk")
		odd = false
		h.play(330, "disk")
		return out
	}
	for range flapsOften + 1 {
		turn("a")
		h.d.flaps[key{"odd", ""}] = flap{Times: flapsOften, At: h.d.clock}
	}
	want(t, "the same", turn("a"), "")
	h.d.flaps[key{"odd", ""}] = flap{Times: flapsOften, At: h.d.clock}
	h.d.incidents[0].Told, h.d.incidents[0].Updates = h.d.clock, 9
	if got := turn("b"); len(got) != 1 || !strings.Contains(got[0].Summary, "odd (b 7)") {
		t.Errorf("another: %+v", got)
	}
}

// driven is an anomaly on disk, and the series that drives it.
type driven struct {
	on *bool
	by *string
}

func (o driven) Name() string { return "odd" }
func (o driven) Judge(*History) []Verdict {
	v := Verdict{Level: OK, Severity: alert.Warning, Metric: RankMetric, Subsystem: "disk", Value: 0.9, Summary: "unusual", Causes: []alert.Cause{{Metric: *o.by, Unit: "None", Value: 7}}}
	if *o.on {
		v.Level = Breach
	}
	return []Verdict{v}
}

// TestGroupedRestart: killed at any second, with and without its state, a
// detector goes on with the incidents that the outbox accepted: nothing is
// raised twice, the members are known, and the end is told once.
func TestGroupedRestart(t *testing.T) {
	t.Parallel()
	for cut := 1; cut < 60; cut += 7 {
		for _, lost := range []bool{false, true} {
			h := newHost(t)
			var told []alert.Alert
			told = append(told, h.play(min(cut, 4), "latency:db")...)
			if cut > 4 {
				told = append(told, h.play(cut-4, "latency:db", "latency:web", "network")...)
			}
			state, err := h.d.State()
			if err != nil {
				t.Fatal(err)
			}
			next := newHost(t)
			next.now = h.now.Add(3 * time.Second)
			if !lost {
				if err := next.d.Restore(state); err != nil {
					t.Fatal(err)
				}
			}
			out := next.d.Adopt(told[len(told)-1:], next.now)
			out = append(out, next.play(100, "latency:db", "latency:web", "network")...)
			out = append(out, next.play(10)...)
			where := fmt.Sprintf("cut at %d, state lost %v: %s", cut, lost, brief(out))
			for i, a := range out {
				if a.Phase == alert.PhaseFiring || a.Rule != "latency" || a.Target != "db" || (a.Phase == alert.PhaseResolved) != (i == len(out)-1) {
					t.Errorf("alert %d, %s", i, where)
				}
			}
			if n := len(out); n == 0 || len(out[n-1].Members) != 3 {
				t.Errorf("not three members in the end, %s", where)
			}
		}
	}
}

// TestUpdateThatWasNotAccepted: a member that joined just before the kill is
// told again after it.
func TestUpdateThatWasNotAccepted(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	accepted := h.play(3, "latency:db")
	if got := h.play(1, "latency:db", "network"); len(got) != 1 {
		t.Fatal(brief(got))
	}
	state, _ := h.d.State()
	next := newHost(t)
	next.now = h.now
	if err := next.d.Restore(state); err != nil {
		t.Fatal(err)
	}
	out := append(next.d.Adopt(accepted, next.now), next.play(31, "latency:db", "network")...)
	want(t, "after the restart", out, "update critical latency [network, latency on db]")
}

// TestExplains: an alert says what its series usually are and names those
// beside it that are unusual, but not series that have nothing to do with it.
func TestExplains(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.play(400)
	got := h.play(1, "latency:db", "memory", "disk:web")
	if len(got) != 1 {
		t.Fatal(brief(got))
	}
	a := got[0]
	if !strings.Contains(a.Summary, ", usually 10 % to 10 %") || a.Usual == nil || float64(a.Usual.High) != 10 {
		t.Errorf("%q, usual %v", a.Summary, a.Usual)
	}
	h = newHost(t)
	h.play(400)
	// A probe is slow and a disk is, but not so slow that its own rule fires.
	f := collect.Frame{Time: h.now.Add(time.Second), Elapsed: time.Second, Samples: []collect.Sample{
		{Metric: "diskio_await", Target: "db", Value: 70}, {Metric: "net_err_in", Target: "db", Value: 10.1}, {Metric: "probe_duration", Target: "db", Value: 500}}}
	got = h.d.Observe(f)
	if len(got) != 1 || !strings.Contains(got[0].Summary, "; with diskio_await on db 70 ms, usually 10 ms to 10 ms") || strings.Contains(got[0].Summary, "net_err_in") {
		t.Errorf("%v", got)
	}
	if len(got) == 1 && (len(got[0].Causes) != 2 || got[0].Causes[1].Metric != "diskio_await" || got[0].Causes[0].Usual == nil) {
		b, _ := json.Marshal(got[0].Causes)
		t.Errorf("%s", b)
	}
}

// TestDependenciesHaveNoCycle, so that there is always a first cause.
func TestDependenciesHaveNoCycle(t *testing.T) {
	t.Parallel()
	for _, d := range Dependencies() {
		for _, e := range d.Effects {
			if e == d.Cause || makes(e, d.Cause) {
				t.Errorf("%s and %s make each other", d.Cause, e)
			}
			for _, further := range Dependencies() {
				if further.Cause == e {
					for _, f := range further.Effects {
						if !makes(d.Cause, f) {
							t.Errorf("%s makes %s, which makes %s, but not the first the last", d.Cause, e, f)
						}
					}
				}
			}
		}
	}
}

// TestNormsAgeAndStay: the sample is of all that was, is the same in each
// replay, and survives a snapshot.
func TestNormsAgeAndStay(t *testing.T) {
	t.Parallel()
	run := func(stop int) []savedNorm {
		n := newNorms()
		n.use(nil)
		for i := range 5000 {
			f := collect.Frame{Samples: []collect.Sample{{Metric: "diskio_await", Target: "a", Value: float64(i % 1000)}, {Metric: "fd_open", Value: 1}}}
			n.observe(time.Duration(i)*normEvery, &f, func(k key) bool { return k.metric == "fd_open" })
			if i == stop {
				kept := n.save()
				n = newNorms()
				n.use(nil)
				n.load(kept, 0)
			}
		}
		return n.save()
	}
	a := run(-1)
	if diff := cmp.Diff(a, run(2500)); diff != "" {
		t.Error(diff)
	}
	if len(a) != 3 || a[1].N != 5000 || len(a[1].Values) != 4*normSize || a[2].N != 0 {
		t.Errorf("%+v", a)
	}
	n := newNorms()
	n.load(a, 0)
	usual, middle := n.byKey[key{"diskio_await", "a"}].usual()
	if usual.Low > 100 || usual.High < 900 || middle < 350 || middle > 650 {
		t.Errorf("%v, middle %g", usual, middle)
	}
}

// TestNewestIsNamed: an update names the member that it is about, however many were
// told of before.
func TestNewestIsNamed(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	ill := []string{"memory", "latency", "latency:db", "latency:web"}
	h.play(120, ill...)
	got := h.play(120, append(ill, "disk:db")...)
	if len(got) != 1 || !strings.Contains(got[0].Summary, "also disk on db, ") || !strings.Contains(got[0].Summary, "1 more") {
		t.Errorf("%v", got)
	}
	h = newHost(t)
	h.play(60, "disk:db")
	if got = h.play(300, "disk:db", "memory:db"); len(got) != 1 || !strings.Contains(got[0].Summary, "also disk on db") {
		t.Fatalf("%v", got)
	}
	got = h.play(300, "disk:db", "memory:db", "disk", "disk:web", "memory", "memory:web")
	if len(got) == 0 || strings.Contains(got[0].Summary, "disk on db,") {
		t.Errorf("what was told of alone is named before what is new: %v", got)
	}
}
