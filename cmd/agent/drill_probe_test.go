package main

import (
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
)

// TestDrillProbe: the agent sees the client's server answer, then answer late,
// then, as the client is gone, nothing: no failing probe, which other rules
// watch for.
func TestDrillProbe(t *testing.T) {
	t.Parallel()
	for _, elsewhere := range []string{"192.0.2.1:80", "example.com:80", "127.0.0.1", ""} {
		if _, err := startDrillProbe(t.Context(), elsewhere); err == nil {
			t.Errorf("%q is probed", elsewhere)
		}
	}
	server, err := newSlowServer()
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	server.slow(t.Context())
	p, err := startDrillProbe(t.Context(), server.address())
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	a := &agent{rehearsal: &rehearsal{probe: p}}
	await := func(what string, ok func(f collect.Frame) bool) {
		t.Helper()
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		end := time.After(20 * time.Second)
		for {
			f := collect.Frame{Time: time.Now()}
			a.readDrill(t.Context(), &f)
			if len(f.Samples) > 1 || len(f.Samples) == 1 && (f.Samples[0].Metric != "probe_duration" || f.Samples[0].Target != drillTarget) {
				t.Fatalf("%s: other rules see %+v", what, f.Samples)
			}
			if ok(f) {
				return
			}
			select {
			case <-end:
				t.Fatalf("not within 20 s: %s", what)
			case <-look.C:
			}
		}
	}
	await("an answer", func(f collect.Frame) bool { return len(f.Samples) == 1 })
	late := float64(slowAnswer / time.Millisecond)
	await("a late answer", func(f collect.Frame) bool { return len(f.Samples) == 1 && f.Samples[0].Value >= late })
	server.close()
	await("the client is gone", func(f collect.Frame) bool { return p.set.Reason(drillTarget) != "" && len(f.Samples) == 0 })
}
