package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/firewatch-agent/firewatch/internal/conf"
	"github.com/firewatch-agent/firewatch/record"
)

// flips turns over one bit at a time somewhere in the files of a history of
// three hours, ten minutes of it 1 s rows, and reads it all.
func flips(c config) ([]measure, error) {
	t, err := newTiles(c.fixture, c.series)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, "flip")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	cfg := record.Config{Keep1s: conf.Duration(10 * time.Minute)}
	w, err := open(dir, cfg, os.Stderr)
	if err != nil {
		return nil, err
	}
	for range 3 * 3600 {
		w.put(t.next())
	}
	w.close()
	whole, _, err := survey(dir)
	if err != nil {
		return nil, err
	}
	files, _ := filepath.Glob(filepath.Join(dir, "history", "*"))
	rng := rand.New(rand.NewPCG(c.seed, 2))
	var worst time.Duration
	harmless, said := 0, 0
	for i := range c.flips {
		path := files[rng.IntN(len(files))]
		clean, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		bad := bytes.Clone(clean)
		at := rng.IntN(len(bad))
		bad[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			return nil, err
		}
		left, damage, err := survey(dir)
		if err != nil {
			return nil, fmt.Errorf("bit at %d of %s: %w", at, path, err)
		}
		if i%10 == 0 { // and the writer starts on it
			w, err := open(dir, cfg, io.Discard)
			if err != nil {
				return nil, err
			}
			w.close()
		}
		lost := time.Duration(0)
		for ns, span := range whole {
			if _, ok := left[ns]; !ok {
				lost += span
			}
		}
		switch {
		case lost == 0:
			harmless++
		case len(damage) == 1:
			said++
		default:
			return nil, fmt.Errorf("bit at %d of %s: lost %v, said %v", at, path, lost, damage)
		}
		worst = max(worst, lost)
		if err := os.WriteFile(path, clean, 0o600); err != nil {
			return nil, err
		}
	}
	return []measure{
		{What: "flipped bits after which the history opened and all else was read", Value: float64(c.flips), N: c.flips, Remark: fmt.Sprintf("%d in the first line or in rows that the other tier has: nothing lost", harmless)},
		{What: "of them: one block lost, and said", Value: float64(said)},
		{What: "most that one cost (a block of 10 s rows)", Value: worst.Seconds(), Unit: "s", Limit: 60},
	}, nil
}

// survey reads a history: what it has by time, each with its Elapsed, and what
// it says is damaged.
func survey(dir string) (map[int64]time.Duration, []record.Damage, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	a := record.OpenArchive(root, slog.New(slog.DiscardHandler))
	rows := map[int64]time.Duration{}
	for p, err := range a.Range(context.Background(), record.Query{From: epoch, To: epoch.Add(24 * time.Hour)}) {
		if err != nil {
			return nil, nil, err
		}
		rows[p.Time.UnixNano()] = time.Second
		if p.Time.Before(epoch.Add(2 * time.Hour)) {
			rows[p.Time.UnixNano()] = 10 * time.Second
		}
	}
	return rows, a.Damage(), nil
}

// full fills a tmpfs under a history and empties it again.
func full(c config) ([]measure, error) {
	dir := filepath.Join(c.dir, "tmpfs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		return []measure{{What: "a full tmpfs", Remark: "not run: " + strings.TrimSpace(string(out))}}, nil
	}
	defer exec.Command("umount", dir).Run()
	t, err := newTiles(c.fixture, c.series)
	if err != nil {
		return nil, err
	}
	var log bytes.Buffer
	w, err := open(dir, record.Config{}, &log)
	if err != nil {
		return nil, err
	}
	put := func(n int) {
		for range n {
			w.put(t.next())
		}
		w.settle()
	}
	put(300)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return nil, fmt.Errorf("fill the tmpfs: want ENOSPC, got %w", err)
	}
	put(300)
	paused := w.Stats().Paused
	if err := os.Remove(ballast); err != nil {
		return nil, err
	}
	put(300)
	w.close()
	s := w.Stats()
	rows, _, err := survey(dir)
	if err != nil {
		return nil, err
	}
	if paused == "" || s.Paused != "" || s.Damaged > 0 {
		return nil, fmt.Errorf("paused %q, then %+v", paused, s)
	}
	return []measure{
		{What: "frames lost over 5 min of ENOSPC", Value: float64(900 - len(rows)), Unit: "of 900", Remark: paused[strings.LastIndex(paused, ": ")+2:]},
		{What: "messages about it", Value: float64(strings.Count(log.String(), "\n")), Limit: 2},
	}, nil
}

// kills runs a child that records as fast as its writer goes, kills it at a
// random moment, looks at what is on disk, and lets the next child go on.
func kills(c config) ([]measure, error) {
	dir := filepath.Join(c.dir, "kill")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(c.seed, 3))
	var losses []float64
	next, torn, early := 0, 0, 0
	for i := 0; len(losses) < c.kills; i++ {
		wait := rng.IntN(10) > 0 // one in ten is killed whatever it is doing, mostly before its first frame
		at, said, err := killOne(dir, next, wait, time.Duration(rng.IntN(12000))*time.Microsecond)
		if err != nil {
			return nil, fmt.Errorf("kill %d: %w", i, err)
		}
		torn += said
		last, err := verify(dir, next)
		if err != nil {
			return nil, fmt.Errorf("kill %d: %w", i, err)
		}
		at = max(at, last+1) // the last frame may be on disk before the child could say so
		if at == next {
			early++
			continue
		}
		losses = append(losses, float64(at-1-last))
		next = at
		if len(losses)%500 == 0 {
			fmt.Fprintf(os.Stderr, "  %d kills, %d s of frames\n", len(losses), next)
		}
	}
	sorted := slices.Sorted(slices.Values(losses))
	return []measure{
		{What: "kill -9 while writing after which the history opened and every frame read was right", Value: float64(len(losses)), N: len(losses), Remark: fmt.Sprintf("and %d before the first frame", early)},
		{What: "most that one cost", Value: sorted[len(sorted)-1], Unit: "s of frames", Limit: 60},
		{What: "median", Value: sorted[len(sorted)/2], Unit: "s of frames"},
		{What: "ends torn off within a block, cut away and said", Value: float64(torn)},
		{What: "frames recorded in all", Value: float64(next)},
	}, nil
}
