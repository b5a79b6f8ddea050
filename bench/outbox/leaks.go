package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/webhook"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

// leaks has 10 000 deliveries fail over HTTP, each refused for good, and looks
// at what is left of them.
func leaks(_ *bench, dir string) ([]row, error) {
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	defer refuses.Close()
	sink, err := webhook.New(webhook.Config{Name: "webhook", URL: conf.NewSecret(refuses.URL)})
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	box, err := alert.Open(root, alert.Options{Host: "bench", Version: "bench"})
	if err != nil {
		return nil, err
	}
	box.SetSinks([]alert.Sink{sink}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })
	defer func() { cancel(); running.Wait() }()
	// 50 incidents, over and over: the memory of the open ones is not the matter.
	fail := func(rounds int) error {
		for range rounds {
			for _, state := range []alert.State{alert.Firing, alert.Resolved} {
				var all sync.WaitGroup
				for i := range 50 {
					all.Go(func() {
						_ = box.Put(ctx, alert.Alert{Rule: "bench", Target: fmt.Sprint(i), Severity: alert.Critical, State: state, Summary: "x", StartedAt: time.Now()})
					})
				}
				all.Wait()
			}
		}
		if _, ok := wait(2*time.Minute, func() bool { return len(box.Incidents()) == 0 }); !ok {
			return fmt.Errorf("%d incidents are open still", len(box.Incidents()))
		}
		time.Sleep(3 * time.Second)
		return nil
	}
	if err := fail(12); err != nil { // what is kept of dead letters is kept from here
		return nil, err
	}
	dead, goroutines, fds, rss := box.Stats().Dead, runtime.NumGoroutine(), files(), resident()
	if err := fail(100); err != nil {
		return nil, err
	}
	n := box.Stats().Dead - dead
	return []row{
		{Figure: "deliveries that failed", Value: float64(n), Bar: 10_000, Least: true},
		{Figure: "goroutines more than before", Value: float64(runtime.NumGoroutine() - goroutines), Bar: 2},
		{Figure: "files open more than before", Value: float64(files() - fds), Bar: 2},
		{Figure: "RSS more than before, MiB", Value: float64(resident()-rss) / (1 << 20), Bar: 4},
	}, nil
}
