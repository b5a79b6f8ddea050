package record

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/collect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

func TestHistoryReturnsTheFrames(t *testing.T) {
	t.Parallel()
	h := Open(openRoot(t, t.TempDir()), Config{}, silent())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.Run(ctx); close(done) }()
	want := newHost(1, 40).frames(200)
	for i, f := range want {
		h.Record(f)
		for h.Stats().Recorded <= uint64(i) {
			runtime.Gosched()
		}
	}
	cancel()
	<-done
	same(t, replayed(t, h.Archive(), time.Time{}), want)
	since := want[100].Time
	same(t, replayed(t, h.Archive(), since), want[100:])
	if s := h.Stats(); s.Recorded != 200 || s.Dropped+s.Lost+s.Samples != 0 || s.Damaged != 0 || s.Paused != "" {
		t.Fatalf("%+v", s)
	}
}

// A full queue drops the newest, and the frame after says how long it was.
func TestRecordNeverBlocks(t *testing.T) {
	t.Parallel()
	h := Open(openRoot(t, t.TempDir()), Config{}, silent())
	frames := newHost(2, 5).frames(queueFrames + 10)
	for _, f := range frames[:queueFrames+9] { // nobody runs
		h.Record(f)
	}
	if s := h.Stats(); s.Dropped != 9 || s.Queued != queueFrames {
		t.Fatalf("%+v", s)
	}
	<-h.queue
	h.Record(frames[queueFrames+9])
	var got collect.Frame
	for range queueFrames {
		got = <-h.queue
	}
	var want time.Duration
	for _, f := range frames[queueFrames:] {
		want += f.Elapsed
	}
	if got.Elapsed != want || frames[queueFrames+9].Elapsed == want {
		t.Fatalf("Elapsed after 9 dropped frames is %v, want %v", got.Elapsed, want)
	}
}

