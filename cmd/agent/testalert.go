package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
)

// testPatience is how long a test alert waits for each of its two phases.
const testPatience = 25 * time.Second

// TestAlert implements web.Agent: a firing and a resolved alert go the way of
// every alert, through incident, outbox and sinks. What each sink has confirmed
// is read from the incident.
func (a *agent) TestAlert(ctx context.Context, sink string) ([]web.TestResult, error) {
	a.mu.Lock()
	names := slices.Clone(a.sinkNames)
	a.mu.Unlock()
	if sink != "" && !slices.Contains(names, sink) {
		return nil, fmt.Errorf("no sink is called %q; there are %v", sink, names)
	}
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	now := time.Now()
	al := alert.Alert{Rule: "test-alert", Target: hex.EncodeToString(b), Severity: alert.Info, State: alert.Firing, StartedAt: now, ChangedAt: now,
		Summary: "this is a test of firewatch: nothing is wrong"}
	if sink != "" {
		al.Labels = map[string]string{alert.LabelSink: sink}
	}
	if result, err := a.box.Accept(ctx, al, ""); err != nil {
		return nil, fmt.Errorf("accept the test alert (%s): %w", result, err)
	}
	results := map[string]*web.TestResult{}
	a.await(ctx, al, testPatience, func(i alert.Incident, since time.Duration) bool {
		return noteTest(results, i, alert.PhaseFiring, since)
	})
	al.State, al.ChangedAt, al.ResolvedAt, al.Summary = alert.Resolved, time.Now(), time.Now(), "the test of firewatch is over"
	if _, err := a.box.Accept(ctx, al, ""); err != nil {
		return nil, fmt.Errorf("resolve the test alert: %w", err)
	}
	took := a.await(ctx, al, testPatience, func(i alert.Incident, since time.Duration) bool {
		return noteTest(results, i, alert.PhaseResolved, since)
	})
	for _, r := range results {
		if r.Resolved == 0 && took > 0 {
			r.Resolved = float64(took) / float64(time.Millisecond) // its incident is closed: every sink has the end
		}
	}
	var out []web.TestResult
	for _, n := range names {
		if r := results[n]; r != nil && (sink == "" || n == sink) {
			r.OK = r.Firing > 0 && r.Error == ""
			out = append(out, *r)
		}
	}
	return out, nil
}

// noteTest notes which sinks have the phase; true when all do, or gave it up.
func noteTest(results map[string]*web.TestResult, i alert.Incident, phase string, since time.Duration) bool {
	all := true
	for _, d := range i.Sinks {
		r := results[d.Sink]
		if r == nil {
			r = &web.TestResult{Sink: d.Sink}
			results[d.Sink] = r
		}
		at := &r.Firing
		if phase == alert.PhaseResolved {
			at = &r.Resolved
		}
		switch {
		case *at > 0:
		case d.Confirmed == phase:
			*at, r.Error = float64(since)/float64(time.Millisecond), ""
			if phase == alert.PhaseFiring {
				r.Receipt = d.Receipt
			}
			r.Attempts++
		case d.Dead > 0:
			r.Error = "dead letter: " + d.LastError
		case d.Owed != "":
			all = false
			r.Error = d.LastError
		}
	}
	return all
}

// await looks at the incident of an alert every 5 ms until done says so, the
// incident is gone (closed: everyone has it) or patience ends. It returns the
// time until the incident was gone, 0 where it is not.
func (a *agent) await(ctx context.Context, al alert.Alert, patience time.Duration, done func(alert.Incident, time.Duration) bool) time.Duration {
	start := time.Now()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for time.Since(start) < patience {
		list := a.box.Incidents()
		i := slices.IndexFunc(list, func(i alert.Incident) bool { return i.Rule == al.Rule && i.Target == al.Target })
		if i < 0 {
			return time.Since(start)
		}
		if done(list[i], time.Since(start)) {
			return 0
		}
		select {
		case <-ctx.Done():
			return 0
		case <-look.C:
		}
	}
	return 0
}
