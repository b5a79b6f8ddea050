package alert_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// A trace is every operation on the state directory, in order, and what was
// promised between them. Each of its prefixes is a moment at which the machine
// may die; what a file system may have made of the prefix then is materialized
// and opened.
type trace struct {
	mu       sync.Mutex
	steps    []alert.Step
	promises []promise
	full     bool // the disk takes nothing new
}

// promise is something that must hold in every state from step on.
type promise struct {
	step        int
	rule, phase string // accepted: Put returned nil
}

func (tr *trace) hook(s alert.Step) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if strings.HasPrefix(s.Path, "spare") && s.Op != "rewrite" && s.Op != "rename" && (s.Op != "sync" || !tr.full) {
		if s.Op == "sync" || s.Op == "syncdir" {
			return alert.ErrSkip
		}
		return nil // made in the background: a rewrite makes its own in the model
	}
	if tr.full && (s.Op == "create" || s.Op == "write" || s.Op == "append") {
		return syscall.ENOSPC
	}
	s.Data = slices.Clone(s.Data)
	tr.steps = append(tr.steps, s)
	if s.Op == "sync" || s.Op == "syncdir" {
		return alert.ErrSkip // the trace knows
	}
	return nil
}

func (tr *trace) setFull(full bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.full = full
}

func (tr *trace) promised(rule, phase string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.promises = append(tr.promises, promise{len(tr.steps), rule, phase})
}

// inode is a file's content: as written, and as of the last fsync.
type inode struct {
	data, synced []byte
}

// volume is a file system with a page cache. Entries of a folder become durable
// by syncdir, content by sync; what is not synced may reach the disk or not,
// in any order.
type volume struct {
	now, durable map[string]*inode // path → file
	pending      []alert.Step      // changes of folders that are not synced
}

var spareFiller = []byte("spare")

func (v *volume) apply(s alert.Step) {
	switch s.Op {
	case "create":
		v.now[s.Path] = &inode{}
	case "write":
		v.now[s.Path].data = s.Data
	case "append":
		if v.now[s.Path] == nil {
			v.now[s.Path] = &inode{}
		}
		v.now[s.Path].data = slices.Concat(v.now[s.Path].data, s.Data)
	case "rewrite":
		n := &inode{data: s.Data, synced: spareFiller}
		v.now[s.Path], v.durable[s.Path] = n, n
	case "sync":
		v.now[s.Path].synced = v.now[s.Path].data
	case "rename", "remove":
		v.pending = append(v.pending, s)
		move(v.now, s)
	case "syncdir":
		in := func(p string) bool { return path.Dir(p) == path.Clean(s.Path) }
		for p := range v.durable {
			if in(p) {
				delete(v.durable, p)
			}
		}
		for p, n := range v.now {
			if in(p) {
				v.durable[p] = n
			}
		}
		v.pending = slices.DeleteFunc(v.pending, func(o alert.Step) bool { return in(o.Path) && (o.To == "" || in(o.To)) || o.To != "" && in(o.To) })
	}
}

func move(files map[string]*inode, s alert.Step) {
	if n := files[s.Path]; n != nil && s.To != "" {
		files[s.To] = n
	}
	delete(files, s.Path)
}

