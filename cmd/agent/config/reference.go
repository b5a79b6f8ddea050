package config

import (
	"reflect"
	"strings"

	"github.com/firewatch-agent/firewatch/cmd/agent/manual"
)

// Reference is every table and key of the file, for firewatch.toml(5) and
// docs/configuration.md.
func Reference() []manual.Table {
	byTable := map[string][]manual.Key{}
	for _, k := range keys() {
		i := strings.LastIndexByte(k.path, '.')
		typ := typeAt(k.path)
		out := manual.Key{Name: k.path[i+1:], Type: typeName(typ), Default: k.value, Text: k.text}
		if k.example {
			out.Default, out.Text = "", k.text+" Example: "+k.value
		}
		byTable[k.path[:i]] = append(byTable[k.path[:i]], out)
	}
	var out []manual.Table
	for _, t := range tables() {
		head := "[" + t.path + "]"
		if typeAt(t.path).Kind() == reflect.Slice {
			head = "[" + head + "]"
		}
		out = append(out, manual.Table{Head: head, Text: t.text, Keys: byTable[t.path]})
	}
	return out
}

// typeAt is the Go type of the field at a path, which must be there.
func typeAt(path string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for part := range strings.SplitSeq(path, ".") {
		t = element(t).Field(fieldIndex(element(t), part)).Type
	}
	return t
}
