package alert_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
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
}

// promise is something that must hold in every state from step on.
type promise struct {
	step        int
	rule, phase string // accepted: Put returned nil
}

func (tr *trace) hook(s alert.Step) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	s.Data = slices.Clone(s.Data)
	tr.steps = append(tr.steps, s)
	if s.Op == "sync" || s.Op == "syncdir" {
		return alert.ErrSkip // the trace knows
	}
	return nil
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
// by syncdir, content by sync.
type volume struct {
	now, durable map[string]*inode // path → file
}

func (v *volume) apply(s alert.Step) {
	switch s.Op {
	case "create":
		v.now[s.Path] = &inode{}
	case "write":
		v.now[s.Path].data = s.Data
	case "sync":
		v.now[s.Path].synced = v.now[s.Path].data
	case "rename":
		v.now[s.To] = v.now[s.Path]
		delete(v.now, s.Path)
	case "remove":
		delete(v.now, s.Path)
	case "syncdir":
		for p := range v.durable {
			if path.Dir(p) == path.Clean(s.Path) {
				delete(v.durable, p)
			}
		}
		for p, n := range v.now {
			if path.Dir(p) == path.Clean(s.Path) {
				v.durable[p] = n
			}
		}
	}
}

// outcomes returns what may be on the disk after a crash: everything; only what
// was synced; every name with only the synced content; the last write torn.
func (v *volume) outcomes(last alert.Step) []map[string][]byte {
	build := func(names map[string]*inode, content func(*inode) []byte) map[string][]byte {
		out := map[string][]byte{}
		for p, n := range names {
			out[p] = content(n)
		}
		return out
	}
	synced := func(n *inode) []byte { return n.synced }
	torn := build(v.now, synced)
	if last.Op == "write" {
		torn[last.Path] = last.Data[:len(last.Data)/2]
	}
	return []map[string][]byte{
		build(v.now, func(n *inode) []byte { return n.data }),
		build(v.durable, synced),
		build(v.now, synced),
		torn,
	}
}

// record runs a life of the outbox and returns its trace.
func recordTrace(t *testing.T) *trace {
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
		put := func(a alert.Alert) {
			if err := r.Put(t.Context(), a); err != nil {
				t.Error(err)
			}
			tr.promised(a.Rule, a.Phase)
			time.Sleep(time.Millisecond)
		}
		for i := range 6 {
			s := []alert.Severity{alert.Info, alert.Critical}[i%2]
			put(firing(fmt.Sprint("r", i), s))
			if i > 0 {
				put(update(fmt.Sprint("r", i-1), s))
			}
			if i > 1 {
				put(resolved(fmt.Sprint("r", i-2), s))
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Hour)
	})
	return tr
}

func TestEveryCrashStateKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	tr := recordTrace(t)
	vol := &volume{now: map[string]*inode{}, durable: map[string]*inode{}}
	seen := map[[32]byte]bool{}
	states := 0
	base := t.TempDir()
	for k := 0; k <= len(tr.steps); k++ {
		last := alert.Step{}
		if k > 0 {
			last = tr.steps[k-1]
			vol.apply(last)
		}
		for i, files := range vol.outcomes(last) {
			states++
			id := digestOf(files, promisesAt(tr, k))
			if seen[id] {
				continue
			}
			seen[id] = true
			dir := filepath.Join(base, fmt.Sprint(len(seen)))
			materialize(t, dir, files)
			if bad := broken(dir, promisesAt(tr, k)); len(bad) > 0 {
				t.Fatalf("crash before step %d of %d (after %s %s), outcome %d: %s", k, len(tr.steps), last.Op, last.Path, i, strings.Join(bad, "; "))
			}
			_ = os.RemoveAll(dir)
		}
	}
	t.Logf("%d steps, %d crash states, %d of them distinct", len(tr.steps), states, len(seen))
	if len(seen) < 200 {
		t.Errorf("only %d distinct states: the trace is broken", len(seen))
	}
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

func materialize(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for _, d := range []string{"incidents/open", "incidents/closed", "incidents/quarantine", "incidents/tmp", "intake"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for p, b := range files {
		if err := os.WriteFile(filepath.Join(dir, p), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// broken opens a crash state and returns the promises that it does not keep.
func broken(dir string, promises map[string]string) []string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return []string{err.Error()}
	}
	defer root.Close()
	box, err := alert.OpenHooked(root, alert.Options{MachineID: "m1"}, (&badDisk{lazy: true}).step)
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
	ended, _ := filepath.Glob(dir + "/incidents/[co]*/*.json") // closed, or settled and about to be
	for rule, phase := range promises {
		in, ok := open[rule]
		switch {
		case !ok && !slices.ContainsFunc(ended, func(f string) bool { return endHolds(f, rule) }):
			bad = append(bad, rule+" is lost")
		case ok && phase == alert.PhaseResolved && in.State != alert.Resolved:
			bad = append(bad, "the resolution of "+rule+" is lost")
		case ok && phase == alert.PhaseUpdate && in.Phase == alert.PhaseFiring:
			bad = append(bad, "the update of "+rule+" is lost")
		}
	}
	return bad
}

func endHolds(file, rule string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	b, err = alert.DecodeIncident(b)
	return err == nil && bytes.Contains(b, []byte(`"rule": "`+rule+`"`)) && bytes.Contains(b, []byte(`.resolved"`))
}
