package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/firewatch-agent/firewatch/internal/human"
)

// Diagnostic is one fault of a config file and its place.
type Diagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"`             // from 1; 0 = the file as a whole
	Column  int    `json:"column"`           // in characters, from 1
	Source  string `json:"source,omitempty"` // the line, what looks like a secret replaced by ***; "" = not shown
	Marks   int    `json:"marks,omitempty"`  // how many characters the caret line marks
	Problem string `json:"problem"`          // what is wrong
	Hint    string `json:"hint,omitempty"`   // what to write instead; "" = none
}

// String gives "file:line:column: problem; hint" and, where the line is
// known, the line and a caret line below it. There is no newline at the end.
func (d Diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Headline())
	if d.Source == "" {
		return b.String()
	}
	b.WriteString("\n" + d.Source + "\n")
	for _, r := range []rune(d.Source)[:min(d.Column-1, utf8.RuneCountInString(d.Source))] {
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteString("^" + strings.Repeat("~", max(d.Marks-1, 0)))
	return b.String()
}

// Headline is the first line of String, for logs and alerts.
func (d Diagnostic) Headline() string {
	s := d.File + ": "
	if d.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d: ", d.File, d.Line, d.Column)
	}
	s += d.Problem
	if d.Hint != "" {
		s += "; " + d.Hint
	}
	return s
}

// Render writes what a person sees: each fault, and how many there are. It
// writes nothing without faults.
func Render(w io.Writer, file string, list []Diagnostic) error {
	var b strings.Builder
	for _, d := range list {
		b.WriteString(d.String() + "\n")
	}
	switch len(list) {
	case 0:
	case 1:
		b.WriteString(file + ": 1 fault\n")
	default:
		fmt.Fprintf(&b, "%s: %d faults\n", file, len(list))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxFaults is how many faults are collected; a file with more is beyond
// mending line by line.
const maxFaults = 100

// maxColumns is how much of a line is shown.
const maxColumns = 200

// faults collects the diagnostics of one file.
type faults struct {
	name  string
	data  []byte
	lines []int // offset of each line
	list  []Diagnostic
	ended bool
}

func newFaults(name string, data []byte) *faults {
	f := &faults{name: name, data: data, lines: []int{0}}
	for i, c := range data {
		if c == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

func (f *faults) full() bool { return f.ended || len(f.list) >= maxFaults }

// stop reports the fault after which nothing else is worth reporting.
func (f *faults) stop(at span, problem string) {
	if !f.ended {
		f.add(at, problem, "")
	}
	f.ended = true
}

// line returns the number of the line that holds an offset.
func (f *faults) line(at int) int {
	i, found := slices.BinarySearch(f.lines, at)
	if found {
		i++
	}
	return i
}

// add reports a fault at a place.
func (f *faults) add(at span, problem, hint string) {
	if f.full() {
		return
	}
	d := Diagnostic{File: f.name, Line: f.line(at.at), Problem: human.Clean(problem, 500), Hint: human.Clean(hint, 500)}
	start := f.lines[d.Line-1]
	text := f.data[start:]
	if d.Line < len(f.lines) {
		text = f.data[start : f.lines[d.Line]-1]
	}
	line := strings.TrimRight(string(text), "\r\n")
	at.at = min(at.at-start, len(line))
	d.Column = utf8.RuneCountInString(line[:at.at]) + 1
	d.Marks = utf8.RuneCountInString(line[at.at:min(at.at+at.n, len(line))])
	d.Source = printable(redact(f.data, start, line[:min(len(line), 4*maxColumns)]))
	d.fit()
	f.list = append(f.list, d)
}

// fit cuts a line that is too long to show, and keeps the marks within it.
func (d *Diagnostic) fit() {
	runes := []rune(d.Source)
	if len(runes) > maxColumns {
		runes = append(runes[:maxColumns-1], '…')
	}
	d.Source = string(runes)
	d.Marks = max(1, min(d.Marks, len(runes)-d.Column+1))
}

// printable replaces what a terminal would act on, character by character so
// that columns stay.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError || r >= 0x200e && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
			return '?'
		}
		return r
	}, line)
}

// sorted returns the faults in the order of the file.
func (f *faults) sorted() []Diagnostic {
	slices.SortStableFunc(f.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(f.list, func(a, b Diagnostic) bool { return a == b })
}
