package rows

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func all(t *testing.T, text string) (*Reader, []Row, error) {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), "f.csv")
	if err != nil {
		return nil, nil, err
	}
	var out []Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r, out, nil
		}
		if err != nil {
			return r, out, err
		}
		out = append(out, row)
	}
}

// TestLabelsAreNeverRead, whatever their case, place and content.
func TestLabelsAreNeverRead(t *testing.T) {
	t.Parallel()
	r, got, err := all(t, "\ufeffLABEL,TimeStamp, Value ,Is_Anomaly\nno number,2020-01-01 00:00:00,1,x\n1,2020-01-01 00:00:00,,\n,2019-01-01 00:00:00,NaN,1\n0,junk,2e400,1\n")
	if err != nil || !slices.Equal(r.Names, []string{"Value"}) || len(got) != 4 {
		t.Fatalf("%v %v %d rows", err, r, len(got))
	}
	if got[0].Values[0] != 1 || got[2].Stamp != "2019-01-01 00:00:00" {
		t.Errorf("%+v", got)
	}
	for _, row := range got[1:] {
		if !math.IsNaN(row.Values[0]) {
			t.Errorf("missing is %v", row.Values[0])
		}
	}
}

// TestWithoutHeader takes the first row for what it is.
func TestWithoutHeader(t *testing.T) {
	t.Parallel()
	_, got, err := all(t, "1,2\n3,4\n")
	if err != nil || len(got) != 2 || got[0].Values[1] != 2 || got[1].Values[0] != 3 {
		t.Errorf("%v %+v", err, got)
	}
}

// TestFaultsAreNamed with file, line and column.
func TestFaultsAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                "EOF",
		"time,label\n":    "no column of numbers",
		"a,b\n1,2\n3,x":   `read f.csv, line 3, column 2: "x" is not a number`,
		"a,b\n1,2\n3\n":   "wrong number of fields",
		"a\n" + `"` + "1": "quote",
	} {
		if _, _, err := all(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestStep is the first one forward: times may repeat and go back.
func TestStep(t *testing.T) {
	t.Parallel()
	for want, stamps := range map[time.Duration][]string{
		0:               {"", "", ""},
		5 * time.Second: {"100", "100", "90", "95", "100"},
		time.Hour:       {"?", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z"},
		time.Minute:     {"2020-01-01 00:00", "2020-01-01 00:01"},
	} {
		var rows []Row
		for _, s := range stamps {
			rows = append(rows, Row{Stamp: s})
		}
		if got := Step(rows); got != want {
			t.Errorf("%q: %v, want %v", stamps, got, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"timestamp,value\n2020-01-01,1\n", "1,2\n3,4\n", "a,label\n1,x\n\"", "\ufeff\n", "value\n1e999\nInf\nnull\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, got, err := all(t, s)
		if err != nil && !strings.HasPrefix(err.Error(), "read f.csv") {
			t.Errorf("%v does not name the file", err)
		}
		for _, row := range got {
			if len(row.Values) != len(r.Names) {
				t.Errorf("%d values for %d columns", len(row.Values), len(r.Names))
			}
			for _, v := range row.Values {
				if math.IsInf(v, 0) {
					t.Error("an infinity")
				}
			}
		}
		if Step(got) < 0 {
			t.Error("a step back")
		}
	})
}
