package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/config"
	"github.com/firewatch-agent/firewatch/cmd/agent/rows"
	"github.com/firewatch-agent/firewatch/detect"
	"github.com/firewatch-agent/firewatch/internal/conf"
)

const (
	blockSeries = 12   // series that the host channel judges together
	rowsForStep = 1000 // rows in which the step is looked for
)

// scoreOptions are the flags of `firewatch score`.
type scoreOptions struct {
	in, out, train, channel, budget string
	step                            conf.Duration
	seed                            uint64
}

func (o scoreOptions) faults() error {
	var out []error
	if o.in == "" || o.out == "" {
		out = append(out, errors.New("--in and --out are needed: the CSV to score, and the one to write"))
	}
	if o.step < 0 {
		out = append(out, fmt.Errorf("--step %s is not positive: give the time from row to row, for example 1m", o.step))
	}
	return errors.Join(out...)
}

func cmdScore(ctx context.Context, e env, args []string) int {
	var o scoreOptions
	fs := newFlags(e, "score")
	fs.StringVar(&o.in, "in", "", "CSV `file` to score: a column a series; timestamp is the time, label and is_anomaly are never read")
	fs.StringVar(&o.out, "out", "", "CSV `file` to write: one row for each of the input")
	fs.StringVar(&o.train, "train", "", "CSV `file` of the past, with the same columns, that is learnt first")
	fs.StringVar(&o.channel, "channel", "all", "`list` of channels: value, shape and host, joined by +, or all")
	fs.StringVar(&o.budget, "budget", "1 per week", "false alarms to put up with: N per hour, day, week or month")
	fs.TextVar(&o.step, "step", o.step, "time from row to row (default: that of the first two timestamps, else 1m)")
	fs.Uint64Var(&o.seed, "seed", 1, "of every random choice")
	if code, ok := parse(e, fs, args); !ok {
		return code
	}
	channels, err := detect.ParseChannels(o.channel)
	rate, wrong := detect.ParseBudget(o.budget)
	if err = errors.Join(o.faults(), err, wrong); err != nil {
		fmt.Fprintf(e.err, "firewatch score: %v\n", err)
		return exitUsage
	}
	if err := score(ctx, e, o, channels, rate); err != nil {
		return fail(e, "score", err)
	}
	return exitDone
}

// score writes the scores of o.in to o.out.
func score(ctx context.Context, e env, o scoreOptions, channels detect.Channels, budget float64) (err error) {
	var past *scoreInput
	if o.train != "" {
		if past, err = openRows(o.train); err != nil {
			return err
		}
		defer func() { _ = past.close() }()
	}
	in, err := openRows(o.in)
	if err != nil {
		return err
	}
	defer func() { _ = in.close() }()
	if past != nil && !slices.Equal(past.table.Names, in.table.Names) {
		return fmt.Errorf("read %s: its columns are not those of %s", o.train, o.in)
	}
	step := o.step.D()
	if step == 0 {
		step = in.step
	}
	if n := len(in.table.Names); n > detect.MostShapes && channels&detect.ShapeChannel != 0 {
		fmt.Fprintf(e.err, "firewatch score: shape looks at the first %d of %d columns\n", detect.MostShapes, n)
	}
	s, err := detect.NewScorer(detect.ScorerOptions{Series: len(in.table.Names), Blocks: blocksOf(in.table.Names), Step: step, Channels: channels, Budget: budget, Seed: o.seed})
	if err != nil {
		return err
	}
	if past != nil {
		if err := past.each(ctx, func(r rows.Row) error { _, err := s.Observe(r.Values); return err }); err != nil {
			return err
		}
	}
	return writeScores(ctx, o.out, in, s, step)
}

// writeScores scores the rows of in and writes them to path.
func writeScores(ctx context.Context, path string, in *scoreInput, s *detect.Scorer, step time.Duration) (err error) {
	f, done, err := create(path)
	if err != nil {
		return err
	}
	defer func() { err = done(err) }()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "timestamp,anomaly_score,alert")
	n := 0
	err = in.each(ctx, func(r rows.Row) error {
		score, err := s.Observe(r.Values)
		if err != nil {
			return err
		}
		stamp := r.Stamp
		if stamp == "" {
			stamp = strconv.FormatFloat((time.Duration(n) * step).Seconds(), 'f', -1, 64)
		}
		n++
		alert := 0
		if s.Alert() {
			alert = 1
		}
		_, err = fmt.Fprintf(w, "%s,%s,%d\n", quoted(stamp), strconv.FormatFloat(score, 'g', 9, 64), alert)
		return err
	})
	return errors.Join(err, w.Flush())
}

// create opens the file to write. One that is none yet, or a regular one, holds what
// it held until all is written: it may be the one that is read.
func create(path string) (f *os.File, done func(error) error, err error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f, err = os.OpenFile(path, os.O_WRONLY, 0)
		return f, func(err error) error { return errors.Join(err, f.Close()) }, err
	}
	if f, err = os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666); err != nil {
		return nil, nil, err
	}
	return f, func(err error) error {
		if err = errors.Join(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(f.Name()))
		}
		return os.Rename(f.Name(), path)
	}, nil
}

// quoted is a cell of CSV.
func quoted(s string) string {
	if strings.ContainsAny(s, ",\"\r\n") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// blocksOf are the columns that the host channel judges together: metrics that we
// know by subsystem, others in the order of the file.
func blocksOf(names []string) [][]int {
	subsystem := map[string]string{}
	for _, m := range config.Metrics() {
		subsystem[m.Name] = m.Subsystem
	}
	var order []string
	groups := map[string][]int{}
	for i, name := range names {
		metric, _, _ := strings.Cut(name, ":")
		key := subsystem[metric]
		if _, ok := groups[key]; !ok {
			order = append(order, key)
		}
		groups[key] = append(groups[key], i)
	}
	var out [][]int
	for _, key := range order {
		out = slices.AppendSeq(out, slices.Chunk(groups[key], blockSeries))
	}
	return out
}

// scoreInput is an open file of rows, of which the first ones are read.
type scoreInput struct {
	table *rows.Reader
	first []rows.Row
	step  time.Duration
	close func() error
}

func openRows(path string) (*scoreInput, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &scoreInput{close: f.Close}
	if in.table, err = rows.NewReader(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for len(in.first) < rowsForStep && in.step == 0 {
		row, err := in.table.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		in.first = append(in.first, row)
		in.step = rows.Step(in.first[max(0, len(in.first)-2):])
	}
	if in.step == 0 {
		in.step = time.Minute
	}
	return in, nil
}

// each calls f with every row.
func (in *scoreInput) each(ctx context.Context, f func(rows.Row) error) error {
	for _, r := range in.first {
		if err := f(r); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		r, err := in.table.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(r)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
