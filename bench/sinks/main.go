// Sinks measures what each sink adds to the stripped binary. For each one it
// copies the tree, takes the body out of every function in the sink's folder, so
// that the linker drops the sink and what only it needs, builds, and compares. It
// writes bench/results/sinks.json and prints the table from it.
//
// usage: go run ./bench/sinks
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firewatch-agent/firewatch/bench/report"
)

// cases are what is left out together.
var cases = []struct {
	name    string
	folders []string
}{
	{"Slack", []string{"alert/slack"}},
	{"SNS", []string{"alert/sns"}},
	{"CloudWatch: metrics, alerts, alarms", []string{"alert/cloudwatch"}},
	{"webhook", []string{"alert/webhook"}},
	{"Alertmanager", []string{"alert/alertmanager"}},
	{"PagerDuty", []string{"alert/pagerduty"}},
	{"all of AWS: SNS, CloudWatch, identity, credentials", []string{"alert/sns", "alert/cloudwatch", "internal/awsclient", "internal/cloudid"}},
	{"all of the above", []string{"alert/slack", "alert/sns", "alert/cloudwatch", "alert/webhook", "alert/alertmanager", "alert/pagerduty", "internal/awsclient", "internal/cloudid"}},
}

// result is bench/results/sinks.json.
type result struct {
	Commit  string  `json:"commit"`
	Machine string  `json:"machine"`
	Seconds float64 `json:"wall_seconds"`
	Whole   int64   `json:"whole_bytes"`
	Rows    []row   `json:"rows"`
}

type row struct {
	What  string `json:"what"`
	Bytes int64  `json:"bytes"` // that the binary is smaller without it
}

func main() {
	out := flag.String("out", "bench/results/sinks.json", "result `file`")
	flag.Parse()
	if err := measure(*out); err != nil {
		fmt.Fprintln(os.Stderr, "sinks:", err)
		os.Exit(1)
	}
}

func measure(out string) error {
	begin := time.Now()
	whole, err := size(nil)
	if err != nil {
		return err
	}
	r := result{Commit: report.Commit(), Machine: runtime.GOOS + "/" + runtime.GOARCH + " " + runtime.Version(), Whole: whole}
	for _, c := range cases {
		n, err := size(c.folders)
		if err != nil {
			return fmt.Errorf("without %s: %w", c.name, err)
		}
		r.Rows = append(r.Rows, row{c.name, whole - n})
	}
	r.Seconds = time.Since(begin).Seconds()
	if err := report.Write(out, r); err != nil {
		return err
	}
	return printTable(out)
}

func printTable(file string) error {
	var r result
	if err := report.Read(file, &r); err != nil {
		return err
	}
	fmt.Printf("%s, commit %s, whole binary %.2f MB\n\n| sink | adds kB |\n|---|---|\n", r.Machine, r.Commit, float64(r.Whole)/1e6)
	for _, w := range r.Rows {
		fmt.Printf("| %s | %d |\n", w.What, (w.Bytes+500)/1000)
	}
	return nil
}

// size builds a copy of the tree without the bodies of these folders.
func size(folders []string) (int64, error) {
	dir, err := os.MkdirTemp("", "sinks")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("sh", "-c", `git ls-files -z | xargs -0 cp --parents -t "$0"`, dir).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("copy the tree: %w: %s", err, out)
	}
	for _, f := range folders {
		if err := gut(filepath.Join(dir, f)); err != nil {
			return 0, err
		}
	}
	binary := filepath.Join(dir, "firewatch.bin")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", binary, "./cmd/agent")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w: %s", err, out)
	}
	st, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// gut takes the bodies out of the Go files of a folder.
func gut(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				fn.Body.List = []ast.Stmt{&ast.ExprStmt{X: &ast.CallExpr{Fun: ast.NewIdent("panic"), Args: []ast.Expr{&ast.BasicLit{Kind: token.STRING, Value: `"left out"`}}}}}
			}
		}
		dropImports(f)
		var b bytes.Buffer
		if err := format.Node(&b, fset, f); err != nil {
			return err
		}
		return os.WriteFile(p, b.Bytes(), 0o644)
	})
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// dropImports leaves out the imports that are used no more.
func dropImports(f *ast.File) {
	used := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	for _, decl := range f.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		g.Specs = slices.DeleteFunc(g.Specs, func(s ast.Spec) bool {
			i := s.(*ast.ImportSpec)
			if i.Name != nil {
				return i.Name.Name != "_" && !used[i.Name.Name]
			}
			full, _ := strconv.Unquote(i.Path.Value)
			name := path.Base(full)
			if version.MatchString(name) {
				name = path.Base(path.Dir(full))
			}
			return !used[strings.TrimSuffix(strings.TrimPrefix(name, "go-"), "-go")]
		})
	}
	f.Decls = slices.DeleteFunc(f.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		return ok && g.Tok == token.IMPORT && len(g.Specs) == 0
	})
}
