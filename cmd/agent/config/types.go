package config

import (
	"iter"
	"reflect"

	"github.com/pelletier/go-toml/v2/unstable"
)

// field is a struct field with its key in the file.
type field struct {
	name  string
	index int
}

// fields goes over the keys of a struct in the order of its fields.
func fields(t reflect.Type) iter.Seq[field] {
	return func(yield func(field) bool) {
		for i := range t.NumField() {
			name := t.Field(i).Tag.Get("toml")
			if name == "" || name == "-" {
				continue
			}
			if !yield(field{name, i}) {
				return
			}
		}
	}
}

func fieldIndex(t reflect.Type, name string) int {
	for f := range fields(t) {
		if f.name == name {
			return f.index
		}
	}
	return -1
}

// element is what a pointer, slice or map leads to.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

// isText reports whether t is written as a string that it reads itself.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

func isInteger(t reflect.Type) bool {
	v := reflect.Zero(t)
	return (v.CanInt() || v.CanUint()) && !isText(t)
}

// typeName says what a key takes, for messages and docs.
func typeName(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return typeName(t.Elem())
	case t == durationType:
		return "a duration in quotes"
	case t == sizeType:
		return "a size in quotes"
	case t == secretType, isText(t), t.Kind() == reflect.String:
		return "text in quotes"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Map:
		return "a table of names and values"
	case t.Kind() == reflect.Struct:
		return "a table"
	case t.Kind() == reflect.Slice && element(t).Kind() == reflect.Struct && !isText(element(t)):
		return "a list of tables"
	case t.Kind() == reflect.Slice:
		return "a list"
	}
	return "a whole number"
}

// example is a value of type t as it is written.
func example(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return example(t.Elem())
	case t == durationType:
		return `"30s"`
	case t == sizeType:
		return `"64MiB"`
	case t == secretType:
		return `"${env:NAME}"`
	case isText(t), t.Kind() == reflect.String:
		return `"…"`
	case t.Kind() == reflect.Bool:
		return "true"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "90.5"
	case t.Kind() == reflect.Slice:
		return "[" + example(t.Elem()) + "]"
	}
	return "3"
}

// kindName says what a value in the file is.
func kindName(n *node) string {
	switch n.kind {
	case unstable.Array:
		if n.tables {
			return "a list of tables"
		}
		return "a list"
	case unstable.String:
		return "text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer, unstable.Float:
		return "the number " + n.text
	case unstable.Table:
		return "a table"
	}
	return "a date or a time"
}