// outcomes returns what may be on the disk after a crash: everything; only what
// was synced; every name with only the synced content; the last write torn, at
// several places, the rest missing or zeros; and what was synced with any one of
// the pending changes of folders on top, or all but any one.
func (v *volume) outcomes(last alert.Step) []map[string][]byte {
	build := func(names map[string]*inode, content func(*inode) []byte) map[string][]byte {
		out := map[string][]byte{}
		for p, n := range names {
			out[p] = content(n)
		}
		return out
	}
	synced := func(n *inode) []byte { return n.synced }
	written := func(n *inode) []byte { return n.data }
	out := []map[string][]byte{build(v.now, written), build(v.durable, synced), build(v.now, synced), build(v.durable, written)}
	if last.Op == "write" || last.Op == "rewrite" || last.Op == "append" {
		for k := range 8 {
			torn, zeros := build(v.now, synced), build(v.now, synced)
			cut := len(last.Data) * k / 8
			torn[last.Path] = last.Data[:cut]
			zeros[last.Path] = append(slices.Clone(last.Data[:cut]), make([]byte, len(last.Data)-cut)...)
			out = append(out, torn, zeros)
		}
	}
	for i := range v.pending {
		with := maps.Clone(v.durable)
		for p, n := range v.now { // what moves may be a file that only has a name in memory yet
			if strings.HasPrefix(p, "incidents/tmp/") {
				with[p] = n
			}
		}
		if n := v.now[v.pending[i].To]; n != nil {
			with[v.pending[i].Path] = n
		}
		move(with, v.pending[i])
		without := maps.Clone(v.now)
		if n := without[v.pending[i].To]; n != nil {
			without[v.pending[i].Path] = n
			delete(without, v.pending[i].To)
			if was := v.durable[v.pending[i].To]; was != nil {
				without[v.pending[i].To] = was
			}
		}
		out = append(out, build(with, synced), build(with, written), build(without, synced), build(without, written))
	}
	return out
}

// record runs a life of the outbox and returns its trace.
func recordTrace(t *testing.T, life int) *trace {
	tr := &trace{}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		good, bad := alerttest.NewSink("good"), alerttest.NewSink("bad")
		bad.Answer(func(_ ctx, n int, a alert.Alert) error {
			switch {
			case n%3 == 1:
				return errDown
			case a.Rule == "r1":
				return alert.ErrPermanent
			}
			return nil
		})
		r := openHooked(t, dir, tr.hook, nil, good, bad)
		time.Sleep(time.Second) // the spare files are there
		put := func(a alert.Alert) {
			if err := r.Put(t.Context(), a); err != nil {
				t.Error(err)
			}
			tr.promised(a.Rule, a.Phase)
			time.Sleep(time.Millisecond)
		}
		for i := range 6 {
			s := []alert.Severity{alert.Info, alert.Critical}[(i+life)%2]
			tr.setFull(i == life%7) // then the spare files take it
			put(firing(fmt.Sprint("r", i), s))
			if i > 0 {
				put(update(fmt.Sprint("r", i-1), s))
			}
			if i > 1 {
				put(resolved(fmt.Sprint("r", i-2), s))
			}
			tr.setFull(false)
			if i == life%6 {
				_ = r.SaveState(t.Context(), []byte(`{"rules":1}`))
				silence(t, r, alert.Silence{Rule: "none", By: "anna"}, time.Hour)
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Hour)
	})
	return tr
}

func TestEveryCrashStateKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]bool{}
	steps, states := 0, 0
	places := make(chan *place, runtime.GOMAXPROCS(0))
	for range cap(places) {
		places <- newPlace(t)
	}
	for life := 0; len(seen) < 10_000 && life < 40 && !t.Failed(); life++ {
		tr := recordTrace(t, life)
		steps += len(tr.steps)
		states += crashEverywhere(t, tr, seen, places)
	}
	t.Logf("%d steps, %d crash states, %d of them distinct", steps, states, len(seen))
	if len(seen) < 10_000 && !t.Failed() {
		t.Errorf("only %d distinct states: the trace is broken", len(seen))
	}
}

// crashEverywhere opens every state of a trace that was not seen before, and
// returns how many there are.
func crashEverywhere(t *testing.T, tr *trace, seen map[[32]byte]bool, places chan *place) (states int) {
	vol := &volume{now: map[string]*inode{}, durable: map[string]*inode{}}
	var all sync.WaitGroup
	for k := 0; k <= len(tr.steps) && !t.Failed(); k++ {
		last := alert.Step{}
		if k > 0 {
			last = tr.steps[k-1]
			vol.apply(last)
		}
		promises := promisesAt(tr, k)
		for i, files := range vol.outcomes(last) {
			states++
			id := digestOf(files, promises)
			if seen[id] {
				continue
			}
			seen[id] = true
			p := <-places
			all.Go(func() {
				defer func() { places <- p }()
				p.materialize(t, files)
				if bad := broken(p.dir, promises); len(bad) > 0 {
					t.Errorf("crash before step %d of %d (after %s %s), outcome %d: %s", k, len(tr.steps), last.Op, last.Path, i, strings.Join(bad, "; "))
				}
			})
		}
	}
	all.Wait()
	return states
}

