package detect

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// learner is a detector with a threshold and the anomaly rules, which learn
// fast.
func learner(t *testing.T) *Detector {
	t.Helper()
	rules, err := Rules([]RuleConfig{
		{Name: "busy", Metric: "cpu_usage_active", Comparison: ">", Threshold: level(60), Period: seconds(5), EvaluationPeriods: 3, DatapointsToAlarm: 2},
		{Name: "sent", Metric: "net_bytes_sent", Target: "*", Statistic: "max", Comparison: ">", Threshold: level(1e6), Period: seconds(30)},
	})
	if err != nil {
		t.Fatal(err)
	}
	anomaly, err := NewAnomaly(AnomalyConfig{Row: conf.Duration(time.Second), Learn: conf.Duration(5 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return New(slices.Concat(rules, anomaly), Options{Interval: time.Second})
}

// TestSnapshotGoesOn: an agent that is stopped and started in the middle of a
// day of a real host raises the same alerts, and knows the same in the end, as
// one that was not: while it learns, and after.
func TestSnapshotGoesOn(t *testing.T) {
	t.Parallel()
	frames := recording(t, "testdata/linux-6.18-builds.csv.gz")
	frames = frames[:min(len(frames), 1500)]
	run := func(stops ...int) ([]alert.Alert, []byte) {
		d := learner(t)
		var out []alert.Alert
		for i, f := range frames {
			out = append(out, d.Observe(f)...)
			if slices.Contains(stops, i) {
				d = again(t, d, d.Snapshot)
			}
		}
		b, err := d.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return out, b
	}
	want, knows := run()
	if len(want) == 0 {
		t.Fatal("no alert to compare")
	}
	got, same := run(3, 150, 250, 301, len(frames)/2, len(frames)/2+1, len(frames)-7)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alerts with and without stops:\n%s", diff)
	}
	if !bytes.Equal(knows, same) {
		t.Error("the detectors do not know the same in the end")
	}
}

// again is a new detector with the state of d.
func again(t *testing.T, d *Detector, state func() ([]byte, error)) *Detector {
	t.Helper()
	b, err := state()
	if err != nil {
		t.Fatal(err)
	}
	next := learner(t)
	if err := next.Restore(b); err != nil {
		t.Fatal(err)
	}
	return next
}

// TestKilledAndRefilled: killed, the detector goes on from an old snapshot, the
// frames that the history kept since, and the newest state; it has lost no more
// than the frames that nobody has.
func TestKilledAndRefilled(t *testing.T) {
	t.Parallel()
	frames := recording(t, "testdata/linux-6.18-builds.csv.gz")
	const saved, kept, died = 400, 560, 590 // frame of the snapshot, the last in the history, and of the state
	whole, d := learner(t), learner(t)
	var snapshot, state []byte
	for i, f := range frames[:died] {
		whole.Observe(f)
		d.Observe(f)
		var err error
		if i == saved {
			snapshot, err = d.Snapshot()
		}
		if i == died-1 {
			state, err = d.State()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	next := learner(t)
	if err := next.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames[saved+1 : kept] {
		next.Observe(f)
	}
	if err := next.Restore(state); err != nil {
		t.Fatal(err)
	}
	if !next.Now().Equal(whole.Now()) || next.history.slot != whole.history.slot || next.clock != whole.clock {
		t.Errorf("now %s, slot %d, clock %s; the one that ran on %s, %d, %s", next.Now(), next.history.slot, next.clock, whole.Now(), whole.history.slot, whole.clock)
	}
	a, b := next.rules[2].(*Anomaly), whole.rules[2].(*Anomaly)
	if lost := b.rows - a.rows; lost < 0 || lost > died-kept {
		t.Errorf("learnt %d rows of %d", a.rows, b.rows)
	}
	first := frames[died]
	first.Elapsed = 0
	next.Observe(first)
	if got := next.history.slot - whole.history.slot; got != 1 {
		t.Errorf("the first frame after the restart opened %d slots", got)
	}
}

// TestOldStateAfterReplay: where the replay reaches further than the state that
// was saved, its word counts.
func TestOldStateAfterReplay(t *testing.T) {
	t.Parallel()
	d := learner(t)
	at := time.Unix(1_790_000_000, 0)
	frame := func(n int, v float64) collect.Frame {
		return collect.Frame{Time: at.Add(time.Duration(n) * time.Second), Elapsed: time.Second, Samples: []collect.Sample{{Metric: "cpu_usage_active", Value: v}}}
	}
	for n := range 20 {
		d.Observe(frame(n, 90))
	}
	old, err := d.State()
	if err != nil || len(d.entries) != 1 {
		t.Fatal(err, d.entries)
	}
	for n := 20; n < 60; n++ {
		d.Observe(frame(n, 1))
	}
	if err := d.Restore(old); err != nil || len(d.entries) != 0 {
		t.Errorf("%v, %d entries", err, len(d.entries))
	}
}

// TestDamagedModel: a model that is damaged costs itself, and is said; the
// windows and the other rules go on.
func TestDamagedModel(t *testing.T) {
	t.Parallel()
	d := learner(t)
	for _, f := range recording(t, "testdata/linux-6.18-builds.csv.gz")[:400] {
		d.Observe(f)
	}
	b, err := d.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var s saved
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	name := d.rules[2].Name()
	for what, damaged := range map[string][]byte{"cut": s.Models[name][:len(s.Models[name])/2], "empty": []byte("{}"), "null": []byte(`{"stream":null}`)} {
		s.Models[name] = damaged
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		next := learner(t)
		if err := next.Restore(b); err == nil && what == "cut" {
			t.Errorf("%s: no error", what)
		}
		if next.rules[2].(*Anomaly).rows != 0 || next.history.slot != d.history.slot {
			t.Errorf("%s: rows %d, slot %d", what, next.rules[2].(*Anomaly).rows, next.history.slot)
		}
		next.Observe(collect.Frame{Time: d.now.Add(time.Second)})
	}
}
