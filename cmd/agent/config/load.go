package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2"

	"github.com/firewatch-agent/firewatch/internal/conf"
)

// maxFile is the size of the largest config file that is read.
const maxFile = 1 << 20

// Load reads the config file at path. The diagnostics are in the order of the
// file, at most 100; none means that the configuration can be used as it is.
// With some, the configuration holds what could be read, and is not nil. The
// error says that the file itself could not be read.
//
// A file with an inline secret that others can read is a fault, and so is a
// file of a secret that cannot be read.
func Load(path string) (*Config, []Diagnostic, error) {
	data, mode, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	r := parse(data, path)
	r.checkMode(mode)
	r.checkFiles()
	return r.config, r.faults.sorted(), nil
}

// Parse is Load for a file that is in memory already; name stands for it in
// the diagnostics. data is not kept.
func Parse(data []byte, name string) (*Config, []Diagnostic) {
	r := parse(data, name)
	return r.config, r.faults.sorted()
}

// readFile reads a regular file of at most maxFile bytes. It never waits for a
// pipe or a device.
func readFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("read config: %w", err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("read config: %w", err)
	case !st.Mode().IsRegular():
		return nil, 0, fmt.Errorf("read config %s: not a regular file", path)
	case st.Size() > maxFile:
		return nil, 0, fmt.Errorf("read config %s: %d bytes, at most %d", path, st.Size(), maxFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read config: %w", err)
	}
	if len(data) > maxFile {
		return nil, 0, fmt.Errorf("read config %s: more than %d bytes", path, maxFile)
	}
	return data, st.Mode(), nil
}

// result is what parsing a file gives.
type result struct {
	config *Config
	tree   *node
	faults *faults
	inline []span // literal secrets
}

func parse(data []byte, name string) result {
	if n := len(data); n > maxFile {
		r := parse(nil, name)
		r.faults.stop(span{}, fmt.Sprintf("the file has %d bytes, at most %d", n, maxFile))
		return r
	}
	data = bytes.Clone(data)
	r := result{config: &Config{source: data}, faults: newFaults(name, data)}
	g := grower{faults: r.faults, data: data}
	r.tree = g.grow()
	d := decoder{faults: r.faults}
	d.value(r.tree, reflect.ValueOf(r.config).Elem(), "")
	r.inline = d.inline
	for _, f := range r.config.validate(!g.syntax) {
		r.place(f)
	}
	if len(r.faults.list) == 0 {
		r.arbitrate(data)
	}
	r.config.complete()
	return r
}

// place reports a fault at the line that its path leads to, unless the fault
// only follows from one that has been reported: a value that did not fit, a
// key that is mistyped, a table with a syntax error.
func (r *result) place(f conf.Fault) {
	n, rest := r.tree.find(f.Path)
	if rest != "" {
		if !n.damaged && !slices.Contains(n.excused, rest) {
			r.faults.add(n.key, f.Problem, f.Hint)
		}
		return
	}
	if !n.bad || isTable(n) {
		r.faults.add(n.where(), f.Problem, f.Hint)
	}
}

// arbitrate asks go-toml itself about a file in which nothing was found, for
// the rules of TOML that the tree does not hold.
func (r *result) arbitrate(data []byte) {
	var whole any
	err := toml.Unmarshal(data, &whole)
	if err == nil {
		return
	}
	var de *toml.DecodeError
	if errors.As(err, &de) {
		line, column := de.Position()
		at := r.faults.lines[min(max(line, 1), len(r.faults.lines))-1] + max(column, 1) - 1
		r.faults.add(span{min(at, len(data)), 1}, strings.TrimPrefix(de.Error(), "toml: "), "")
		return
	}
	r.faults.add(span{}, err.Error(), "")
}

// checkFiles reports files of secrets that cannot be read.
func (r *result) checkFiles() {
	for _, f := range r.config.fileFaults() {
		r.place(f)
	}
}

// checkMode reports inline secrets in a file that others can read.
func (r *result) checkMode(mode fs.FileMode) {
	if mode.Perm()&0o004 == 0 {
		return
	}
	for _, at := range r.inline {
		r.faults.add(at, fmt.Sprintf("a secret in a file that others can read (mode %04o)", mode.Perm()), "run chmod 0640 on the file, or keep the secret elsewhere: *_file, ${env:NAME} or ${credential:NAME}")
	}
}