// promisesAt returns the newest promise of each rule at step k.
func promisesAt(tr *trace, k int) map[string]string {
	out := map[string]string{}
	for _, p := range tr.promises {
		if p.step <= k {
			out[p.rule] = p.phase
		}
	}
	return out
}

func digestOf(files map[string][]byte, promises map[string]string) [32]byte {
	var b bytes.Buffer
	var names []string
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(&b, "%s %d\n%s", n, len(files[n]), files[n])
	}
	fmt.Fprint(&b, promises)
	return sha256.Sum256(b.Bytes())
}

// place is a state directory that one crash state after the other is put into.
type place struct {
	dir  string
	have map[string][]byte
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{memoryDir(t), map[string][]byte{}}
	for _, d := range []string{"incidents/open", "incidents/closed", "incidents/quarantine", "incidents/tmp", "intake", "spare"} {
		if err := os.MkdirAll(filepath.Join(p.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// memoryDir is a directory in memory where the system has one (tmpfs): ten
// thousand states are written, and nothing of them is to last.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "firewatch-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// materialize makes the directory hold these files and no others.
func (p *place) materialize(t *testing.T, files map[string][]byte) {
	for name := range p.have { // what the last opening moved or wrote
		if _, err := os.Lstat(filepath.Join(p.dir, name)); err != nil || name == "install-id" {
			delete(p.have, name)
		}
	}
	_ = os.Remove(filepath.Join(p.dir, "install-id"))
	bad, _ := filepath.Glob(p.dir + "/incidents/quarantine/*")
	for _, f := range bad {
		_ = os.Remove(f)
	}
	for name := range p.have {
		if _, keep := files[name]; !keep {
			_ = os.Remove(filepath.Join(p.dir, name))
			delete(p.have, name)
		}
	}
	for name, b := range files {
		if have, ok := p.have[name]; ok && bytes.Equal(have, b) {
			continue
		}
		if err := os.WriteFile(filepath.Join(p.dir, name), b, 0o600); err != nil {
			t.Error(err)
		}
		p.have[name] = b
	}
}

// broken opens a crash state and returns the promises that it does not keep.
func broken(dir string, promises map[string]string) []string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []string{err.Error()}
	}
	defer root.Close()
	box, err := alert.OpenHooked(root, alert.Patient(alert.Options{MachineID: "m1"}), (&badDisk{lazy: true}).step)
	if err != nil {
		return []string{err.Error()}
	}
	var bad []string
	open := map[string]alert.Incident{}
	for _, in := range box.Incidents() {
		if _, twice := open[in.Rule]; twice {
			bad = append(bad, in.Rule+" has two incidents")
		}
		open[in.Rule] = in
	}
	for _, q := range box.Quarantined() {
		if !strings.HasPrefix(q.Problem, "half written") && !strings.HasPrefix(q.Problem, "this incident is closed") {
			bad = append(bad, q.Path+" was quarantined: "+q.Problem)
		}
	}
	ended := endsIn(dir) // closed, or settled and about to be
	for rule, phase := range promises {
		in, ok := open[rule]
		switch {
		case !ok && !ended[rule]:
			bad = append(bad, rule+" is lost")
		case ok && phase == alert.PhaseResolved && in.State != alert.Resolved:
			bad = append(bad, "the resolution of "+rule+" is lost")
		case ok && phase == alert.PhaseUpdate && in.Phase == alert.PhaseFiring:
			bad = append(bad, "the update of "+rule+" is lost")
		}
	}
	return bad
}

// endsIn names the rules of which an end is on the disk.
func endsIn(dir string) map[string]bool {
	out := map[string]bool{}
	files, _ := filepath.Glob(dir + "/incidents/[co]*/*.json")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if _, err := alert.DecodeIncident(b); err != nil || !bytes.Contains(b, []byte(`.resolved"`)) {
			continue
		}
		_, rule, _ := bytes.Cut(b, []byte(`"rule": "`))
		rule, _, _ = bytes.Cut(rule, []byte(`"`))
		out[string(rule)] = true
	}
	return out
}
