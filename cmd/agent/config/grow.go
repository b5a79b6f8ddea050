package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// grower makes the tree of a file, statement by statement.
type grower struct {
	faults *faults
	data   []byte
	base   int // offset in data of what the parser was given
	parser unstable.Parser
	root   *node
	table  *node // of the last [header]
	nodes  int
	syntax bool // some statement is not TOML
}

// headerLine is a line that can only be a table header. After a syntax error,
// reading goes on at the next one.
var headerLine = regexp.MustCompile(`(?m)^[ \t]*\[\[?[ \t]*[A-Za-z0-9_-]+([ \t]*\.[ \t]*[A-Za-z0-9_-]+)*[ \t]*\]\]?[ \t]*(#[^\n]*)?\r?$`)

// blankLines are those between two statements.
var blankLines = regexp.MustCompile(`^([ \t\r]*(#[^\n]*)?\n)*`)

// grow parses the file. It reports each statement that is not TOML and each
// key that is set twice, and keeps the rest.
func (g *grower) grow() *node {
	g.root = newTable(span{})
	g.table = g.root
	for {
		read := g.base // the end of the last statement
		g.parser.Reset(g.data[g.base:])
		for g.parser.NextExpression() && !g.faults.full() {
			read = g.statement(g.parser.Expression())
		}
		var err *unstable.ParserError
		if !errors.As(g.parser.Error(), &err) || g.faults.full() {
			return g.root
		}
		g.syntax = true
		next := g.syntaxError(read, err)
		if next < 0 {
			return g.root
		}
		g.base = next
	}
}

// syntaxError reports err, in the statement after offset read, and returns
// where to go on, or -1. An open quote or bracket swallows what follows, so
// the error may be far below its cause: then the statement is blamed.
func (g *grower) syntaxError(read int, err *unstable.ParserError) int {
	start := read
	if read > g.base {
		start = g.lineEnd(read)
	}
	start += len(blankLines.Find(g.data[start:]))
	if start < len(g.data) && g.data[start] != '[' {
		g.table.damaged = true
	}
	next := -1
	if after := g.lineEnd(start); after < len(g.data) {
		if m := headerLine.FindIndex(g.data[after:]); m != nil {
			next = after + m[0]
		}
	}
	at := g.base + int(g.parser.Range(err.Highlight).Offset)
	if at >= len(g.data) || next >= 0 && at >= next {
		line := bytes.TrimRight(g.data[start:g.lineEnd(start)], "\r\n")
		g.faults.add(span{start, max(len(line), 1)}, "the value that begins here does not end", "close the quote or the bracket")
		return next
	}
	problem, hint := plain(err.Message, string(g.data[at:min(at+5, len(g.data))]))
	g.faults.add(span{at, max(len(err.Highlight), 1)}, problem, hint)
	return next
}

