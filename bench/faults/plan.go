package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The whole lab has 50 minutes. What fired for a fault can end before the next:
// averages over 10 s fall, and it must be well for 5 s. A fault lasts as long as
// the slowest answer takes: a name server that is asked every 10 s, over 15 s.
const (
	rounds = 3
	warm   = 190 * time.Second
	hold   = 23 * time.Second
	pause  = 15 * time.Second // and up to pauseMore
	tail   = 8 * time.Second

	pauseMore = 3 * time.Second
)

// planned is one fault of a run.
type planned struct {
	fault
	pause, hold time.Duration // before it, and of it
}

// makePlan draws order and pauses.
func makePlan(o options, rng *rand.Rand) []planned {
	var out []planned
	for _, f := range schedule(o, rng) {
		p := planned{f, pause + time.Duration(rng.Int64N(int64(pauseMore))), o.hold}
		if f.slow {
			p.hold = f.lasts
		}
		out = append(out, p)
	}
	return out
}

// lasts is the time of a run, but for what it takes to build the agent, to learn
// the recording, and to begin and undo each fault: 30 s in all.
func lasts(o options, plan []planned) time.Duration {
	d := o.warm + tail
	for _, p := range plan {
		d += p.pause + p.hold
	}
	return d.Round(time.Second)
}

// schedule is the order of the faults: in each round all sharp ones, each at
// least half a round after its last time; then the slow ones.
func schedule(o options, rng *rand.Rand) []fault {
	var sharp, slow []fault
	for _, f := range faults() {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), f.name) {
			continue
		}
		if f.slow {
			slow = append(slow, f)
		} else {
			sharp = append(sharp, f)
		}
	}
	var out []fault
	rng.Shuffle(len(sharp), func(i, j int) { sharp[i], sharp[j] = sharp[j], sharp[i] })
	for range o.rounds {
		out = append(out, sharp...)
		half := len(sharp) / 2
		for _, part := range [][]fault{sharp[:half], sharp[half:]} {
			rng.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		}
	}
	return append(out, slow...)
}