// coarseRows reads the 10 s tier alone, each row in the order of its series:
// the order in which they came to be known is no part of what a row says.
func coarseRows(t testing.TB, a *Archive, lane int) (out []collect.Frame) {
	t.Helper()
	s, err := a.open(tier10s, longAgo, farAway)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	err = s.each(longAgo, farAway, nil, func(_ header, k *block) bool {
		return k.frames(lane, func(_ row, f collect.Frame) bool {
			slices.SortFunc(f.Samples, func(a, b collect.Sample) int {
				return cmp.Or(strings.Compare(a.Metric, b.Metric), strings.Compare(a.Target, b.Target))
			})
			out = append(out, f)
			return true
		}) == nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A run that is killed at any moment loses at most 30 s of frames, and the
// 10 s rows are those of the frames that are left.
func TestHistoryAfterAKill(t *testing.T) {
	t.Parallel()
	all := newHost(3, 8).frames(1500)
	for _, n := range []int{1, 29, 30, 31, 65, 599, 640, 1222, 1499} {
		dir := t.TempDir()
		h := begun(t, dir, Config{})
		for _, f := range all[:n] {
			h.take(f)
		}
		// Killed: nothing is finished. The next run repairs.
		h = begun(t, dir, Config{})
		h.finish()
		got := replayed(t, h.Archive(), time.Time{})
		if lost := n - len(got); lost > 31 {
			t.Fatalf("killed after %d frames: %d are lost", n, lost)
		}
		same(t, got, all[:len(got)])

		whole := begun(t, t.TempDir(), Config{})
		for _, f := range got {
			whole.take(f)
		}
		whole.finish()
		for lane := range maxLanes {
			same(t, coarseRows(t, h.Archive(), lane), coarseRows(t, whole.Archive(), lane))
		}
	}
}

// Whatever byte the last write stopped at, the next run starts, keeps every
// whole block, cuts the rest away once, and goes on.
func TestHistoryTornAtEveryByte(t *testing.T) {
	t.Parallel()
	frames := newHost(4, 2).frames(120)
	dir := t.TempDir()
	h := begun(t, dir, Config{})
	for _, f := range frames[:90] {
		h.take(f)
	}
	h.store.forget()
	files, _ := filepath.Glob(filepath.Join(dir, folder, "*.1s"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(content) + 1 {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, folder), 0o700)
		os.WriteFile(filepath.Join(dir, folder, filepath.Base(files[0])), content[:n], 0o600)
		h := begun(t, dir, Config{})
		kept := len(replayed(t, h.Archive(), time.Time{}))
		if boundary := bytes.HasPrefix(content[n:], []byte(marker)); n != len(content) && n > 0 && !boundary && len(h.Archive().Damage()) != 1 {
			t.Fatalf("torn at %d: damage %v", n, h.Archive().Damage())
		}
		for _, f := range frames[90:] {
			h.take(f)
		}
		h.finish()
		got := replayed(t, h.Archive(), time.Time{})
		if len(got) != kept+30 || n == len(content) && kept != 90 {
			t.Fatalf("torn at %d: %d frames kept, then %d", n, kept, len(got))
		}
		same(t, got[:kept], frames[:kept])
	}
}

// A damaged block is stepped over, told once, and shows as a gap.
func TestHistoryWithADamagedBlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	frames := newHost(5, 6).frames(120)
	h := begun(t, dir, Config{})
	for _, f := range frames {
		h.take(f)
	}
	h.finish()
	files, _ := filepath.Glob(filepath.Join(dir, folder, "*.1s"))
	b, _ := os.ReadFile(files[0])
	second := bytes.Index(b[len(magic)+4:], []byte(marker)) + len(magic) + 4
	b[second+headerSize+40] ^= 4
	os.WriteFile(files[0], b, 0o600)

	var log bytes.Buffer
	a := OpenArchive(openRoot(t, dir), slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		got := replayed(t, a, time.Time{})
		lost := len(frames) - len(got)
		if lost < 29 || lost > 31 {
			t.Fatalf("%d frames are lost, want those of one block", lost)
		}
		k := 0
		for got[k].Time.Equal(frames[k].Time) {
			k++
		}
		if d := a.Damage()[0]; !d.After.Equal(frames[k-1].Time) || !d.Before.Equal(frames[k+lost].Time) {
			t.Fatalf("frames %d to %d are lost, and it says: %v", k, k+lost-1, d.Error())
		}
		if gap := got[k].Elapsed - got[k].Time.Sub(got[k-1].Time); gap.Abs() > time.Millisecond {
			t.Fatalf("Elapsed over the gap is %v", got[k].Elapsed)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || len(a.Damage()) != 1 {
		t.Fatalf("said %d times:\n%s", n, &log)
	}
}

func TestHistoryOnAFullDisk(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Open(openRoot(t, t.TempDir()), Config{}, slog.New(slog.NewTextHandler(&log, nil)))
	h.begin()
	frames := newHost(6, 6).frames(900)
	full := func(f *os.File, b []byte) (int, error) {
		n, _ := f.Write(b[:len(b)/2])
		return n, syscall.ENOSPC
	}
	for i, f := range frames {
		switch i {
		case 100:
			h.store.write = full
		case 400:
			if h.Stats().Paused == "" {
				t.Fatal("a full disk went unnoticed")
			}
			h.store.write = (*os.File).Write
		}
		h.take(f)
	}
	h.finish()
	same(t, replayed(t, h.Archive(), time.Time{}), frames) // what waited was small
	if s := h.Stats(); s.Paused != "" || s.Lost != 0 || s.Damaged != 0 {
		t.Fatalf("%+v", s)
	}
	if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "no space left") || !strings.Contains(text, "goes on") {
		t.Fatalf("want one message for the pause and one for the end of it:\n%s", text)
	}
}

// Blocks beyond what may wait are lost, counted, and show as a gap.
func TestHistoryOnADiskThatStaysFull(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{})
	host := newHost(7, 400)
	h.store.write = func(*os.File, []byte) (int, error) { return 0, syscall.ENOSPC }
	var last collect.Frame
	for range 3000 {
		last = host.next()
		h.take(last)
	}
	if h.bytes > maxHeld || h.Stats().Lost == 0 {
		t.Fatalf("%d bytes wait, %+v", h.bytes, h.Stats())
	}
	h.store.write = (*os.File).Write
	for range 60 {
		last = host.next()
		h.take(last)
	}
	h.finish()
	var total time.Duration
	got := replayed(t, h.Archive(), time.Time{})
	for _, f := range got {
		total += f.Elapsed
	}
	if want := last.Time.Sub(start); (total-want).Abs() > time.Second || len(got) > 2500 {
		t.Fatalf("Elapsed of %d frames sums to %v, want %v", len(got), total, want)
	}
}

func TestHistoryWhoseDirectoryVanishes(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{folder, "."} {
		dir := filepath.Join(t.TempDir(), "state")
		os.Mkdir(dir, 0o700)
		var log bytes.Buffer
		h := Open(openRoot(t, dir), Config{}, slog.New(slog.NewTextHandler(&log, nil)))
		h.begin()
		frames := newHost(8, 5).frames(300)
		for i, f := range frames {
			switch i {
			case 65: // a fine block is next, so that it is the kept file that must be missed
				os.RemoveAll(filepath.Join(dir, gone))
				os.WriteFile(filepath.Join(dir, gone), nil, 0o600) // in its place: it cannot be made again
			case 180:
				os.Remove(filepath.Join(dir, gone))
				os.MkdirAll(dir, 0o700)
			}
			h.take(f)
		}
		h.finish()
		same(t, replayed(t, h.Archive(), frames[60].Time), frames[60:])
		if text := log.String(); strings.Count(text, "\n") != 2 || h.Stats().Paused != "" {
			t.Fatalf("%s: want one message for the pause and one for its end:\n%s", gone, text)
		}
	}
}

func TestHistoryStaysWithinItsSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := begun(t, dir, Config{Size: 1 << 20})
	host := newHost(9, 400)
	var last collect.Frame
	for i := range 2000 {
		last = host.next()
		h.take(last)
		if i%50 == 49 {
			if n := onDisk(t, dir); n > 1<<20 {
				t.Fatalf("%d bytes on disk after %d frames", n, i)
			}
		}
	}
	h.finish()
	if n := onDisk(t, dir); n > 1<<20 || n < 700<<10 || n != h.Stats().Bytes {
		t.Fatalf("%d bytes on disk, Stats says %d", n, h.Stats().Bytes)
	}
	got := replayed(t, h.Archive(), time.Time{})
	if !got[len(got)-1].Time.Equal(last.Time) || got[0].Time.Equal(start) {
		t.Fatalf("kept %v to %v: the oldest must go first", got[0].Time, got[len(got)-1].Time)
	}
}

func onDisk(t testing.TB, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, _ := e.Info()
		n += info.Size()
	}
	return n
}