// lineEnd returns the offset of the line after the one that holds at.
func (g *grower) lineEnd(at int) int {
	if i := bytes.IndexByte(g.data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(g.data)
}

// truth finds what other languages write for true and false.
var truth = regexp.MustCompile(`^(?i:yes|no|on|off|true|false)\b`)

// plain says a parser's message about the text at its place in words that tell
// what to do.
func plain(message, text string) (problem, hint string) {
	switch {
	case strings.HasSuffix(message, "at start of value") && truth.MatchString(text):
		return "not a value", "write true or false"
	case strings.HasSuffix(message, "strings cannot have new lines"):
		return "the text in quotes does not end", "close the quote on the same line"
	case message == "strings must be quoted", strings.HasSuffix(message, "at start of value"):
		return "not a value", `put text in quotes, such as "10s"`
	case strings.HasPrefix(message, "expected keyword"):
		return "not a value", `write true or false, or put text in quotes`
	case message == "expected '=' after key":
		return "a key needs = and a value", ""
	case strings.HasPrefix(message, "expected ']"):
		return "the header is not closed", "write for example [agent] or [[rule]]"
	case strings.HasPrefix(message, "expected newline"):
		return "more on the line than one setting", "give each setting a line of its own"
	}
	return message, ""
}

// statement adds one `key = value`, `[table]` or `[[table]]` to the tree and
// returns the offset where it ends.
func (g *grower) statement(e *unstable.Node) int {
	if e.Kind == unstable.KeyValue {
		g.keyValue(g.table, e, 0)
		return g.span(e).at + g.span(e).n
	}
	parts := g.keys(e)
	last := parts[len(parts)-1]
	end := last.at.at + last.at.n
	if !g.count(last.at) {
		return end
	}
	g.table = newTable(last.at) // of no one, in case of a fault
	parent, ok := g.descend(g.root, parts)
	if !ok {
		return end
	}
	old := parent.kids[last.name]
	switch {
	case e.Kind == unstable.ArrayTable && (old == nil || old.tables):
		if old == nil {
			old = &node{kind: unstable.Array, key: last.at, tables: true}
			parent.add(last.name, old)
		}
		old.items = append(old.items, g.table)
	case e.Kind == unstable.Table && old == nil:
		g.table.header = true
		parent.add(last.name, g.table)
	case e.Kind == unstable.Table && old.kind == unstable.Table && !old.header && !old.inline:
		old.header, old.key = true, last.at
		g.table = old
	case e.Kind == unstable.Table && old.tables:
		g.faults.add(last.at, fmt.Sprintf("%s is a list of tables", last.name), "write it in double brackets, as above")
	default:
		g.twice(last, old)
	}
	return end
}

// keyValue adds a setting to table; depth counts the brackets around it.
func (g *grower) keyValue(table *node, e *unstable.Node, depth int) {
	parts := g.keys(e)
	last := parts[len(parts)-1]
	parent, ok := g.descend(table, parts)
	if !ok {
		return
	}
	if old := parent.kids[last.name]; old != nil {
		g.twice(last, old)
		return
	}
	if kid := g.val(e.Value(), last.at, depth+len(parts)); kid != nil {
		parent.add(last.name, kid)
	}
}

// val makes the node of a value; nil after a fault.
func (g *grower) val(v *unstable.Node, key span, depth int) *node {
	if depth > maxDepth {
		g.faults.add(key, "nested too deep", "")
		return nil
	}
	if !g.count(key) {
		return nil
	}
	n := &node{kind: v.Kind, key: key}
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			kid := g.val(it.Node(), key, depth+1)
			if kid == nil {
				return nil
			}
			n.items = append(n.items, kid)
		}
	case unstable.InlineTable:
		n = newTable(key)
		n.inline = true
		for it := v.Children(); it.Next(); {
			g.keyValue(n, it.Node(), depth)
		}
	default:
		n.value, n.text = g.span(v), string(v.Data)
	}
	return n
}

// count counts a value or a header, and reports the first that is too many.
func (g *grower) count(at span) bool {
	g.nodes++
	if g.nodes > maxNodes {
		g.faults.stop(at, fmt.Sprintf("more than %d values", maxNodes))
	}
	return g.nodes <= maxNodes
}

// descend goes from table along all parts but the last, making tables that
// are not there yet; from a list of tables it takes the last.
func (g *grower) descend(table *node, parts []keyPart) (*node, bool) {
	if len(parts) > maxDepth {
		g.faults.add(parts[0].at, "nested too deep", "")
		return nil, false
	}
	for _, p := range parts[:len(parts)-1] {
		kid := table.kids[p.name]
		switch {
		case kid == nil:
			kid = newTable(p.at)
			table.add(p.name, kid)
		case kid.tables:
			kid = kid.items[len(kid.items)-1]
		case kid.kind != unstable.Table || kid.inline:
			g.twice(p, kid)
			return nil, false
		}
		table = kid
	}
	return table, true
}

func (g *grower) twice(p keyPart, old *node) {
	g.faults.add(p.at, fmt.Sprintf("%s is set twice", quoted(p.name)), fmt.Sprintf("the first is on line %d", g.faults.line(old.key.at)))
}

// keyPart is one part of a dotted key.
type keyPart struct {
	name string
	at   span
}

// keys returns the parts of a statement's key, at most one more than descend
// takes.
func (g *grower) keys(e *unstable.Node) []keyPart {
	var out []keyPart
	for it := e.Key(); it.Next() && len(out) <= maxDepth; {
		out = append(out, keyPart{string(it.Node().Data), g.span(it.Node())})
	}
	return out
}

func (g *grower) span(n *unstable.Node) span {
	return span{g.base + int(n.Raw.Offset), int(n.Raw.Length)}
}
