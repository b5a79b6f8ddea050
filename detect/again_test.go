package detect

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
)

// flapping is a host on which what was named came and went so often that it must
// be well for 320 s to count as resolved.
func flapping(t *testing.T, more ...Rule) *host {
	t.Helper()
	h := newHost(t, more...)
	for _, s := range []string{"disk", "memory", "latency", "anomaly-disk"} {
		for _, target := range []string{"", "db", "web"} {
			h.d.flaps[key{s, target}] = flap{Times: flapMost}
		}
	}
	return h
}

func (h *host) says(what string, got []alert.Alert, begins string) {
	h.t.Helper()
	if len(got) != 1 || !strings.HasPrefix(got[0].Summary, begins) {
		h.t.Errorf("%s: not one message that begins with %q: %+v", what, begins, got)
	}
}

// TestThereAgain: what was well for over a minute, but not for long enough to
// resolve, is told of when it comes back, with its values of now; the next time
// not before twice the wait, and then too if it is still there.
func TestThereAgain(t *testing.T) {
	t.Parallel()
	h := flapping(t)
	stamp := func() string { return h.now.Add(time.Second).UTC().Format("15:04") }
	want(t, "first", h.play(30, "disk"), "firing warning disk")
	want(t, "well", h.play(100), "")
	since := stamp()
	got := h.play(1, "disk")
	want(t, "back", got, "update warning disk")
	h.says("back", got, "again since "+since+" UTC: disk: diskio_await 100")
	want(t, "once", h.play(30, "disk"), "")
	want(t, "well", h.play(90), "")
	since = stamp()
	want(t, "it was told of two minutes ago", h.play(119, "disk"), "")
	h.says("after four it is", h.play(1, "disk"), "again since "+since+" UTC: ")
	got = h.play(400)
	want(t, "the end", got, "resolved warning disk")
	if len(got) == 1 && (!strings.Contains(got[0].Summary, ", worst 100 ms: disk: ") || !strings.HasPrefix(got[0].Summary, "resolved after 11 min ")) {
		t.Error(got[0].Summary)
	}
	h.d.flaps[key{"disk", ""}] = flap{Times: flapMost, At: h.d.clock}
	h.says("another time it is new", h.play(1, "disk"), "disk: diskio_await")
	h.play(130, "disk")
	h.play(70)
	h.says("and its wait begins anew", h.play(1, "disk"), "again since")
}

// TestNotAgain: what was never well for a minute is not there again, nor what looked
// bad for a moment.
func TestNotAgain(t *testing.T) {
	t.Parallel()
	h := flapping(t)
	h.play(200, "disk")
	h.play(59)
	want(t, "well for 59 s", h.play(300, "disk"), "")
	h = flapping(t)
	h.d.SetRules([]Rule{must(NewThreshold(RuleConfig{Name: "disk", Metric: "diskio_await", Target: "*", Statistic: "last", Period: seconds(1), EvaluationPeriods: 5, Comparison: ">", Threshold: level(80)}))})
	want(t, "for five seconds", h.play(200, "disk"), "firing warning disk")
	h.play(100)
	want(t, "for four", h.play(4, "disk"), "")
	h.play(20)
	since := h.now.Add(time.Second).UTC().Format("15:04:05")
	want(t, "for four of five", h.play(4, "disk"), "")
	h.says("for five, since the first "+since, h.play(1, "disk"), "again since "+since[:5])
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// TestComesAndGoesAllDay: what comes and goes each half minute is as many messages as
// if nobody told that it is there again, and each 90 s for six hours seven more.
func TestComesAndGoesAllDay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ half, hours, messages, again int }{{30, 1, 7, 0}, {90, 6, 9 + 7, 7}} {
		h := newHost(t)
		var out []alert.Alert
		for range c.hours * 3600 / 2 / c.half {
			out = append(out, h.play(c.half, "disk")...)
			out = append(out, h.play(c.half)...)
		}
		again := 0
		for _, a := range out {
			if a.Phase == alert.PhaseUpdate && strings.HasPrefix(a.Summary, alert.AgainSince) {
				again++
			}
		}
		if again != c.again || len(out) != c.messages {
			t.Errorf("%d s: %d messages, %d of them that it is there again:\n%s", c.half, len(out), again, brief(out))
		}
	}
}

