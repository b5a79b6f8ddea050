package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"time"
)

const (
	storm      = 200             // incidents, each raised and ended
	retryAfter = 3 * time.Second // what the service asks for
	throttled  = 45 * time.Second
)

// throttle has a service answer 429 with Retry-After, over and over, and counts
// how often it is asked within the time that it asked for.
func throttle(b *bench, dir string) ([]row, error) {
	r := newReceiver()
	defer r.Close()
	var mu sync.Mutex
	var asked []time.Time // the refused requests
	until := time.Now().Add(throttled)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		now := time.Now()
		if now.After(until) {
			r.Config.Handler.ServeHTTP(w, req)
			return
		}
		mu.Lock()
		asked = append(asked, now)
		mu.Unlock()
		w.Header().Set("Retry-After", fmt.Sprint(retryAfter.Seconds()))
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer front.Close()
	a, err := b.start(dir, filepath.Join(dir, "state"), fmt.Sprintf("[[sink.webhook]]\nname = \"webhook\"\nurl = %q\n", front.URL))
	if err != nil {
		return nil, err
	}
	defer a.kill()
	promised := 0
	for _, state := range []string{"firing", "resolved"} {
		for i := range storm {
			if status, _ := a.post(fmt.Sprint("storm-", i), "critical", state); status == http.StatusAccepted {
				promised++
			}
		}
	}
	lost := func() (n int) {
		for i := range storm {
			for _, phase := range []string{"firing", "resolved"} {
				if r.at(fmt.Sprint("storm-", i), phase).IsZero() {
					n++
				}
			}
		}
		return n
	}
	wait(throttled+2*time.Minute, func() bool { return lost() == 0 })
	mu.Lock()
	defer mu.Unlock()
	early := 0
	for i := 1; i < len(asked); i++ {
		if asked[i].Sub(asked[i-1]) < retryAfter {
			early++
		}
	}
	return []row{
		{Figure: "changes promised during a storm of 429", Value: float64(promised), Bar: 2 * storm, Least: true},
		{Figure: "of them never told", Value: float64(lost()), N: promised},
		{Figure: "requests within the Retry-After of the one before", Value: float64(early), N: len(asked)},
	}, a.stop()
}
