package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestResolver: a server that never answered is skipped; one that did and
// stops is a failure; a tick never waits; one question at a time.
func TestResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := t.TempDir()
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		c := NewResolver(Host{Root: root})
		var answer error
		asked := 0
		c.ask = func(context.Context) error {
			asked++
			time.Sleep(30 * time.Millisecond)
			return answer
		}
		tick := func() (map[string]float64, error) {
			start := time.Now()
			samples, err := c.Collect(t.Context(), start, nil)
			if time.Since(start) != 0 {
				t.Errorf("the tick waited %s", time.Since(start))
			}
			out := map[string]float64{}
			for _, s := range samples {
				out[s.Metric] = s.Value
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			return out, err
		}
		var skipped *SkippedError
		if got, err := tick(); len(got) != 0 || !errors.As(err, &skipped) || asked != 0 {
			t.Errorf("no resolv.conf: %v, %v, asked %d", got, err, asked)
		}
		if err := os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("# x\nnameserver 192.0.2.1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		answer = errors.New("unreachable")
		_, _ = tick()
		if got, err := tick(); len(got) != 0 || !errors.As(err, &skipped) {
			t.Errorf("never answered: %v, %v", got, err)
		}
		answer = nil
		_, _ = tick()
		if got, err := tick(); got["resolver_success"] != 1 || got["resolver_duration"] != 30 || err != nil {
			t.Errorf("answers: %v, %v", got, err)
		}
		answer = errors.New("gone")
		_, _ = tick()
		if got, err := tick(); len(got) != 1 || got["resolver_success"] != 0 || err != nil {
			t.Errorf("stopped answering: %v, %v", got, err)
		}
		if asked != 6 {
			t.Errorf("asked %d times", asked)
		}
	})
}