// TestThereAgainAmongOthers: it is named first of those beside the cause; many of one
// rule that come back within half a minute are two messages and not one each.
func TestThereAgainAmongOthers(t *testing.T) {
	t.Parallel()
	h := flapping(t)
	all := []string{"memory", "disk", "disk:db", "disk:web", "latency:db", "latency:web"}
	h.play(200, all...)
	h.play(90, "memory", "latency:db", "latency:web")
	got := h.play(1, "memory", "latency:db", "latency:web", "disk:db")
	h.says("one", got, "memory: ")
	if since := h.now.UTC().Format("15:04"); len(got) == 1 && !strings.Contains(got[0].Summary, "; also disk on db again since "+since+" UTC, ") {
		t.Error(got[0].Summary)
	}
	if len(got) == 1 && !slices.ContainsFunc(got[0].Members, func(m alert.Member) bool {
		return m.Target == "db" && m.Rule == "disk" && strings.HasPrefix(m.Summary, "again since ")
	}) {
		t.Errorf("%+v", got[0].Members)
	}
	want(t, "the others wait", h.play(29, all...), "")
	got = h.play(1, all...)
	if len(got) != 1 || strings.Count(got[0].Summary, "again since ") != 3 {
		t.Errorf("%+v", got)
	}
	want(t, "told", h.play(60, all...), "")
	h = flapping(t)
	h.play(200, all...)
	h.play(90, "memory")
	if got = h.play(1, all...); len(got) != 1 || strings.Count(got[0].Summary, "again since ") != 3 || !strings.Contains(got[0].Summary, "2 more") {
		t.Errorf("all at once: %+v", got)
	}
}

// played is a rule without a threshold whose verdict is played.
type played struct{ v *Verdict }

func (played) Name() string               { return "anomaly-disk" }
func (p played) Judge(*History) []Verdict { return []Verdict{*p.v} }

// TestSameSeriesAgain: an anomaly that goes on with other series is not there again;
// with those of before it is, also where it was well and left its incident.
func TestSameSeriesAgain(t *testing.T) {
	t.Parallel()
	v := Verdict{Severity: alert.Warning, Metric: RankMetric, Subsystem: "disk", Value: 0.9, Level: OK}
	say := func(metric string, news bool) {
		v.Level, v.News, v.Summary, v.Causes = Breach, news, "unusual", []alert.Cause{{Metric: metric}}
	}
	h := newHost(t, played{&v})
	say("writes", false)
	h.says("writes", h.play(1, "disk"), "disk: ")
	say("reads", true)
	got := h.play(1, "disk")
	if len(got) != 1 || strings.Contains(got[0].Summary, "again") {
		t.Errorf("reads: %+v", got)
	}
	say("writes", true)
	if got = h.play(1, "disk"); len(got) != 1 || !strings.Contains(got[0].Summary, "anomaly-disk again since "+h.now.UTC().Format("15:04")+" UTC (writes") {
		t.Errorf("writes once more: %+v", got)
	}
	v.Level = OK
	h.play(60, "disk")
	say("writes", false)
	if got = h.play(1, "disk"); len(got) != 1 || !strings.Contains(got[0].Summary, "anomaly-disk again since") {
		t.Errorf("writes, after it was resolved: %+v", got)
	}
}

// TestThereAgainAfterRestart: stopped at any moment, with what it wrote, a detector
// tells the same as one that went on.
func TestThereAgainAfterRestart(t *testing.T) {
	t.Parallel()
	run := func(cut int) ([]alert.Alert, []byte) {
		h := flapping(t)
		var out []alert.Alert
		for i := range 1200 {
			if i == cut {
				state, err := h.d.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				next := newHost(t)
				if err := next.d.Restore(state); err != nil {
					t.Fatal(err)
				}
				h.d = next.d
			}
			if i%180 < 90 {
				out = append(out, h.play(1, "disk")...)
			} else {
				out = append(out, h.play(1)...)
			}
		}
		b, err := h.d.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return out, b
	}
	told, state := run(-1)
	if len(told) < 3 {
		t.Fatal(brief(told))
	}
	for _, cut := range []int{100, 185, 250, 365, 400, 700} {
		got, b := run(cut)
		if diff := cmp.Diff(told, got); diff != "" {
			t.Errorf("stopped at %d:\n%s", cut, diff)
		}
		if !bytes.Equal(b, state) {
			t.Errorf("stopped at %d it knows something else in the end", cut)
		}
	}
	old := []byte(`{"version":1,"clock":500000000000,"slot":500,"entries":[{"rule":"disk","phase":"clearing","began":1,"well":400000000000,"alert":{"schema":1,"severity":"warning"}}],"windows":[]}`)
	h := newHost(t)
	if err := h.d.Restore(old); err != nil {
		t.Error(err)
	}
	h.first = false
	want(t, "of an agent that did not know of it", h.play(1, "disk"), "update warning disk")
	if err := newHost(t).d.Restore(bytes.Replace(old, []byte(`"began"`), []byte(`"times":-1,"began"`), 1)); err == nil {
		t.Error("so often less than never: no error")
	}
}

// TestAgainWhileItLasts: once it is well, a message of something else does not say so;
// and it is said of an incident of a version that did not keep what was named.
func TestAgainWhileItLasts(t *testing.T) {
	t.Parallel()
	h := flapping(t)
	h.play(30, "disk")
	h.play(100)
	h.d.incidents[0].Named = nil
	h.says("back", h.play(20, "disk"), "again since")
	h.play(10)
	got := h.play(30, "memory")
	if len(got) != 1 || strings.Contains(got[0].Summary, "again since") || !strings.Contains(got[0].Summary, "disk: diskio_await 100") {
		t.Errorf("of memory, while the disk is well: %+v", got)
	}
}
