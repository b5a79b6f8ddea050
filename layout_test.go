// Package firewatch has no code: its tests hold the rules of the repository
// (docs/decisions, CONTRIBUTING.md) that a compiler does not check.
package firewatch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/firewatch-agent/firewatch"

const (
	maxFileLines = 400
	maxFuncLines = 80
	maxDepth     = 4 // edges in the longest chain of imports within the module
)

// mayImport is the DAG of the house: a folder, and the folders of ours that it
// and all below it may import. The longest matching folder counts.
var mayImport = map[string][]string{
	"forest":           {},
	"internal":         {"internal", "alert", "collect"},
	"internal/conf":    {},
	"collect":          {"collect", "internal"},
	"record":           {"record", "collect", "internal"},
	"detect":           {"detect", "forest", "collect", "alert", "internal"},
	"alert":            {"alert", "internal"},
	"alert/cloudwatch": {"alert", "collect", "internal"}, // it publishes metrics too, as a collect.Recorder
	"packaging":        {},
	"cmd":              {"cmd", "forest", "collect", "detect", "record", "alert", "internal"},
	"bench":            {"bench", "forest", "collect", "detect", "record", "alert", "internal"},
}

// sdkHomes lists the only folders that may import a cloud or chat SDK.
var sdkHomes = map[string][]string{
	"github.com/aws/":     {"alert/sns", "alert/cloudwatch", "internal/awsfake", "internal/awsclient", "internal/cloudid"},
	"github.com/slack-go": {"alert/slack", "internal/slackfake"},
}

// clockless packages take time as data: they must not read or wait for a clock.
var clockless = []string{"forest", "detect"}

type file struct {
	path string // slash-separated, relative to the root
	dir  string
	test bool
	ast  *ast.File
	fset *token.FileSet
	text string
}

func sources(t *testing.T) []file {
	t.Helper()
	var out []file
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || ownModule(p)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, b, parser.ParseComments)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(p)
		out = append(out, file{slash, path.Dir(slash), strings.HasSuffix(name, "_test.go"), f, fset, string(b)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d Go files: the walk is broken", len(out))
	}
	return out
}

func ownModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil && dir != "."
}

func imports(f file) []string {
	var out []string
	for _, i := range f.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

func under(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

func TestImportsFormTheDAG(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || f.dir == "." {
			continue
		}
		home := ""
		for root := range mayImport {
			if under(f.dir, root) && len(root) > len(home) {
				home = root
			}
		}
		if home == "" {
			t.Errorf("%s: the folder %s has no place in the house: see mayImport in layout_test.go", f.path, f.dir)
			continue
		}
		for _, imp := range imports(f) {
			ours, ok := strings.CutPrefix(imp, module+"/")
			if ok && ours != f.dir && !slices.ContainsFunc(mayImport[home], func(r string) bool { return under(ours, r) }) {
				t.Errorf("%s imports %s: %s may import only %v", f.path, ours, home, mayImport[home])
			}
			if home == "forest" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("%s imports %s: forest is standard library only", f.path, imp)
			}
		}
	}
}

func TestSDKsStayInTheirSinks(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, imp := range imports(f) {
			for sdk, homes := range sdkHomes {
				if strings.HasPrefix(imp, sdk) && !slices.ContainsFunc(homes, func(h string) bool { return under(f.dir, h) }) {
					t.Errorf("%s imports %s: only %v may", f.path, imp, homes)
				}
			}
			if imp == "html/template" || imp == "text/template" {
				t.Errorf("%s imports %s: it costs 5 MB of binary (docs/decisions)", f.path, imp)
			}
		}
	}
}

func TestImportDepth(t *testing.T) {
	graph := map[string]map[string]bool{}
	for _, f := range sources(t) {
		if f.test || under(f.dir, "bench") {
			continue
		}
		// The folders below cmd/agent are parts of one program: they count as it.
		dir := agent(f.dir)
		for _, imp := range imports(f) {
			if ours, ok := strings.CutPrefix(imp, module+"/"); ok && agent(ours) != dir {
				if graph[dir] == nil {
					graph[dir] = map[string]bool{}
				}
				graph[dir][agent(ours)] = true
			}
		}
	}
	var deepest func(dir string) []string
	deepest = func(dir string) []string {
		var longest []string
		for next := range graph[dir] {
			if chain := deepest(next); len(chain) > len(longest) {
				longest = chain
			}
		}
		return append([]string{dir}, longest...)
	}
	for dir := range graph {
		if chain := deepest(dir); len(chain)-1 > maxDepth {
			t.Errorf("imports %d deep, at most %d: %s", len(chain)-1, maxDepth, strings.Join(chain, " → "))
		}
	}
}

func agent(dir string) string {
	if under(dir, "cmd/agent") {
		return "cmd/agent"
	}
	return dir
}

func TestPackageComments(t *testing.T) {
	doc := map[string]bool{}
	for _, f := range sources(t) {
		if f.test && f.dir != "." {
			continue
		}
		doc[f.dir] = doc[f.dir] || f.ast.Doc != nil && len(f.ast.Doc.Text()) > 40
	}
	for dir, ok := range doc {
		if !ok {
			t.Errorf("%s: no package comment: say what it is and which symbol serves which need (doc.go)", dir)
		}
	}
}

func TestSizesAndInit(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if n := strings.Count(f.text, "\n"); n > maxFileLines {
			t.Errorf("%s: %d lines, at most %d: one idea per file", f.path, n, maxFileLines)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, at most %d", f.path, fn.Name.Name, n, maxFuncLines)
			}
			if fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init: use an explicit list or a constructor", f.path)
			}
		}
	}
}

func TestExportedSymbolsAreDocumented(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) {
					t.Errorf("%s: %s has no comment", f.path, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
						t.Errorf("%s: type %s has no comment", f.path, ts.Name.Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

func TestNoClockInPurePackages(t *testing.T) {
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}
	for _, f := range sources(t) {
		if f.test || !slices.ContainsFunc(clockless, func(p string) bool { return under(f.dir, p) }) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, s.Sel.Name) {
					t.Errorf("%s: time.%s: time is data here, take it as an argument", f.fset.Position(s.Pos()), s.Sel.Name)
				}
			}
			if g, ok := n.(*ast.GoStmt); ok && !under(f.dir, "forest") { // ScoreBatch uses the cores
				t.Errorf("%s: a goroutine in a pure package", f.fset.Position(g.Pos()))
			}
			return true
		})
	}
}

func TestNoSleepInTests(t *testing.T) {
	for _, f := range sources(t) {
		if !f.test || strings.Contains(f.text, `"testing/synctest"`) || strings.HasPrefix(f.text, "//go:build e2e") {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep in a test: use testing/synctest or wait for the thing itself", f.fset.Position(s.Pos()))
				}
			}
			return true
		})
	}
}
