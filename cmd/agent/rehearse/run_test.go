package rehearse

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

var start = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

// day makes n frames of a host, with CPU storms and a disk that fills, a reading
// missing now and then.
func day(n int) []collect.Frame {
	rng := rand.New(rand.NewPCG(7, 7))
	out := make([]collect.Frame, n)
	for i := range out {
		f := collect.Frame{Time: start.Add(time.Duration(i)*time.Second + time.Duration(rng.IntN(3e6)))}
		if i > 0 {
			f.Elapsed = f.Time.Sub(out[i-1].Time)
		}
		cpu := 20 + 10*rng.Float64()
		if i%1500 > 1200 {
			cpu = 97 + rng.Float64()
		}
		peak := rng.Float64()
		if i%1500 == 700 {
			peak = 500
		}
		add := func(metric, target string, v float64) {
			if rng.IntN(50) > 0 {
				f.Samples = append(f.Samples, collect.Sample{Metric: metric, Target: target, Value: collect.Round(v)})
			}
		}
		add("cpu_usage_active", "", cpu)
		add("cpu_usage_system", "", cpu/4)
		add("context_switches", "", 1000+200*rng.Float64())
		add("diskio_await", "vda", peak)
		add("disk_used_percent", "/", 50+float64(i%1500)/31)
		out[i] = f
	}
	return out
}

func level(v float64) *float64 { return &v }

func seconds(n int) conf.Duration { return conf.Duration(time.Duration(n) * time.Second) }

func tried() Rules {
	return Rules{Name: "test", Anomaly: detect.AnomalyConfig{Learn: conf.Duration(20 * time.Minute)}, Rules: []detect.RuleConfig{
		{Name: "busy", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(90), Period: seconds(60), EvaluationPeriods: 2, Severity: alert.Critical},
		{Name: "spike", Metric: "diskio_await", Target: "*", Statistic: "max", Comparison: ">", Threshold: level(400), Period: seconds(60)},
		{Name: "full", Metric: "disk_used_percent", Target: "*", Comparison: ">", Threshold: level(95), Clear: level(60), Period: seconds(10)},
	}}
}

// live is what an agent raises on these frames.
func live(t *testing.T, frames []collect.Frame, r Rules) []Fired {
	t.Helper()
	rules, err := detect.Rules(r.Rules)
	if err != nil {
		t.Fatal(err)
	}
	anomaly, err := detect.NewAnomaly(r.Anomaly)
	if err != nil {
		t.Fatal(err)
	}
	d := detect.New(slices.Concat(rules, anomaly), detect.Options{Interval: time.Second, Metrics: config.Metrics(), Apart: true})
	p := &pass{open: map[series]int{}}
	for _, f := range frames {
		p.take(d.Observe(f), false)
	}
	p.in.Since = start
	return p.done().Fired
}

