package job

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// book is the other side of tell: does the alert of the job fire?
type book struct {
	firing bool
	fired  int
	last   string
}

func (b *book) tell(_ context.Context, o Outcome) error {
	if o.Firing {
		b.fired++
	}
	b.firing, b.last = o.Firing, o.Summary
	return nil
}

func open(t *testing.T, dir string) *Record {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r, err := Open(root, "backup")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// script gives an attempt that ends with one code after the other, each after a
// minute.
func script(codes ...int) func(context.Context) int {
	return func(ctx context.Context) int {
		select {
		case <-ctx.Done():
			return CodeTerminal
		case <-time.After(time.Minute):
		}
		c := codes[0]
		codes = codes[1:]
		return c
	}
}

func TestRetriesAndDeadline(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  Spec
		codes []int
		code  int
		took  time.Duration
		said  string
	}{
		{"works", Spec{}, []int{0}, 0, time.Minute, "works"},
		{"fails", Spec{}, []int{3}, 3, time.Minute, "failed once: exit code 3"},
		{"works at last", Spec{Retries: 3, Delay: 5 * time.Minute, Deadline: time.Hour}, []int{1, 1, 0}, 0, 13 * time.Minute, "works"},
		{"never works", Spec{Retries: 2, Delay: 5 * time.Minute, Deadline: time.Hour}, []int{1, 1, 7}, 7, 13 * time.Minute, "failed 3 times: exit code 7"},
		{"too slow", Spec{Retries: 2, Deadline: 30 * time.Second}, nil, CodeLate, 30 * time.Second, "did not finish within 30s (attempt 1)"},
		{"no time for another", Spec{Retries: 9, Delay: 5 * time.Minute, Deadline: 6 * time.Minute}, []int{4}, 4, time.Minute, "leaves no time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b, start := open(t, t.TempDir()), &book{}, time.Now()
				defer r.Close()
				code, err := c.spec.Run(t.Context(), r, script(c.codes...), b.tell)
				if err != nil || code != c.code || time.Since(start) != c.took || !strings.Contains(b.last, c.said) || b.firing != (c.code != 0) {
					t.Errorf("code %d after %s, firing %v, told %q, error %v; want code %d after %s and %q", code, time.Since(start), b.firing, b.last, err, c.code, c.took, c.said)
				}
				if _, owed := r.owed("backup"); owed {
					t.Error("something is owed after a run that told its outcome")
				}
			})
		})
	}
}

// TestKilledAtEachStep kills a run at each of its steps; the next run must
// leave the alert as its own end demands, and what the killed one owed must
// have been told.
func TestKilledAtEachStep(t *testing.T) {
	const killed = "killed"
	for _, step := range []string{"while it runs", "before it tells", "after it told"} {
		for _, first := range []int{0, 1} {
			for _, second := range []int{0, 1} {
				dir, b := t.TempDir(), &book{}
				r := open(t, dir)
				func() {
					defer func() {
						if recover() != killed {
							t.Errorf("%s: the run was not killed", step)
						}
						r.Close() // as the kernel does
					}()
					_, _ = Spec{Name: "backup"}.Run(t.Context(), r, func(context.Context) int {
						if step == "while it runs" {
							panic(killed)
						}
						return first
					}, func(ctx context.Context, o Outcome) error {
						if step == "after it told" {
							_ = b.tell(ctx, o)
						}
						panic(killed)
					})
				}()
				r = open(t, dir)
				early := 0
				code, err := Spec{Name: "backup"}.Run(t.Context(), r, func(context.Context) int { early = b.fired; return second }, b.tell)
				r.Close()
				owed := first != 0 || step == "while it runs"
				if err != nil || code != second || b.firing != (second != 0) || (early > 0) != owed {
					t.Errorf("%s, %d then %d: code %d, firing %v, told as failed before the next attempt %d times, error %v", step, first, second, code, b.firing, early, err)
				}
			}
		}
	}
}

