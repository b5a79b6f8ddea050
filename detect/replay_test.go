package detect

import (
	"encoding/json"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestReplayOnAnyNumberOfCPUs: the recording of a host gives the same alerts, the
// same state and the same scores, byte for byte, on one, two and four CPUs, with
// and without a restart in the middle. Not parallel, as GOMAXPROCS is everybody's.
func TestReplayOnAnyNumberOfCPUs(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	frames := recording(t, "testdata/linux-6.18-builds.csv.gz")
	frames = frames[:min(len(frames), 700)]
	var want string
	for i, cpus := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cpus)
		for _, stop := range []int{len(frames), len(frames) / 2} {
			d := learner(t)
			var alerts []any
			for k, f := range frames {
				for _, a := range d.Observe(f) {
					alerts = append(alerts, a)
				}
				if k == stop {
					d = again(t, d, d.Snapshot)
				}
			}
			knows, err := d.Snapshot()
			if err != nil || len(alerts) == 0 {
				t.Fatalf("%d alerts, %v", len(alerts), err)
			}
			told, err := json.Marshal(alerts)
			if err != nil {
				t.Fatal(err)
			}
			got := string(told) + string(knows)
			if i == 0 && stop == len(frames) {
				want = got
			}
			if got != want {
				t.Errorf("on %d CPUs, restarted after frame %d, the replay differs", cpus, stop)
			}
		}
	}
}

// TestScoresOnAnyNumberOfCPUs: the same of the Scorer, bit for bit.
func TestScoresOnAnyNumberOfCPUs(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	rows := relatedRows(1500)
	for i := range 12 {
		rows[1200+i][1] *= 0.2
	}
	type result struct {
		score float64
		alert bool
	}
	var want []result
	for _, cpus := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(cpus)
		s, err := NewScorer(ScorerOptions{Series: 4, Blocks: [][]int{{0, 1, 2, 3}}, Step: 5 * time.Minute, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		var got []result
		for _, row := range rows {
			score, err := s.Observe(row)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, result{score, s.Alert()})
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("on %d CPUs the scores differ", cpus)
		}
	}
	if !slices.ContainsFunc(want, func(r result) bool { return r.alert }) {
		t.Error("no alert to compare")
	}
}
