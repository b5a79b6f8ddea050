package alert_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
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
	dir      string
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
	dir      string
	promised map[string]string
}

func newWorld(t *testing.T, dir string, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, rng: rng, dir: dir, disk: &badDisk{lazy: true}, dead: &atomic.Bool{}, promised: map[string]string{}, severity: map[string]alert.Severity{}, open: map[string]alert.Severity{}, silenced: map[string]bool{}, ruleOf: map[string]string{}}
	for _, n := range []string{"a", "b", "c"} {
		w.services = append(w.services, &service{name: n, rng: rand.New(rand.NewPCG(seed, uint64(n[0]))), dead: w.dead})
	}
	w.batch = seed%3 == 0
	if seed%2 == 0 {
		w.routes = []alert.RouteConfig{{To: []string{"a"}}, {Failover: []string{"b", "c"}}}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
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
	w.box = openHooked(w.t, w.dir, w.disk.step, w.routes, w.sinks()...)
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

// snapshot copies the state directory, as one of the whole machine does.
func (w *world) snapshot() {
	w.box.stop()
	w.kept = &snapshot{w.dir + ".snapshot", maps.Clone(w.promised)}
	w.copy(w.kept.dir, w.dir)
	w.start()
}

// copy makes a folder the copy of another, modes included.
func (w *world) copy(to, from string) {
	err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from)))
	if err == nil {
		err = filepath.WalkDir(to, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return os.Chmod(path, 0o600)
		})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// restore brings the snapshot back: what was promised later is gone, and what
// was told since may be told again.
func (w *world) restore() {
	w.down()
	w.copy(w.dir, w.kept.dir)
	w.promised = maps.Clone(w.kept.promised)
	w.start()
}

var timeInJSON = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

// stepClock has the wall clock jump, forth or back, while the agent is down: to
// the agent that is the same as times on disk that jump the other way.
func (w *world) stepClock() {
	by := time.Duration(w.rng.Int64N(int64(60*24*time.Hour))) - 30*24*time.Hour
	w.down()
	files, _ := filepath.Glob(w.dir + "/incidents/open/*.json")
	for _, name := range append(files, w.dir+"/silences.json") {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		b = timeInJSON.ReplaceAllFunc(b, func(text []byte) []byte {
			at, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(text))
			if err != nil || at.IsZero() {
				return text
			}
			return at.Add(by).AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
		})
		if err := os.WriteFile(name, b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start()
}

// acknowledge takes on an incident.
func (w *world) acknowledge() {
	if in := w.box.Incidents(); len(in) > 0 {
		_ = w.box.Acknowledge(w.t.Context(), in[w.rng.IntN(len(in))].ID, "anna")
	}
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

// happen is what comes from outside: people, restarts, faults.
func (w *world) happen(n int, rule string) {
	switch {
	case n < 870:
		w.crash()
	case n < 890:
		w.box.stop()
		w.start()
	case n < 900:
		w.silence(rule)
	case n < 910:
		w.acknowledge()
	case n < 920: // a reload
		w.box.SetSinks(w.sinks(), w.routes)
	case n < 927:
		w.snapshot()
	case n < 935 && w.kept != nil:
		w.restore()
	case n < 940:
		w.stepClock()
	case n < 970:
		s := w.services[w.rng.IntN(len(w.services))]
		s.mu.Lock()
		s.mood = w.rng.IntN(7)
		s.mu.Unlock()
	case n < 980:
		w.troubles = append(w.troubles, time.Now())
		w.disk.fail(os.ErrPermission)
	default:
		w.troubles = append(w.troubles, time.Now())
		w.disk.fail(nil)
	}
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
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, dir+"/state", seed)
				for range 60 {
					w.step()
				}
				w.finish()
			})
			if t.Failed() {
				t.Logf("again: go test ./alert -run Simulation -sim.first %d -sim.seeds 1", seed)
			}
			_ = os.RemoveAll(dir)
		})
	}
}