func TestUntoldIsToldByTheNextRun(t *testing.T) {
	dir, b, broken := t.TempDir(), &book{}, errors.New("disk full")
	r := open(t, dir)
	code, err := Spec{}.Run(t.Context(), r, func(context.Context) int { return 2 }, func(context.Context, Outcome) error { return broken })
	r.Close()
	if code != 2 || !errors.Is(err, broken) {
		t.Fatalf("code %d, error %v", code, err)
	}
	r = open(t, dir)
	defer r.Close()
	if _, err := (Spec{}).Run(t.Context(), r, func(context.Context) int { return 0 }, b.tell); err != nil || b.fired != 1 || b.firing {
		t.Errorf("told as failed %d times, firing %v, error %v; want once and over", b.fired, b.firing, err)
	}
}

func TestASecondRunIsKeptOut(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	defer r.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := Open(root, "backup"); !errors.Is(err, ErrRunning) {
		t.Errorf("the second run got %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", ".hidden", strings.Repeat("x", 65)} {
		if _, err := Open(root, bad); err == nil {
			t.Errorf("%q was taken as a name", bad)
		}
	}
}

func TestDamagedRecordIsAKilledRun(t *testing.T) {
	for _, text := range []string{"{", "null", `{"began":"2026`, "\x00\x00"} {
		dir := t.TempDir()
		r := open(t, dir)
		if _, err := r.f.WriteAt([]byte(text), 0); err != nil {
			t.Fatal(err)
		}
		if o, ok := r.owed("backup"); !ok || !o.Firing || o.Began.IsZero() {
			t.Errorf("%q: owed %v %+v", text, ok, o)
		}
		r.Close()
	}
}

// TestRecordIsNeverEmptyOnItsWay: where the second of two writes fails, as on a
// full disk or by a kill, the first is still owed.
func TestRecordIsNeverEmptyOnItsWay(t *testing.T) {
	r := open(t, t.TempDir())
	defer r.Close()
	if err := r.write(state{Began: time.Now()}); err != nil {
		t.Fatal(err)
	}
	appends, err := os.OpenFile(r.f.Name(), os.O_RDWR|os.O_APPEND, 0) // WriteAt refuses such a file
	if err != nil {
		t.Fatal(err)
	}
	defer appends.Close()
	if err := (&Record{appends}).write(state{Outcome: &Outcome{Firing: true}}); err == nil {
		t.Fatal("the write does not fail")
	}
	if o, ok := r.owed("backup"); !ok || !o.Firing {
		t.Errorf("owed %v %+v", ok, o)
	}
}

// TestShorterRecord: what is left of a longer one is gone.
func TestShorterRecord(t *testing.T) {
	r := open(t, t.TempDir())
	defer r.Close()
	for _, summary := range []string{strings.Repeat("long ", 50), "short"} {
		if err := r.write(state{Outcome: &Outcome{Summary: summary}}); err != nil {
			t.Fatal(err)
		}
	}
	if o, ok := r.owed("backup"); !ok || o.Summary != "short" {
		t.Errorf("owed %v %+v", ok, o)
	}
}

func TestCommand(t *testing.T) {
	for _, c := range []struct {
		line string
		code int
	}{{"exit 0", 0}, {"exit 9", 9}, {"kill -9 $$", 137}} {
		if code := Command(t.Context(), []string{"sh", "-c", c.line}, nil, io.Discard, io.Discard); code != c.code {
			t.Errorf("%s: code %d, want %d", c.line, code, c.code)
		}
	}
	if code := Command(t.Context(), []string{"/nonexistent"}, nil, io.Discard, io.Discard); code != CodeMissing {
		t.Errorf("a missing command: code %d", code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if code := Command(ctx, []string{"sh", "-c", "sleep 60 & wait"}, nil, io.Discard, io.Discard); code != CodeTerminal || time.Since(start) > termPatience {
		t.Errorf("past the end of its context: code %d after %s", code, time.Since(start))
	}
}
