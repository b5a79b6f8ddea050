package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// receiver is a webhook receiver.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]time.Time // target and phase → when it was answered first
	all  []alert.Alert
	came map[string]time.Duration // rule and key → from the change to the first answer
}

func (r *receiver) took() map[string]time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.came)
}

func newReceiver() *receiver {
	r := &receiver{seen: map[string]time.Time{}, came: map[string]time.Duration{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var a alert.Alert
		if json.NewDecoder(req.Body).Decode(&a) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusOK)
		r.mu.Lock()
		defer r.mu.Unlock()
		id := a.Target + " " + a.Phase
		if _, again := r.seen[id]; !again {
			r.seen[id] = time.Now()
		}
		if _, again := r.came[a.Rule+" "+a.Key]; !again {
			r.came[a.Rule+" "+a.Key] = time.Since(a.ChangedAt)
		}
		r.all = append(r.all, a)
	}))
	return r
}

// sink is its table in a config.
func (r *receiver) sink(name string) string {
	return fmt.Sprintf("[[sink.webhook]]\nname = %q\nurl = %q\n", name, r.URL)
}

// at is when a phase of a target was answered; zero = not yet.
func (r *receiver) at(target, phase string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[target+" "+phase]
}

// named is when an alert whose rule begins so, and whose summary names a folder,
// was answered first; zero = not yet.
func (r *receiver) named(rule, dir string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.all {
		if strings.HasPrefix(a.Rule, rule) && strings.Contains(a.Summary, dir) {
			return r.seen[a.Target+" "+a.Phase]
		}
	}
	return time.Time{}
}

func (r *receiver) alerts() []alert.Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]alert.Alert(nil), r.all...)
}
