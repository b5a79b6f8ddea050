package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// decoder fills structs from a tree. A value that does not fit is reported and
// left as it was; the rest is filled in.
type decoder struct {
	faults *faults
	inline []span // literal secrets
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	secretType   = reflect.TypeFor[conf.Secret]()
	durationType = reflect.TypeFor[conf.Duration]()
	sizeType     = reflect.TypeFor[conf.Size]()
)

// value decodes n into v, which path names in the file. It reports whether
// all of it fitted.
func (d *decoder) value(n *node, v reflect.Value, path string) bool {
	n.bad = d.faults.full() || !d.fill(n, v, path)
	return !n.bad
}

func (d *decoder) fill(n *node, v reflect.Value, path string) bool {
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		ok := d.fill(n, p.Elem(), path)
		if ok {
			v.Set(p)
		}
		return ok
	}
	if v.Addr().Type().Implements(textType) {
		return d.text(n, v, path)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.table(n, v, path)
	case reflect.Map:
		return d.dictionary(n, v, path)
	case reflect.Slice:
		return d.list(n, v, path)
	}
	if n.kind == unstable.Array || isTable(n) || !d.scalar(n, v) {
		return d.wrong(n, v.Type(), path)
	}
	return true
}

func isTable(n *node) bool { return n.kids != nil }

// itemMark ends the path of an item of a list of settings.
const itemMark = "[]"

// wrong reports a value of the wrong kind.
func (d *decoder) wrong(n *node, want reflect.Type, path string) bool {
	name := path[strings.LastIndexByte(path, '.')+1:]
	problem := fmt.Sprintf("%s must be %s, not %s", name, typeName(want), kindName(n))
	hint := "write for example " + name + " = " + example(want)
	switch {
	case n.kind == unstable.Integer && isInteger(want):
		problem, hint = fmt.Sprintf("%s %s is out of range", name, n.text), ""
	case isText(want):
	case strings.HasSuffix(name, itemMark):
		name = strings.TrimSuffix(name, itemMark)
		problem, hint = "each item of "+strings.Replace(problem, itemMark, "", 1), "write for example "+name+" = ["+example(want)+"]"
	case want.Kind() == reflect.Struct && n.tables:
		hint = "write the header once, in single brackets: [" + path + "]"
	case want.Kind() == reflect.Slice && isTable(n) && element(want).Kind() == reflect.Struct && !n.inline:
		hint = "write the header in double brackets: [[" + path + "]]"
	case want.Kind() == reflect.Struct || want.Kind() == reflect.Map:
		hint = "write a header, [" + path + "], and settings below it"
	case want.Kind() == reflect.Slice && element(want).Kind() == reflect.Struct:
		hint = "write a header, [[" + path + "]], and settings below it"
	}
	d.faults.add(n.where(), problem, hint)
	return false
}

// text decodes a string by UnmarshalText.
func (d *decoder) text(n *node, v reflect.Value, path string) bool {
	switch {
	case n.kind == unstable.String, n.kind == unstable.Integer && v.Type() == sizeType:
	default:
		return d.wrong(n, v.Type(), path)
	}
	if v.Type() == secretType && n.text != "" && !conf.IsReference(n.text) {
		d.inline = append(d.inline, n.where())
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text)); err != nil {
		d.faults.add(n.where(), err.Error(), "")
		return false
	}
	return true
}

// table decodes a table into a struct.
func (d *decoder) table(n *node, v reflect.Value, path string) bool {
	if !isTable(n) {
		return d.wrong(n, v.Type(), path)
	}
	ok := true
	for _, name := range n.order {
		kid := n.kids[name]
		i := fieldIndex(v.Type(), name)
		if i < 0 {
			n.excused = append(n.excused, d.unknown(kid, name, v.Type()))
			ok = false
			continue
		}
		ok = d.value(kid, v.Field(i), join(path, name)) && ok
	}
	return ok
}

// unknown reports a key that no field has, and returns the nearest that one
// has. Without, it names the table where the key belongs.
func (d *decoder) unknown(n *node, name string, t reflect.Type) string {
	var names []string
	for f := range fields(t) {
		names = append(names, f.name)
	}
	what := "key"
	if n.tables || isTable(n) && !n.inline {
		what = "table"
	}
	hint := ""
	near := conf.Nearest(name, names)
	if near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if home := homes(name); home != "" {
		hint = "it belongs in " + home
	} else if len(names) <= 12 {
		hint = "known here: " + strings.Join(names, ", ")
	}
	d.faults.add(n.key, fmt.Sprintf("unknown %s %q", what, name), hint)
	return near
}

// dictionary decodes a table with keys of the user's choice into a map.
func (d *decoder) dictionary(n *node, v reflect.Value, path string) bool {
	if !isTable(n) {
		return d.wrong(n, v.Type(), path)
	}
	m, ok := reflect.MakeMap(v.Type()), true
	for _, name := range n.order {
		item := reflect.New(v.Type().Elem()).Elem()
		if !d.value(n.kids[name], item, join(path, name)) {
			ok = false
			continue
		}
		m.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), item)
	}
	v.Set(m)
	return ok
}

// list decodes an array or [[tables]] into a slice. An item that does not fit
// keeps its place, so that the index in a later fault is the file's.
func (d *decoder) list(n *node, v reflect.Value, path string) bool {
	if n.kind != unstable.Array {
		return d.wrong(n, v.Type(), path)
	}
	if !isTables(v.Type()) {
		path += itemMark
	}
	s, ok := reflect.MakeSlice(v.Type(), len(n.items), len(n.items)), true
	for i, item := range n.items {
		ok = d.value(item, s.Index(i), path) && ok
	}
	v.Set(s)
	return ok
}

// scalar decodes a number, a truth value or plain text.
func (d *decoder) scalar(n *node, v reflect.Value) bool {
	number := strings.ReplaceAll(n.text, "_", "")
	switch {
	case v.Kind() == reflect.String && n.kind == unstable.String:
		v.SetString(n.text)
	case v.Kind() == reflect.Bool && n.kind == unstable.Bool:
		v.SetBool(n.text == "true")
	case v.CanInt() && n.kind == unstable.Integer:
		i, err := strconv.ParseInt(number, 0, v.Type().Bits())
		v.SetInt(i)
		return err == nil
	case v.CanUint() && n.kind == unstable.Integer:
		i, err := strconv.ParseUint(strings.TrimPrefix(number, "+"), 0, v.Type().Bits())
		v.SetUint(i)
		return err == nil
	case v.CanFloat() && n.kind == unstable.Integer:
		i, err := strconv.ParseInt(number, 0, 64)
		v.SetFloat(float64(i))
		return err == nil
	case v.CanFloat() && n.kind == unstable.Float:
		f, err := strconv.ParseFloat(number, v.Type().Bits())
		v.SetFloat(f)
		return err == nil
	default:
		return false
	}
	return true
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func quoted(s string) string { return strconv.Quote(s) }
