package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/firewatch-agent/firewatch/record"
)

// timed runs f some times and gives the median in milliseconds. f returns how
// many values it read.
func timed(what string, limit float64, times int, f func() (int, error)) (measure, error) {
	m := measure{What: what, Unit: "ms", Limit: limit}
	for range times {
		start := time.Now()
		n, err := f()
		if err != nil {
			return m, fmt.Errorf("%s: %w", what, err)
		}
		m.N = n
		m.Raw = append(m.Raw, float64(time.Since(start).Microseconds())/1000)
	}
	sorted := slices.Sorted(slices.Values(m.Raw))
	m.Value = sorted[len(sorted)/2]
	m.Remark = fmt.Sprintf("median of %d, worst %.3g", times, sorted[len(sorted)-1])
	return m, nil
}

// withArchive opens the history of dir for one reading.
func withArchive(dir string, f func(*record.Archive) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return f(record.OpenArchive(root, slog.Default()))
}

// query reads a range from a freshly opened archive.
func query(dir string, q record.Query) func() (int, error) {
	return func() (n int, err error) {
		err = withArchive(dir, func(a *record.Archive) error {
			for p, err := range a.Range(context.Background(), q) {
				if err != nil {
					return err
				}
				for _, s := range p.Stats {
					n += min(s.Count, 1)
				}
			}
			return nil
		})
		if err == nil && n == 0 {
			err = fmt.Errorf("nothing from %v to %v", q.From, q.To)
		}
		return n, err
	}
}

// reads times opening and reading of a history whose last frame was t's last.
func reads(dir string, t *tiles) ([]measure, error) {
	end := epoch.Add(time.Duration(t.i) * time.Second)
	var series []record.Series
	for i := 0; len(series) < 10; i += len(t.series) / 10 {
		series = append(series, record.Series{Metric: t.series[i].Metric, Target: t.series[i].Target})
	}
	opens := func() (int, error) {
		w, err := open(dir, record.Config{}, os.Stderr)
		if err != nil {
			return 0, err
		}
		w.put(t.next())
		w.settle()
		w.close()
		return int(w.Stats().Recorded), nil
	}
	replay := func() (n int, err error) {
		err = withArchive(dir, func(a *record.Archive) error {
			for _, err := range a.Replay(time.Time{}) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		return n, err
	}
	old := end.Add(-5 * 24 * time.Hour)
	var out []measure
	for _, x := range []struct {
		what  string
		limit float64
		times int
		f     func() (int, error)
	}{
		{"range of 10 series over the last hour, 1 s rows", 20, 30, query(dir, record.Query{From: end.Add(-time.Hour), To: end, Series: series})},
		{"range of 10 series over an hour five days ago, 10 s rows", 20, 30, query(dir, record.Query{From: old, To: old.Add(time.Hour), Series: series})},
		{"range of 10 series over everything in steps of 10 min", 0, 5, query(dir, record.Query{From: epoch, To: end, Step: 10 * time.Minute, Series: series})},
		{"opening, repair of the ends and a first frame included", 200, 20, opens},
		{"replay of everything, all series", 0, 3, replay},
	} {
		m, err := timed(x.what, x.limit, x.times, x.f)
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
	return out, nil
}
