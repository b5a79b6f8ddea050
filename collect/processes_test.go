package collect

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestProcessStates: one pass every 10 s; a command's name may hold anything;
// beyond the bound processes are counted and their states are missing.
func TestProcessStates(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for pid, stat := range map[string]string{
		"1": "1 (init) S 0 1 1", "22": "22 (a) Z (b) R 1", "333": "333 (x\ny) D 1", "4": "4 () Z 1", "5": "5 (kworker) I 2", "6": "cut off", "self": "1 (init) S 0",
	} {
		if err := os.MkdirAll(filepath.Join(root, pid), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, pid, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := NewProcesses(Host{Proc: root})
	now := time.Unix(1000, 0)
	collect := func(after time.Duration) (map[string]float64, error) {
		samples, err := c.Collect(t.Context(), now.Add(after), nil)
		out := map[string]float64{}
		for _, s := range samples {
			out[s.Metric] = s.Value
		}
		return out, err
	}
	got, err := collect(0)
	for metric, want := range map[string]float64{"processes_total": 5, "processes_sleeping": 1, "processes_runnable": 1, "processes_uninterruptible": 1,
		"processes_zombies": 1, "processes_idle": 1, "processes_stopped": 0} {
		if got[metric] != want || err != nil {
			t.Errorf("%s = %g, want %g; %v", metric, got[metric], want, err)
		}
	}
	c.most = 3
	if got, err := collect(9 * time.Second); got["processes_total"] != 5 || err != nil {
		t.Errorf("before the next pass: %v, %v", got, err)
	}
	var skipped *SkippedError
	for _, at := range []time.Duration{10, 11} {
		if got, err := collect(at * time.Second); len(got) != 1 || got["processes_total"] != 6 || !errors.As(err, &skipped) {
			t.Errorf("beyond the bound: %v, %v", got, err)
		}
	}
}
