// Package rows reads tables of numbers as they are: one row after the other, a
// column a series, for `firewatch score`. Unlike package rehearse, which makes
// frames for rules, it does not ask what a column is called, or that time goes on.
package rows

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxColumns bounds a row.
const maxColumns = 4096

// timeNames are the columns that say when, in lower case; labelNames those that
// hold answers and are never read.
var (
	timeNames  = []string{"timestamp", "time"}
	labelNames = []string{"label", "is_anomaly"}
)

// Row is one row of a file.
type Row struct {
	Stamp  string    // the timestamp's text as it stands in the file; "" without such a column
	Values []float64 // NaN = missing; a new slice for each row
}

// Reader reads rows of a CSV file.
type Reader struct {
	// Names are those of the columns that are series; empty where the first row
	// is numbers already.
	Names []string

	name   string
	csv    *csv.Reader
	stamp  int   // column, -1 = none
	column []int // of each series
	first  []string
}

// NewReader reads the header. name is that of the file, for errors.
func NewReader(r io.Reader, name string) (*Reader, error) {
	t := &Reader{name: name, csv: csv.NewReader(bufio.NewReader(r)), stamp: -1}
	head, err := t.csv.Read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(head) > maxColumns {
		return nil, fmt.Errorf("read %s: %d columns, at most %d", name, len(head), maxColumns)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	if !slices.ContainsFunc(head, func(s string) bool { _, err := number(s); return err != nil }) {
		t.first = head
		head = make([]string, len(head))
	}
	for i, h := range head {
		h = strings.TrimSpace(h)
		lower := strings.ToLower(h)
		switch {
		case slices.Contains(labelNames, lower):
		case t.stamp < 0 && slices.Contains(timeNames, lower):
			t.stamp = i
		default:
			t.Names, t.column = append(t.Names, h), append(t.column, i)
		}
	}
	if len(t.column) == 0 {
		return nil, fmt.Errorf("read %s: no column of numbers", name)
	}
	return t, nil
}

// Next returns the next row; io.EOF after the last.
func (t *Reader) Next() (Row, error) {
	cells := t.first
	t.first = nil
	if cells == nil {
		var err error
		if cells, err = t.csv.Read(); err != nil {
			if errors.Is(err, io.EOF) {
				return Row{}, io.EOF
			}
			return Row{}, fmt.Errorf("read %s: %w", t.name, err)
		}
	}
	row := Row{Values: make([]float64, len(t.column))}
	if t.stamp >= 0 {
		row.Stamp = cells[t.stamp]
	}
	for i, c := range t.column {
		v, err := number(cells[c])
		if err != nil {
			line, _ := t.csv.FieldPos(c)
			return Row{}, fmt.Errorf("read %s, line %d, column %d: %q is not a number", t.name, line, c+1, cells[c])
		}
		row.Values[i] = v
	}
	return row, nil
}

// number reads a cell: NaN where it is empty, null or not finite.
func number(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if s == "" || strings.EqualFold(s, "null") {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) || err == nil && math.IsInf(v, 0) {
		return math.NaN(), nil
	}
	return v, err
}

// Step is the first distance forward in time from one row to the next; 0 where
// there is none, or the rows have no timestamps that can be read.
func Step(rows []Row) time.Duration {
	for i := 1; i < len(rows); i++ {
		a, errA := ParseTime(rows[i-1].Stamp)
		b, errB := ParseTime(rows[i].Stamp)
		if errA == nil && errB == nil && b.After(a) {
			return b.Sub(a)
		}
	}
	return 0
}
