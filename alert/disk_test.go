package alert_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
	"github.com/firewatch-agent/firewatch/alert/alerttest"
)

// badDisk fails or holds up steps on the state directory.
type badDisk struct {
	err  atomic.Pointer[error]         // of every step
	lazy bool                          // fsync does nothing, and costs nothing
	hold atomic.Pointer[chan struct{}] // each sync waits for it
}

func (d *badDisk) step(s alert.Step) error {
	if h := d.hold.Load(); h != nil && s.Op == "sync" {
		<-*h
	}
	if err := d.err.Load(); err != nil {
		return *err
	}
	if d.lazy && (s.Op == "sync" || s.Op == "syncdir") {
		return alert.ErrSkip
	}
	return nil
}

func (d *badDisk) fail(err error) {
	if err == nil {
		d.err.Store(nil)
		return
	}
	d.err.Store(&err)
}

func TestAFailingDiskStopsNeitherDeliveryNorTheAgent(t *testing.T) {
	t.Parallel()
	for _, errno := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EACCES, syscall.EDQUOT} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
				r := openHooked(t, dir, disk.step, nil, sink)
				disk.fail(errno)
				start := time.Now()
				err := r.Put(t.Context(), firing("disk-full", alert.Critical))
				if !errors.Is(err, alert.ErrNotDurable) || !errors.Is(err, errno) || time.Since(start) > 0 {
					t.Fatalf("Put: %v after %s", err, time.Since(start))
				}
				settle()
				wantPhases(t, sink.Taken(), "disk-full:firing")
				if h := r.Health(); h.Durable || h.Pending != 1 || !strings.Contains(h.Error, errno.Error()) {
					t.Errorf("health %+v", h)
				}
				if err := r.SaveState(t.Context(), []byte("{}")); !errors.Is(err, errno) {
					t.Errorf("SaveState: %v", err)
				}
				time.Sleep(time.Minute)
				disk.fail(nil)
				time.Sleep(2 * time.Second)
				if h := r.Health(); !h.Durable || h.Pending != 0 {
					t.Errorf("health after the disk was mended %+v", h)
				}
				r.stop()
				r = open(t, dir, nil, sink)
				r.put(resolved("disk-full", alert.Critical))
				settle()
				wantPhases(t, sink.Taken(), "disk-full:firing", "disk-full:resolved")
				wantClean(t, r)
			})
		})
	}
}

// A disk that hangs for all who write is said to hang since the first of them.
func TestADiskThatHangsForAllWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		disk := &badDisk{lazy: true}
		r := openHooked(t, dir, disk.step, nil, alerttest.NewSink("s"))
		stuck := make(chan struct{})
		disk.hold.Store(&stuck)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = r.Put(ctx, firing("cpu", alert.Critical))
		time.Sleep(2 * time.Minute)
		if h := r.Health(); !h.Hangs || !h.Since.Equal(began) {
			t.Errorf("health %+v, want since %s", h, began)
		}
		close(stuck)
		time.Sleep(time.Minute)
	})
}

// An fsync that does not return: the tick waits 200 ms, delivery goes on from
// memory, another writer takes over, and the one that was stuck brings nothing
// old back when it wakes up.
func TestAnFsyncThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
		r := openHooked(t, dir, disk.step, nil, sink)
		stuck := make(chan struct{})
		disk.hold.Store(&stuck)
		tick := func(a alert.Alert) time.Duration {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			if err := r.Put(ctx, a); !errors.Is(err, alert.ErrNotDurable) {
				t.Errorf("Put: %v", err)
			}
			return time.Since(start)
		}
		if took := tick(firing("cpu", alert.Critical)); took != 200*time.Millisecond {
			t.Errorf("Put took %s", took)
		}
		settle()
		wantPhases(t, sink.Taken(), "cpu:firing")
		time.Sleep(2 * time.Second)
		if h := r.Health(); h.Durable || h.Error == "" {
			t.Errorf("health %+v", h)
		}
		tick(update("cpu", alert.Critical))
		disk.hold.Store(nil) // a new request would go through
		time.Sleep(40 * time.Second)
		if h := r.Health(); !h.Durable || h.Pending != 0 || r.Stats().WritersAbandoned != 1 {
			t.Errorf("no other writer took over: %+v", h)
		}
		r.put(resolved("cpu", alert.Critical))
		r.put(firing("mem", alert.Warning))
		time.Sleep(2 * time.Second) // cpu is closed by now: its old file must not come back
		close(stuck)
		time.Sleep(5 * time.Second)
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:update-1", "cpu:resolved", "mem:firing")
		wantClean(t, r)
		r.stop()
		r = open(t, dir, nil, sink)
		if got := r.OpenFiring(); len(got) != 1 || got[0].Rule != "mem" {
			t.Errorf("after a restart these fire: %v", phases(got))
		}
	})
}

func TestAFolderThatVanishesIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		r := open(t, dir, nil, sink)
		r.put(firing("cpu", alert.Warning))
		if err := os.RemoveAll(dir + "/incidents"); err != nil {
			t.Fatal(err)
		}
		_ = r.Put(t.Context(), update("cpu", alert.Warning))
		time.Sleep(3 * time.Second)
		if h := r.Health(); !h.Durable {
			t.Errorf("health %+v", h)
		}
		wantPhases(t, sink.Taken(), "cpu:firing", "cpu:update-1")
		wantClean(t, r)
	})
}

func TestOpenStartsOnADiskThatTakesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
		disk.fail(syscall.EROFS)
		r := openHooked(t, dir, disk.step, nil, sink)
		if r.Health().Durable || len(r.InstallID()) != 32 {
			t.Errorf("health %+v, install id %q", r.Health(), r.InstallID())
		}
		_ = r.Put(t.Context(), firing("cpu", alert.Warning))
		settle()
		wantPhases(t, sink.Taken(), "cpu:firing")
		disk.fail(nil)
		time.Sleep(3 * time.Second)
		wantClean(t, r) // the install id is written too
		id := r.InstallID()
		r.stop()
		if again := open(t, dir, nil, sink); again.InstallID() != id {
			t.Error("the install id changed")
		}
	})
}

func TestStateGoesThroughTheWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, nil)
		if b, err := r.LoadState(); b != nil || err != nil {
			t.Errorf("at first: %q, %v", b, err)
		}
		for _, s := range []string{`{"a":1}`, `{"a":2}`} {
			if err := r.SaveState(t.Context(), []byte(s)); err != nil {
				t.Fatal(err)
			}
			if b, err := r.LoadState(); string(b) != s || err != nil {
				t.Errorf("read %q, %v", b, err)
			}
		}
	})
}

// A disk that is full takes a change all the same: the 64 spare files hold its
// room. When it has room again they are made anew.
func TestADiskThatIsFullStillTakesAChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := alerttest.NewSink("s")
		full := false
		noRoom := func(s alert.Step) error {
			switch {
			case full && (s.Op == "create" || s.Op == "write" || s.Op == "append"):
				return syscall.ENOSPC
			case s.Op == "sync" || s.Op == "syncdir":
				return alert.ErrSkip
			}
			return nil
		}
		r := openHooked(t, dir, noRoom, nil, sink)
		time.Sleep(time.Second)
		count := func() int { list, _ := os.ReadDir(dir + "/spare"); return len(list) }
		if count() != 64 {
			t.Fatalf("%d spare files", count())
		}
		full = true
		r.put(firing("disk-full", alert.Critical)) // fails the test if it is not on disk
		settle()
		if n := count(); n < 60 || n > 63 {
			t.Errorf("%d spare files are left of 64", n)
		}
		if h := r.Health(); !h.Durable || !h.Full || h.Spare != count() {
			t.Errorf("health on a full disk: %+v", h)
		}
		r.stop()
		r = openHooked(t, dir, noRoom, nil, sink)
		time.Sleep(time.Second)
		if h := r.Health(); !h.Full {
			t.Errorf("health after a restart on a full disk: %+v", h)
		}
		r.stop()
		r = open(t, dir, nil, sink)
		if got := r.OpenFiring(); len(got) != 1 || got[0].Rule != "disk-full" {
			t.Errorf("after a restart these fire: %v", phases(got))
		}
		time.Sleep(5 * time.Second)
		if count() != 64 {
			t.Errorf("%d spare files when the disk has room again", count())
		}
		if h := r.Health(); h.Full || h.Spare != 64 {
			t.Errorf("health on a disk that has room again: %+v", h)
		}
		wantPhases(t, sink.Taken(), "disk-full:firing")
		wantClean(t, r)
	})
}

// Who waits without a deadline of its own, as POST /v1/alerts does, learns after
// a second that a write hangs, and the alert goes out from memory then.
func TestAWriteThatHangsIsToldAfterASecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
		r := openHooked(t, dir, disk.step, nil, sink)
		time.Sleep(time.Second)
		stuck := make(chan struct{})
		disk.hold.Store(&stuck)
		start := time.Now()
		if got, err := r.Accept(t.Context(), posted("failed", alert.Firing), "k"); got != alert.NotYet || !errors.Is(err, alert.ErrNotDurable) {
			t.Errorf("Accept: %s, %v", got, err)
		}
		settle()
		wantPhases(t, sink.Taken(), "send:firing")
		if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("told after %s", took)
		}
		disk.hold.Store(nil)
		close(stuck)
		time.Sleep(time.Second)
		r.stop()
	})
}

// An alert is on its way only once it is on disk, as long as the disk answers
// in time: what a sink has seen, a crash must not take back.
func TestNothingIsSentBeforeItIsOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink, disk := alerttest.NewSink("s"), &badDisk{lazy: true}
		r := openHooked(t, dir, disk.step, nil, sink)
		slow := make(chan struct{})
		disk.hold.Store(&slow)
		done := make(chan error, 1)
		go func() { done <- r.Put(t.Context(), firing("cpu", alert.Critical)) }()
		time.Sleep(100 * time.Millisecond)
		wantPhases(t, sink.Taken())
		disk.hold.Store(nil)
		close(slow)
		if err := <-done; err != nil {
			t.Errorf("Put: %v", err)
		}
		settle()
		wantPhases(t, sink.Taken(), "cpu:firing")
		r.stop()
	})
}

// A line of the audit log that a failing disk refuses is tried again, and not
// without end: the agent would burn a processor for as long as the disk fails.
func TestAnAuditLineOnAFailingDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var steps atomic.Int64
		disk := &badDisk{lazy: true}
		r := openHooked(t, dir, func(s alert.Step) error {
			if steps.Add(1) > 10_000 {
				return nil // ends a loop that would hold up the test for ever
			}
			return disk.step(s)
		}, nil, alerttest.NewSink("s"))
		settle()
		disk.fail(syscall.EIO)
		steps.Store(0)
		if _, err := r.AddSilence(t.Context(), alert.Silence{Rule: "r", Until: time.Now().Add(time.Hour)}); !errors.Is(err, syscall.EIO) {
			t.Errorf("AddSilence: %v", err)
		}
		time.Sleep(time.Minute)
		if n := steps.Load(); n > 60*10 {
			t.Errorf("%d steps on a disk that fails, in a minute", n)
		}
		disk.fail(nil)
		time.Sleep(2 * time.Second)
		if b, err := r.root.ReadFile("audit.log"); err != nil || !strings.Contains(string(b), `"r"`) {
			t.Errorf("the line never came: %q, %v", b, err)
		}
	})
}
