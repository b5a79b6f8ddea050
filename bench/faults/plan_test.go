package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/detect"
)

// The whole lab has 50 minutes, whatever the seed; it takes 30 s to start, and
// to begin and undo each fault.
func TestPlanFits(t *testing.T) {
	o := options{rounds: rounds, warm: warm, hold: hold}
	for seed := range uint64(200) {
		plan := makePlan(o, rand.New(rand.NewPCG(seed, 0x6661756c74)))
		if d := lasts(o, plan) + 30*time.Second; d > 50*time.Minute {
			t.Errorf("seed %d takes %s", seed, d)
		}
		count := map[string]int{}
		for i, p := range plan {
			count[p.name]++
			if p.pause < pause || i > 0 && plan[i-1].name == p.name {
				t.Errorf("seed %d: %s comes at once after %s", seed, p.name, plan[max(0, i-1)].name)
			}
		}
		for _, f := range faults() {
			if want := map[bool]int{false: rounds, true: 1}[f.slow]; count[f.name] != want {
				t.Fatalf("seed %d makes %s %d times, want %d", seed, f.name, count[f.name], want)
			}
		}
	}
}

// The kinds that only anomaly detection can find must stay so, and every kind
// must say what a message has to name.
func TestNoThreshold(t *testing.T) {
	without := []string{"dead-port", "bulk-transfer"}
	for _, f := range faults() {
		if len(f.series) == 0 {
			t.Errorf("%s does not say which series a message must name", f.name)
		}
		ruled := slices.ContainsFunc(detect.DefaultRules(), func(r detect.RuleConfig) bool {
			return slices.ContainsFunc(f.series, func(s string) bool { return strings.HasPrefix(r.Metric, s) })
		})
		if ruled == slices.Contains(without, f.name) {
			t.Errorf("%s: has a threshold: %v", f.name, ruled)
		}
	}
}
