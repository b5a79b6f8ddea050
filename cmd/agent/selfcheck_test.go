package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
	"github.com/firewatch-agent/firewatch/cmd/agent/web"
	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// flaky is a collector that can be made to fail.
type flaky struct{ fails, idle bool }

func (*flaky) Name() string { return "flaky" }
func (*flaky) Metrics() []collect.Metric {
	return []collect.Metric{{Name: "m", Unit: "Count", Min: math.NaN(), Max: math.NaN()}}
}
func (f *flaky) Collect(_ context.Context, _ time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	if f.fails {
		return dst, errors.New("no such device")
	}
	if f.idle {
		return dst, nil
	}
	return append(dst, collect.Sample{Metric: "m", Value: 1}), nil
}

// absent looks beside the tick, and finds on its second turn that there is
// nothing to read: no fault.
type absent struct{ turns int }

func (*absent) Name() string              { return "absent" }
func (*absent) Metrics() []collect.Metric { return nil }
func (a *absent) Collect(_ context.Context, _ time.Time, dst []collect.Sample) ([]collect.Sample, error) {
	if a.turns++; a.turns == 1 {
		return dst, nil
	}
	return dst, &collect.SkippedError{Reason: "no sensor"}
}

// Trouble of the agent is told once, on the sinks that have nothing to do with
// it, and so is its end.
func TestTroubleOfTheAgentItselfIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		good, bad, locked := alerttest.NewSink("good"), alerttest.NewSink("bad"), alerttest.NewSink("locked")
		bad.Fail(alert.ErrPermanent)
		locked.Fail(alert.ErrCredentials)
		box, stop := runBox(t, dir, nil, good, bad, locked)
		defer stop()
		ctx := t.Context()
		c := &flaky{}
		set := collect.NewSet([]collect.Collector{c, &absent{}}, collect.SetOptions{Interval: time.Second})
		a := &agent{box: box, log: slog.New(slog.DiscardHandler), stateDir: dir}
		start := time.Now()
		var ticked ticks
		run := func(n int) {
			for range n {
				boot := time.Since(start)
				set.Collect(ctx, time.Now(), boot)
				wait, cancel := context.WithTimeout(ctx, diskWait)
				a.checkSelf(wait, set, time.Now(), boot, ticked)
				cancel()
				ticked.Done++
				time.Sleep(time.Second)
			}
		}
		told := func() string {
			var out []string
			for _, al := range good.Taken() {
				out = append(out, al.Rule+"/"+strings.TrimPrefix(al.Target, dir)+" "+string(al.State))
			}
			return strings.Join(out, ", ")
		}
		run(70)
		c.idle = true // as after a jump of the clock
		run(2)
		c.idle = false
		run(1)
		time.Sleep(time.Hour) // the host sleeps
		c.idle = true
		run(2)
		c.idle = false
		run(5)
		if got := told(); got != "" {
			t.Fatalf("all is well, and told was %s", got)
		}
		c.fails = true
		run(59)
		if got := told(); got != "" {
			t.Fatalf("told after a minute or sooner: %s", got)
		}
		run(4)
		ticked.Late += 7
		run(3)
		if got, want := told(), "collector-dead/flaky firing, dead-letters/bad firing, sink-parked/locked firing, ticks-late/ firing"; sorted(got) != want {
			t.Fatalf("told %s\nwant %s", got, want)
		}
		for _, al := range bad.Calls() {
			if al.Alert.Rule == "dead-letters" {
				t.Error("the dead letters of a sink were told on it")
			}
		}
		c.fails = false
		locked.Fail(nil)
		run(400)
		for _, want := range []string{"collector-dead/flaky resolved", "sink-parked/locked resolved", "ticks-late/ resolved"} {
			if !strings.Contains(told(), want) {
				t.Errorf("%s is missing in %s", want, told())
			}
		}
	})
}

func sorted(list string) string {
	words := strings.Split(list, ", ")
	for i := range words {
		for j := i; j > 0 && words[j] < words[j-1]; j-- {
			words[j], words[j-1] = words[j-1], words[j]
		}
	}
	return strings.Join(words, ", ")
}

func TestBeat(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hits.Add(1) > 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer s.Close()
	c := web.HealthConfig{HeartbeatURL: conf.NewSecret(s.URL + "/ping/s3cret")}
	if err := beat(t.Context(), s.Client(), c); err != nil || hits.Load() != 1 {
		t.Errorf("%v, %d requests", err, hits.Load())
	}
	if err := beat(t.Context(), s.Client(), c); err == nil {
		t.Error("an answer of 500 is no heartbeat")
	}
	s.Close()
	if err := beat(t.Context(), s.Client(), c); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("nobody listens: %v", err)
	}
	if err := beat(t.Context(), s.Client(), web.HealthConfig{}); err != nil {
		t.Errorf("without a URL: %v", err)
	}
}

// Trouble that grows worse is told again, and once.
func TestTroubleOfTheAgentThatGrowsWorse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		box, stop := runBox(t, dir, nil, sink)
		defer stop()
		a := &agent{box: box, log: slog.New(slog.DiscardHandler), stateDir: dir, selfCheck: selfCheck{raised: map[trouble]raised{}}}
		start := time.Now()
		for i, s := range []alert.Severity{alert.Warning, alert.Warning, alert.Critical, alert.Critical, alert.Warning, ""} {
			found := map[trouble]alert.Alert{}
			if s != "" {
				found[trouble{"state-disk", dir}] = alert.Alert{Severity: s, Summary: "the disk hangs"}
			}
			time.Sleep(time.Duration(i) * 10 * time.Second)
			a.tell(t.Context(), found, time.Now(), time.Since(start))
			time.Sleep(5 * time.Second)
		}
		var got []string
		for _, al := range sink.Taken() {
			got = append(got, al.Phase+" "+string(al.Severity))
			if !al.StartedAt.Equal(sink.Taken()[0].StartedAt) {
				t.Errorf("%s says that it began at another time", al.Phase)
			}
		}
		if want := "firing warning, update-1 critical, resolved critical"; strings.Join(got, ", ") != want {
			t.Errorf("told %s, want %s", strings.Join(got, ", "), want)
		}
	})
}
