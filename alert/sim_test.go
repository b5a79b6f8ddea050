package alert_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

var (
	simSeeds = flag.Int("sim.seeds", 40, "simulations to run; .ci/run has 1000, .ci/nightly 100 000")
	simFirst = flag.Uint64("sim.first", 1, "seed of the first simulation")
)

// service is a sink whose service misbehaves at random. It keeps what people
// would see.
type service struct {
	name string
	mu   sync.Mutex
	rng  *rand.Rand
	mood int // see Send
	dead *atomic.Bool
	seen []sighting
	busy int
	bad  []string
}

// sighting is an alert that the service showed to people.
type sighting struct {
	at        time.Time
	alert     alert.Alert
	confirmed bool // false: shown, but the sink was not told so
}

func (s *service) Name() string { return s.name }

func (s *service) Send(ctx context.Context, a alert.Alert, _ alert.Receipt) (alert.Receipt, error) {
	s.mu.Lock()
	mood, dice := s.mood, s.rng.IntN(100)
	s.busy++
	if s.busy > 1 {
		s.bad = append(s.bad, "two requests at the same time")
	}
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.busy--; s.mu.Unlock() }()
	time.Sleep(time.Duration(1+dice) * time.Millisecond)
	show := func(confirmed bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, sighting{time.Now(), a, confirmed})
	}
	switch {
	case s.dead.Load():
		return alert.Receipt{}, errDown
	case mood == 1 && dice < 80:
		return alert.Receipt{}, errDown
	case mood == 2 && dice < 60:
		<-ctx.Done() // hangs
		return alert.Receipt{}, ctx.Err()
	case mood == 3 && dice < 50:
		return alert.Receipt{}, &alert.ThrottledError{After: time.Duration(dice) * time.Second}
	case mood == 4 && dice < 50:
		return alert.Receipt{}, alert.ErrCredentials
	case mood == 5 && dice < 40:
		show(false) // answers, and the answer is lost
		return alert.Receipt{}, errors.New("connection reset")
	}
	show(true)
	return alert.Receipt{ID: a.Key}, nil
}

// batches is a service that takes several alerts in one request, and does with
// each as it likes.
type batches struct{ *service }

func (b batches) MaxBatch() int { return 5 }

func (b batches) SendBatch(ctx context.Context, all []alert.Alert) []alert.Outcome {
	out := make([]alert.Outcome, len(all))
	for i, a := range all {
		out[i].Receipt, out[i].Err = b.Send(ctx, a, alert.Receipt{})
	}
	return out
}

// world is one simulation.
type world struct {
	batch    bool // its services take batches
	t        *testing.T
	rng      *rand.Rand
	state    *memory // the state directory
	services []*service
	routes   []alert.RouteConfig
	disk     *badDisk
	dead     *atomic.Bool
	box      *rig
	promised map[string]string // incident → newest phase that was promised: firing or resolved
	severity map[string]alert.Severity
	open     map[string]alert.Severity // rule → severity, as the detector sees it
	silenced map[string]bool           // rules that a silence was ever in force for
	ruleOf   map[string]string         // incident → rule
	troubles []time.Time               // when an agent crashed, a disk failed or a snapshot was restored
	kept     *snapshot
}

// snapshot is a copy of the state directory, and what had been promised then.
type snapshot struct {
	state    *memory
	promised map[string]string
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, rng: rng, state: newMemory(), disk: &badDisk{lazy: true}, dead: &atomic.Bool{}, promised: map[string]string{}, severity: map[string]alert.Severity{}, open: map[string]alert.Severity{}, silenced: map[string]bool{}, ruleOf: map[string]string{}}
	for _, n := range []string{"a", "b", "c"} {
		w.services = append(w.services, &service{name: n, rng: rand.New(rand.NewPCG(seed, uint64(n[0]))), dead: w.dead})
	}
	w.batch = seed%3 == 0
	if seed%2 == 0 {
		w.routes = []alert.RouteConfig{{To: []string{"a"}}, {Failover: []string{"b", "c"}}}
	}
	w.start()
	return w
}

func (w *world) sinks() []alert.Sink {
	var sinks []alert.Sink
	for _, s := range w.services {
		if w.batch {
			sinks = append(sinks, batches{s})
		} else {
			sinks = append(sinks, s)
		}
	}
	return sinks
}

// silence keeps a rule quiet for up to an hour. One that is not on disk is in
// force all the same, until a crash.
func (w *world) silence(rule string) {
	w.silenced[rule] = true
	_, _ = w.box.AddSilence(w.t.Context(), alert.Silence{Rule: rule, Until: time.Now().Add(time.Duration(1+w.rng.IntN(60)) * time.Minute)})
}

