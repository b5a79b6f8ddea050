package config

import (
	"encoding"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Print writes c as a config file that explains itself: every key there is
// with a comment, those that are not set commented out with their default or
// an example, and secrets as ***. But for secrets, Parse reads it back to an
// equal configuration.
func Print(w io.Writer, c *Config) error {
	return newPrinter().print(w, c)
}

// PrintReference is Print of the built-in configuration with every setting
// commented out: the config file that packages install.
func PrintReference(w io.Writer) error {
	p := newPrinter()
	p.reference = true
	return p.print(w, Default())
}

type printer struct {
	b         strings.Builder
	keys      map[string]key
	tables    map[string]string
	reference bool // comment out every setting
	template  bool // within a [[table]] that shows its keys
}

func newPrinter() *printer {
	p := &printer{keys: map[string]key{}, tables: map[string]string{}}
	for _, k := range keys() {
		p.keys[k.path] = k
	}
	for _, t := range tables() {
		p.tables[t.path] = t.text
	}
	return p
}

func (p *printer) print(w io.Writer, c *Config) error {
	p.inner(reflect.ValueOf(*c), "", true)
	_, err := io.WriteString(w, strings.TrimLeft(p.b.String(), "\n"))
	return err
}

// settings writes the keys of v that hold values, and then its tables. Those
// not set are shown where all is.
func (p *printer) settings(v reflect.Value, path string, all bool) {
	for f := range fields(v.Type()) {
		fv, at := v.Field(f.index), join(path, f.name)
		if isTables(fv.Type()) {
			continue
		}
		k := p.keys[at]
		set := !isUnset(fv) && !p.template
		if all {
			p.comment(k.text)
		}
		switch {
		case set:
			p.line(p.reference, f.name+" = "+literal(fv))
		case all:
			p.line(true, f.name+" = "+k.value)
		}
	}
	p.inner(v, path, all)
}

// inner writes the tables of v.
func (p *printer) inner(v reflect.Value, path string, all bool) {
	for f := range fields(v.Type()) {
		fv, at := v.Field(f.index), join(path, f.name)
		switch {
		case !isTables(fv.Type()):
		case fv.Kind() == reflect.Slice:
			p.list(fv, at)
		case !hasSettings(fv.Type()):
			p.inner(fv, at, all)
		case all || !fv.IsZero():
			p.b.WriteString("\n")
			if all {
				p.comment(p.tables[at])
			}
			p.line(p.template, "["+at+"]")
			p.settings(fv, at, all)
		}
	}
}

// list writes a template of a [[table]] with all its keys, and then each item
// with those that are set.
func (p *printer) list(list reflect.Value, path string) {
	p.b.WriteString("\n")
	p.comment(p.tables[path])
	p.template = true
	p.line(true, "[["+path+"]]")
	p.settings(reflect.Zero(list.Type().Elem()), path, true)
	p.template = false
	if p.reference && list.Len() > 0 {
		p.b.WriteString("\n")
		p.comment("The built-in ones:")
	}
	for i := range list.Len() {
		p.b.WriteString("\n")
		p.line(p.reference, "[["+path+"]]")
		p.settings(list.Index(i), path, false)
	}
}

func (p *printer) line(commented bool, s string) {
	if commented {
		p.b.WriteString("#")
	}
	p.b.WriteString(s + "\n")
}

// comment writes text as lines of at most 100 characters.
func (p *printer) comment(text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			p.b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	if line != "#" {
		p.b.WriteString(line + "\n")
	}
}

// isTables reports whether a field is written as [tables] rather than as a
// setting.
func isTables(t reflect.Type) bool {
	e := t
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		e = t.Elem()
	}
	return e.Kind() == reflect.Struct && !isText(e)
}

func hasSettings(t reflect.Type) bool {
	for f := range fields(t) {
		if !isTables(t.Field(f.index).Type) {
			return true
		}
	}
	return false
}

// isUnset reports whether a value is as if it was not in the file. An empty
// list that is there means none, which is not the same.
func isUnset(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.IsNil()
	}
	return v.IsZero() || v.Kind() == reflect.Map && v.Len() == 0
}

// literal gives a setting's value in TOML.
func literal(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		return literal(v.Elem())
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, _ := m.MarshalText()
		return tomlString(string(text))
	}
	switch v.Kind() {
	case reflect.String:
		return tomlString(v.String())
	case reflect.Float32, reflect.Float64:
		return tomlFloat(v.Float())
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, literal(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		return tomlMap(v)
	}
	return fmt.Sprint(v.Interface())
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func tomlMap(v reflect.Value) string {
	var items []string
	for _, k := range v.MapKeys() {
		name := k.String()
		if !bareKey.MatchString(name) {
			name = tomlString(name)
		}
		items = append(items, name+" = "+literal(v.MapIndex(k)))
	}
	slices.Sort(items)
	return "{ " + strings.Join(items, ", ") + " }"
}

func tomlFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strconv.FormatFloat(f, 'f', -1, 64))
	case math.Abs(f) < 1e15:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}

// tomlString quotes s as a TOML basic string.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
