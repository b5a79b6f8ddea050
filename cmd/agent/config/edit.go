package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/firewatch-agent/firewatch/detect"
)

// WithRules returns the config file source with rules changed: those that it
// has, key by key in their place, so that comments and order stay; the others,
// which are built in, as whole tables at its end. It is an error if the file
// has faults, or is written so that its rules cannot be changed in place.
func WithRules(source []byte, rules []detect.RuleConfig) ([]byte, error) {
	r := parse(source, "config")
	if len(r.faults.list) > 0 {
		return nil, errors.New("change rules: the config has faults; run firewatch check")
	}
	var edits []edit
	end := edit{at: len(source)}
	for _, rule := range rules {
		if n := r.ruleNode(rule.Name); n != nil {
			edits = append(edits, editRule(source, n, rule)...)
			continue
		}
		p := newPrinter()
		p.settings(reflect.ValueOf(rule), "rule", false)
		end.text += "\n[[rule]]\n" + p.b.String()
	}
	if end.text != "" {
		if len(source) == 0 {
			end.text = end.text[1:]
		} else if source[len(source)-1] != '\n' {
			end.text = "\n" + end.text
		}
		edits = append(edits, end)
	}
	out := apply(source, edits)
	changed, faults := Parse(out, "config")
	for _, rule := range rules {
		i := slices.IndexFunc(changed.Rules, func(c detect.RuleConfig) bool { return c.Name == rule.Name })
		if len(faults) > 0 || i < 0 || !reflect.DeepEqual(changed.Rules[i], rule) {
			return nil, fmt.Errorf("change rules: rule %s is written in a way that cannot be changed in place", rule.Name)
		}
	}
	return out, nil
}

// ruleNode is the table of a rule in the file; nil where it has none.
func (r *result) ruleNode(name string) *node {
	list, ok := r.tree.kids["rule"]
	if !ok {
		return nil
	}
	for _, n := range list.items {
		if k := n.kids["name"]; k != nil && k.text == name {
			return n
		}
	}
	return nil
}

// edit replaces n bytes at at by text.
type edit struct {
	at, n int
	text  string
}

// editRule changes the keys of one table that differ.
func editRule(source []byte, n *node, rule detect.RuleConfig) []edit {
	var edits []edit
	v := reflect.ValueOf(rule)
	name := n.kids["name"].where()
	below := len(source)
	if i := bytes.IndexByte(source[name.at:], '\n'); i >= 0 {
		below = name.at + i + 1
	}
	for f := range fields(v.Type()) {
		fv, kid := v.Field(f.index), n.kids[f.name]
		switch {
		case isUnset(fv):
		case kid == nil:
			text := f.name + " = " + literal(fv) + "\n"
			if below > 0 && source[below-1] != '\n' {
				text = "\n" + text
			}
			edits = append(edits, edit{below, 0, text})
		case f.name != "name" && isScalar(kid):
			now := reflect.New(fv.Type()).Elem()
			d := decoder{faults: newFaults("", nil)}
			if d.value(kid, now, "rule."+f.name) && reflect.DeepEqual(now.Interface(), fv.Interface()) {
				continue
			}
			at := kid.where()
			edits = append(edits, edit{at.at, at.n, literal(fv)})
		}
	}
	return edits
}

func isScalar(n *node) bool { return n.kids == nil && n.items == nil }

func apply(source []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.at, b.at) })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.Write(source[at:e.at])
		out.WriteString(e.text)
		at = e.at + e.n
	}
	out.Write(source[at:])
	return []byte(out.String())
}

// Source is the file that c was read from; nil where there was none.
func (c *Config) Source() []byte { return c.source }