func (w *world) start() {
	if w.disk.err.Load() != nil {
		w.troubles = append(w.troubles, time.Now()) // what was confirmed meanwhile is not on disk
	}
	w.box = openTree(w.t, w.state, usual, w.disk.step, w.routes, w.sinks()...)
	// What was accepted is the truth.
	w.open = map[string]alert.Severity{}
	for _, a := range w.box.OpenFiring() {
		w.open[a.Rule] = a.Severity
	}
}

// crash ends the agent as SIGKILL does, and starts another.
func (w *world) crash() {
	w.down()
	w.start()
}

// down ends the agent: nothing it does from now on has an effect.
func (w *world) down() {
	w.troubles = append(w.troubles, time.Now())
	w.dead.Store(true)
	w.disk.fail(errors.New("the process is gone"))
	w.box.stop()
	w.dead.Store(false)
	w.disk.fail(nil)
	w.troubles = append(w.troubles, time.Now())
}

// put gives an alert to the outbox as a tick does, and notes what was promised.
func (w *world) put(a alert.Alert) {
	before := map[string]bool{}
	for _, in := range w.box.Incidents() {
		if in.Rule == a.Rule && in.State == alert.Firing {
			before[in.ID] = true
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 200*time.Millisecond)
	defer cancel()
	err := w.box.Put(ctx, a)
	for _, in := range w.box.Incidents() {
		if in.Rule != a.Rule {
			continue
		}
		w.severity[in.ID], w.ruleOf[in.ID] = in.Severity, in.Rule
		if err == nil && a.State == alert.Firing && in.State == alert.Firing && w.promised[in.ID] == "" {
			w.promised[in.ID] = alert.PhaseFiring
		}
	}
	if err == nil && a.State == alert.Resolved {
		for id := range before {
			w.promised[id] = alert.PhaseResolved
		}
	}
}

func (w *world) step() {
	rule := fmt.Sprint("r", w.rng.IntN(6))
	severity := []alert.Severity{alert.Info, alert.Warning, alert.Critical}[w.rng.IntN(3)]
	_, fires := w.open[rule]
	switch n := w.rng.IntN(1000); {
	case n < 450 && !fires:
		w.open[rule] = severity
		w.put(firing(rule, severity))
	case n < 600 && fires:
		w.put(update(rule, severity))
	case n < 840 && fires:
		delete(w.open, rule)
		w.put(resolved(rule, severity))
	default:
		w.happen(n, rule)
	}
	time.Sleep(time.Duration(w.rng.ExpFloat64() * float64(20*time.Second)))
}

// finish mends everything, ends what fires and gives the outbox time.
func (w *world) finish() {
	w.disk.fail(nil)
	for _, s := range w.services {
		s.mu.Lock()
		s.mood = 0
		s.mu.Unlock()
	}
	time.Sleep(5 * time.Second)
	for _, x := range w.box.Silences() { // a clock that jumped may have made a long one of it
		_ = w.box.RemoveSilence(w.t.Context(), x.ID, "anna")
	}
	for _, a := range w.box.OpenFiring() {
		w.put(resolved(a.Rule, a.Severity))
	}
	for range 120 { // criticals are tried each minute, the rest each 5 min and a parked sink too
		if time.Sleep(time.Minute); len(w.box.Incidents()) == 0 {
			break
		}
	}
	time.Sleep(5 * time.Second) // the files move
	if in := w.box.Incidents(); len(in) > 0 {
		w.t.Errorf("%d incidents never closed: %+v", len(in), in[0])
	}
	for _, p := range alert.CheckTree(w.state) {
		w.t.Errorf("check: %s: %s", p.Path, p.Problem)
	}
	for _, s := range w.services {
		for _, b := range s.bad {
			w.t.Errorf("sink %s: %s", s.name, b)
		}
		w.judge(s)
	}
	w.complete()
}

// Random faults of sinks, disk and agent: nothing that was promised is lost, out
// of order, or told twice without a cause. A seed that fails can be run again:
// go test ./alert -run Simulation -sim.first SEED -sim.seeds 1
func TestSimulation(t *testing.T) {
	t.Parallel()
	for i := range *simSeeds {
		seed := *simFirst + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				for range 60 {
					w.step()
				}
				w.finish()
			})
			if t.Failed() {
				t.Logf("again: go test ./alert -run Simulation -sim.first %d -sim.seeds 1", seed)
			}
		})
	}
}