// Old files go, the 10 s rows stay, and a clock that jumps ahead deletes
// nothing.
func TestHistoryKeepsByAge(t *testing.T) {
	t.Parallel()
	h := begun(t, t.TempDir(), Config{Keep1s: conf.Duration(10 * time.Minute)})
	host := newHost(10, 2)
	run := func(n int) {
		for range n {
			h.take(host.next())
		}
	}
	run(3600)
	fine := func() (n int) {
		s, err := h.archive.open(tier1s, longAgo, farAway)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		s.each(longAgo, farAway, nil, func(hd header, _ *block) bool { n += int(hd.rows); return true })
		return n
	}
	if n := fine(); n < 600 || n > 600+3*60 {
		t.Fatalf("%d s of frames kept, want 10 min and at most two files more", n)
	}
	before := fine()
	host.now = host.now.Add(50 * 365 * 24 * time.Hour)
	run(300)
	if n := fine(); n < before+240 {
		t.Fatalf("the clock jumped 50 years ahead, and of %d s of frames %d are left", before, n)
	}
	h.finish()
	if n := len(coarseRows(t, h.archive, laneMean)); n < 389 || n > 394 {
		t.Fatalf("%d rows of 10 s, want 390", n)
	}
}

// The clock is set back by an hour, over a restart ahead by a day: everything
// comes back in the order in which it was recorded, in one piece.
func TestHistoryOverStepsOfTheClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{Keep1s: conf.Duration(10 * time.Minute)}
	host := newHost(11, 4)
	var all []collect.Frame
	for part, step := range []time.Duration{0, -time.Hour, 24 * time.Hour, -time.Second * 3} {
		h := begun(t, dir, cfg)
		host.now = host.now.Add(step)
		for range 100 {
			f := host.next()
			if part == 2 && len(all) == 200 {
				f.Elapsed = 0 // a new run
			}
			all = append(all, f)
			h.take(f)
		}
		h.finish()
	}
	a := OpenArchive(openRoot(t, dir), silent())
	same(t, replayed(t, a, time.Time{}), all)
	var jumps []time.Duration
	for p, err := range a.Range(t.Context(), Query{From: start.Add(-2 * time.Hour), To: start.Add(48 * time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Jump != 0 {
			jumps = append(jumps, p.Jump.Round(time.Second))
		}
	}
	if len(jumps) != 0 { // each part is a run of its own: nobody can tell
		t.Fatalf("jumps %v", jumps)
	}
}

func TestHistoryWithoutADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "x")
	os.Mkdir(dir, 0o700)
	root := openRoot(t, dir)
	os.Remove(dir)
	h := Open(root, Config{}, silent())
	h.begin()
	for _, f := range newHost(12, 3).frames(100) {
		h.take(f)
	}
	h.finish()
	if h.Stats().Paused == "" {
		t.Fatal("not paused")
	}
	for _, err := range h.Archive().Replay(time.Time{}) {
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if f := (Config{}).Validate(); len(f) > 0 {
		t.Fatal(f)
	}
	bad := Config{Keep: conf.Duration(time.Hour), Keep1s: conf.Duration(time.Second), Size: 1 << 20}
	if f := bad.Validate(); len(f) != 3 {
		t.Fatal(f)
	}
}
