package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/firewatch-agent/firewatch/collect"
)

// stuckAllowed is how many goroutines may wait for ever: the slots of statfs.
const stuckAllowed = 4

// runChild makes the host bad and ticks on it.
func runChild(name string, ticks int) error {
	if err := mountProc(""); err != nil {
		return err
	}
	i := slices.IndexFunc(hosts, func(h host) bool { return h.name == name })
	if i < 0 {
		return fmt.Errorf("no host %q", name)
	}
	h := hosts[i]
	if h.before != nil {
		if err := h.before(); err != nil {
			return err
		}
	}
	r, err := tickOn(h, ticks)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func tickOn(h host, ticks int) (row, error) {
	if h.real {
		ticks = min(ticks, 40)
	}
	r := row{Host: h.name, Ticks: ticks, Said: []string{}, Repeated: []string{}}
	set := collect.NewSet(collect.All(collect.LocalHost(time.Second), collect.Config{}), collect.SetOptions{})
	said := map[string]int{}
	var took []float64
	var first state
	begin := time.Now().Round(0)
	cpu := cpuTime()
	for i := range ticks {
		if h.during != nil {
			if err := h.during(i); err != nil {
				return r, err
			}
		}
		now := begin.Add(time.Duration(i) * time.Second)
		start := time.Now()
		f := set.Collect(context.Background(), now, time.Duration(i)*time.Second)
		took = append(took, time.Since(start).Seconds()*1000)
		for _, st := range set.Status() {
			if st.Since.Equal(now) && st.State != "ok" {
				if st.State == "error" {
					said[st.Name]++
				}
				r.Said = append(r.Said, fmt.Sprintf("tick %d: %s %s: %s", i, st.Name, st.State, st.Reason))
			}
		}
		if i == 10 {
			first = stateNow()
		}
		r.Series = len(f.Samples)
		time.Sleep(h.pause())
	}
	r.CPU = (cpuTime() - cpu) * 1000 / float64(ticks)
	last := stateNow()
	runtime.KeepAlive(set) // its files close when it is collected
	r.Descs, r.Goroutines, r.RSS = last.descs-first.descs, last.goroutines-first.goroutines, last.rss-first.rss
	for name, n := range said {
		if n > 1 {
			r.Repeated = append(r.Repeated, name)
		}
	}
	slices.Sort(took)
	r.P50, r.P99, r.Max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	r.judge()
	return r, nil
}

// judge says what is not as it should be.
func (r *row) judge() {
	var bad []string
	if r.P99 > 100 {
		bad = append(bad, "late ticks")
	}
	if r.Descs > 3 || r.Goroutines > stuckAllowed || r.RSS > 20 {
		bad = append(bad, "a leak")
	}
	if len(r.Repeated) > 0 {
		slices.Sort(r.Repeated)
		bad = append(bad, "said more than once: "+strings.Join(r.Repeated, ", "))
	}
	r.Trouble = strings.Join(bad, "; ")
}

type state struct {
	descs, goroutines int
	rss               float64 // MB, of live memory
}

func stateNow() state {
	debug.FreeOSMemory()
	s := state{goroutines: runtime.NumGoroutine()}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.descs = len(entries)
	}
	b, _ := os.ReadFile("/proc/self/statm")
	if f := strings.Fields(string(b)); len(f) > 1 {
		pages, _ := strconv.ParseFloat(f[1], 64)
		s.rss = pages * float64(os.Getpagesize()) / 1e6
	}
	return s
}

func cpuTime() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