func recorded(t *testing.T, frames []collect.Frame) Input {
	t.Helper()
	var b bytes.Buffer
	w, err := record.NewWriter(&b, record.Header{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := FromRecording(bytes.NewReader(b.Bytes()), "frames")
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// kept writes frames to a history whose 1 s rows reach back over fine.
func kept(t *testing.T, frames []collect.Frame, fine time.Duration) *record.Archive {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	h := record.Open(root, record.Config{Keep1s: conf.Duration(fine)}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }()
	for _, f := range frames {
		for before := h.Stats(); ; {
			h.Record(f)
			if now := h.Stats(); now.Dropped == before.Dropped {
				break
			}
			t.Fatal("the queue is full")
		}
		for h.Stats().Queued > 32 {
			runtime.Gosched() // the writer's turn
		}
	}
	cancel()
	<-done
	return h.Archive()
}

// TestReplayEqualsLive: from a recording, and from the 1 s rows of a history,
// the alerts are those of the live run, in every field.
func TestReplayEqualsLive(t *testing.T) {
	t.Parallel()
	frames := day(4000)
	want := live(t, frames, tried())
	seen := map[string]bool{}
	for _, f := range want {
		seen[f.Rule] = true
	}
	if !seen["busy"] || !seen["spike"] || !seen["full"] {
		t.Fatalf("not every rule fired: %v", want)
	}
	history, err := FromHistory(kept(t, frames, 6*time.Hour), start.Add(-time.Hour), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]Input{"recording": recorded(t, frames), "history": history} {
		got, err := Run(t.Context(), in, tried(), config.Metrics(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Fired); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if got.Frames != len(frames) || got.Partial || len(got.Blind) > 0 {
			t.Errorf("%s: %d frames of %d, partial %v, blind %v", name, got.Frames, len(frames), got.Partial, got.Blind)
		}
	}
}

// TestCoarse: on 10 s rows means and maxima find the same trouble, to 10 s; an
// alert that is open where the 1 s rows begin is one alert; what cannot be seen
// is said; within the 1 s rows nothing differs.
func TestCoarse(t *testing.T) {
	t.Parallel()
	frames := day(9000)
	rules := tried()
	off := false
	rules.Anomaly = detect.AnomalyConfig{Enable: &off}
	rules.Rules = append(rules.Rules, detect.RuleConfig{Name: "quick", Metric: "cpu_usage_system", Statistic: "min", Comparison: ">", Threshold: level(99), Period: seconds(2)})
	want := live(t, frames, rules)
	in, err := FromHistory(kept(t, frames, 30*time.Minute), start, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if in.Fine.Before(start.Add(time.Hour)) {
		t.Fatalf("1 s rows begin at %s", in.Fine)
	}
	got, err := Run(t.Context(), in, rules, config.Metrics(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Fired) != len(want) {
		t.Fatalf("%d alerts, live %d:\n%v\n%v", len(got.Fired), len(want), got.Fired, want)
	}
	coarse := 0
	byTime := func(a, b Fired) int {
		return strings.Compare(a.Rule+a.StartedAt.Format("02T15:04")[:7], b.Rule+b.StartedAt.Format("02T15:04")[:7])
	}
	slices.SortStableFunc(want, byTime)
	slices.SortStableFunc(got.Fired, byTime)
	for i, f := range got.Fired {
		if f.Coarse {
			coarse++
		}
		if w := want[i]; f.Rule != w.Rule || math.Abs(f.FiredAt.Sub(w.FiredAt).Seconds()) > 21 || f.ResolvedAt.IsZero() != w.ResolvedAt.IsZero() || math.Abs(f.ResolvedAt.Sub(w.ResolvedAt).Seconds()) > 31 {
			t.Errorf("%+v\nlive %+v", f, w)
		}
		w := want[i]
		f.Summary, w.Summary = withoutUsual(f.Summary), withoutUsual(w.Summary) // learnt on 10 s rows
		if !f.Coarse && f.StartedAt.After(in.Fine.Add(2*time.Minute)) && !cmp.Equal(f, w) {
			t.Errorf("on 1 s rows %s", cmp.Diff(w, f))
		}
	}
	if coarse == 0 || coarse == len(want) {
		t.Errorf("%d of %d alerts on 10 s rows", coarse, len(want))
	}
	if text := strings.Join(got.Blind, "\n"); !strings.Contains(text, "shorter than 10 s") || !strings.Contains(text, "rule quick") || strings.Contains(text, "rule busy") {
		t.Errorf("blind: %s", text)
	}
}

// TestSuggestSilences: the least change that is suggested keeps every rule that
// fired silent on the same input, and the others as they are.
func TestSuggestSilences(t *testing.T) {
	t.Parallel()
	in := recorded(t, day(6000))
	rules := tried()
	off := false
	rules.Anomaly = detect.AnomalyConfig{Enable: &off}
	first, err := Run(t.Context(), in, rules, config.Metrics(), nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Suggest(t.Context(), in, first, rules, config.Metrics(), nil)
	if err != nil || len(list) != 3 {
		t.Fatal(err, list)
	}
	for _, s := range list {
		if s.Before == 0 || s.After != 0 || s.Change == "" || s.Rule.Name != s.Name {
			t.Errorf("%+v", s)
		}
		i := slices.IndexFunc(rules.Rules, func(r detect.RuleConfig) bool { return r.Name == s.Name })
		if cmp.Equal(rules.Rules[i], s.Rule) {
			t.Errorf("%s is unchanged", s.Name)
		}
		rules.Rules[i] = s.Rule
	}
	again, err := Run(t.Context(), in, rules, config.Metrics(), nil)
	if err != nil || len(again.Fired) != 0 {
		t.Errorf("%v %v", err, again.Fired)
	}
}

// TestSuggestGivesUp where no level within the metric's bounds and no longer
// look is silent.
func TestSuggestGivesUp(t *testing.T) {
	t.Parallel()
	frames := day(3000)
	for i := range frames {
		frames[i].Samples = []collect.Sample{{Metric: "disk_used_percent", Target: "/", Value: 100}}
	}
	off := false
	rules := Rules{Anomaly: detect.AnomalyConfig{Enable: &off}, Rules: []detect.RuleConfig{
		{Name: "full", Metric: "disk_used_percent", Target: "*", Comparison: ">", Threshold: level(95), Period: seconds(10)}}}
	in := recorded(t, frames)
	first, err := Run(t.Context(), in, rules, config.Metrics(), nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Suggest(t.Context(), in, first, rules, config.Metrics(), nil)
	if err != nil || len(list) != 1 || list[0].Change != "" || list[0].After != 1 {
		t.Errorf("%v %+v", err, list)
	}
}

// TestStopKeepsWhatIsDone: Ctrl-C ends a run early, and what was seen counts.
func TestStopKeepsWhatIsDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in := recorded(t, day(4000))
	got, err := Run(ctx, in, tried(), config.Metrics(), func(at time.Time) {
		if at.After(start.Add(30 * time.Minute)) {
			cancel()
		}
	})
	if err != nil || !got.Partial || got.Frames < 1800 || got.Frames > 2000 || len(got.Fired) == 0 {
		t.Errorf("%v, partial %v, %d frames, %d alerts", err, got.Partial, got.Frames, len(got.Fired))
	}
}

// TestPagesInAWeek counts the criticals of the worst seven days.
func TestPagesInAWeek(t *testing.T) {
	t.Parallel()
	r := Result{}
	for _, hours := range []int{0, 24, 167, 168, 169, 400} {
		r.Fired = append(r.Fired, Fired{Severity: alert.Critical, FiredAt: start.Add(time.Duration(hours) * time.Hour)}, Fired{Severity: alert.Warning, FiredAt: start})
	}
	if got := r.PagesInAWeek(); got != 4 {
		t.Errorf("%d, want 4 (24, 167, 168, 169 h)", got)
	}
}

// TestFalseAlarmOfADefaultRule: a nightly backup makes the built-in disk-slow
// fire; the config with the suggested change is silent on the same recording.
func TestFalseAlarmOfADefaultRule(t *testing.T) {
	t.Parallel()
	frames := day(3600)
	for i := range frames {
		await := 3.0
		if i > 1200 && i < 1700 {
			await = 320
		}
		frames[i].Samples = append(frames[i].Samples[:0:0], collect.Sample{Metric: "diskio_await", Target: "vda", Value: await})
	}
	in := recorded(t, frames)
	before := Rules{Rules: config.Default().Rules}
	first, err := Run(t.Context(), in, before, config.Metrics(), nil)
	if err != nil || len(first.Fired) != 1 || first.Fired[0].Rule != "disk-slow" {
		t.Fatal(err, first.Fired)
	}
	list, err := Suggest(t.Context(), in, first, before, config.Metrics(), nil)
	if err != nil || len(list) != 1 {
		t.Fatal(err, list)
	}
	file, err := config.WithRules(nil, []detect.RuleConfig{list[0].Rule})
	if err != nil {
		t.Fatal(err)
	}
	changed, faults := config.Parse(file, "changed")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	after, err := Run(t.Context(), in, Rules{Rules: changed.Rules}, config.Metrics(), nil)
	if err != nil || len(after.Fired) != 0 {
		t.Errorf("%v %v\n%s", err, after.Fired, file)
	}
}

func withoutUsual(summary string) string {
	before, _, _ := strings.Cut(summary, ", usually ")
	return before
}
