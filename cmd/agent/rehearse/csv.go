package rehearse

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/cmd/agent/rows"
	"github.com/firewatch-agent/firewatch/collect"
)

// Bounds of a CSV file.
const (
	maxColumns = 5000
	maxRows    = 20_000_000
)

// FromCSV is a table with a header: a column named time or timestamp (RFC 3339,
// "2006-01-02 15:04:05" in UTC, or Unix seconds), and one column a series, named
// metric or metric:target. A column named value is the series given, for files
// of one series. Empty cells and NaN are missing readings; rows must be in the
// order of time. The tick is the least distance of two rows, at least 100 ms.
func FromCSV(f io.ReadSeeker, name, series string) (Input, error) {
	in := Input{Name: name}
	in.open = func() (Frames, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		t, err := newTable(f, name, series)
		if err != nil {
			return nil, err
		}
		in.columns = in.columns[:0]
		for _, s := range t.series {
			in.columns = append(in.columns, s.Metric)
		}
		return t.frames, nil
	}
	frames, err := in.open()
	if err != nil {
		return Input{}, err
	}
	for f, err := range frames {
		if err != nil {
			return Input{}, err
		}
		if f.Elapsed > 0 && (in.Interval == 0 || f.Elapsed < in.Interval) {
			in.Interval = f.Elapsed
		}
		in.span(f.Time)
	}
	if in.From.IsZero() {
		return Input{}, fmt.Errorf("read %s: it has no rows", name)
	}
	in.Interval = max(in.Interval, 100*time.Millisecond)
	return in, nil
}

// table reads frames from CSV.
type table struct {
	name   string
	r      *csv.Reader
	at     int // the column of the time
	series []collect.Sample
	column []int
	rows   int
}

func newTable(f io.Reader, name, value string) (*table, error) {
	t := &table{name: name, r: csv.NewReader(bufio.NewReader(f)), at: -1}
	t.r.ReuseRecord = true
	head, err := t.r.Read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w; the first row names the columns", name, err)
	}
	if len(head) > maxColumns {
		return nil, fmt.Errorf("read %s: %d columns, at most %d", name, len(head), maxColumns)
	}
	for i, h := range head {
		h = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
		switch strings.ToLower(h) {
		case "time", "timestamp":
			t.at = i
			continue
		case "value":
			if value == "" {
				return nil, fmt.Errorf("read %s: say with --metric which series the column value is, for example cpu_usage_active or disk_used_percent:/", name)
			}
			h = value
		}
		metric, target, _ := strings.Cut(h, ":")
		t.series, t.column = append(t.series, collect.Sample{Metric: metric, Target: target}), append(t.column, i)
	}
	if t.at < 0 || len(t.series) == 0 {
		return nil, fmt.Errorf("read %s: it needs a column named time or timestamp, and one for each series named metric or metric:target", name)
	}
	return t, nil
}

// frames yields the rows; the first error ends them and names the line.
func (t *table) frames(yield func(collect.Frame, error) bool) {
	var last time.Time
	for {
		cells, err := t.r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		t.rows++
		if err == nil && t.rows > maxRows {
			err = fmt.Errorf("more than %d rows", maxRows)
		}
		var f collect.Frame
		if err == nil {
			f, err = t.frame(cells)
		}
		if err == nil && !last.IsZero() {
			if f.Elapsed = f.Time.Sub(last); f.Elapsed <= 0 {
				err = fmt.Errorf("the time %s is not after that of the row before, %s", cells[t.at], last.Format(time.RFC3339))
			}
		}
		if err != nil {
			yield(collect.Frame{}, fmt.Errorf("read %s, line %d: %w", t.name, t.line(cells, err), err))
			return
		}
		last = f.Time
		if !yield(f, nil) {
			return
		}
	}
}

// line returns where the row that was just read begins, also if it is damaged
// to where it has no cells.
func (t *table) line(cells []string, err error) int {
	if bad := (*csv.ParseError)(nil); len(cells) == 0 && errors.As(err, &bad) {
		return bad.StartLine
	}
	if len(cells) == 0 {
		return t.rows + 1
	}
	line, _ := t.r.FieldPos(0)
	return line
}

func (t *table) frame(cells []string) (collect.Frame, error) {
	at, err := rows.ParseTime(cells[t.at])
	if err != nil {
		return collect.Frame{}, err
	}
	f := collect.Frame{Time: at, Samples: make([]collect.Sample, 0, len(t.series))}
	for i, c := range t.column {
		text := strings.TrimSpace(cells[c])
		if text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return f, fmt.Errorf("column %d: %q is not a number", c+1, text)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		s := t.series[i]
		s.Value = collect.Round(v)
		f.Samples = append(f.Samples, s)
	}
	return f, nil
}
