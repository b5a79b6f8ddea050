package alert_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firewatch-agent/firewatch/alert"
)

// memory is a state directory in memory: what TestSimulation lives in.
// TestMemoryIsLikeADirectory holds it to a real one.
type memory struct {
	mu      sync.Mutex
	folders map[string]map[string]*node // by path, "." = the top
}

// node is a file or a folder.
type node struct {
	name string
	mode fs.FileMode
	data []byte // replaced, never changed: a copy of the tree shares it
	at   time.Time
}

func newMemory() *memory { return &memory{folders: map[string]map[string]*node{".": {}}} }

// clone is a copy of the tree as it is now.
func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	for dir, files := range m.folders {
		c.folders[dir] = make(map[string]*node, len(files))
		for name, n := range files {
			same := *n
			c.folders[dir][name] = &same
		}
	}
	return c
}

// edit changes the content of every file that a pattern matches.
func (m *memory) edit(pattern string, f func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir, files := range m.folders {
		for name, n := range files {
			if ok, _ := path.Match(pattern, path.Join(dir, name)); ok && !n.mode.IsDir() {
				n.data = f(n.data)
			}
		}
	}
}

// find returns the folder of a name and what it holds by it. mu is held.
func (m *memory) find(op, name string) (map[string]*node, *node, error) {
	name = path.Clean(name)
	if name == "." {
		return nil, &node{name: ".", mode: fs.ModeDir | 0o700}, nil
	}
	folder := m.folders[path.Dir(name)]
	if folder == nil || folder[path.Base(name)] == nil {
		return folder, nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
	}
	return folder, folder[path.Base(name)], nil
}

func (m *memory) Lstat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, n, err := m.find("lstat", name)
	if err != nil {
		return nil, err
	}
	same := *n
	return &same, nil
}

func (m *memory) MkdirAll(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := "."
	for part := range strings.SplitSeq(path.Clean(name), "/") {
		if part == "." {
			continue
		}
		folder := m.folders[at]
		at = path.Join(at, part)
		switch n := folder[part]; {
		case n == nil:
			folder[part] = &node{name: part, mode: fs.ModeDir | mode, at: time.Now()}
			m.folders[at] = map[string]*node{}
		case !n.mode.IsDir():
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

func (m *memory) OpenFile(name string, flag int, mode fs.FileMode) (alert.Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	folder, n, err := m.find("open", name)
	switch {
	case n != nil && flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EEXIST}
	case n == nil && (folder == nil || flag&os.O_CREATE == 0):
		return nil, err
	case n == nil:
		n = &node{name: path.Base(name), mode: mode, at: time.Now()}
		folder[n.name] = n
	case n.mode.IsDir() && flag&(os.O_WRONLY|os.O_RDWR) != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	return &opened{m: m, n: n, dir: path.Clean(name), appends: flag&os.O_APPEND != 0}, nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	folder, n, err := m.find("remove", name)
	if err != nil {
		return err
	}
	if n.mode.IsDir() {
		if len(m.folders[path.Clean(name)]) > 0 {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
		delete(m.folders, path.Clean(name))
	}
	delete(folder, n.name)
	return nil
}

// Rename moves files; the outbox moves no folders.
func (m *memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, n, err := m.find("rename", from)
	if err != nil {
		return err
	}
	folder, there, err := m.find("rename", to)
	switch {
	case folder == nil:
		return err
	case there != nil && there.mode.IsDir():
		return &fs.PathError{Op: "rename", Path: to, Err: syscall.EISDIR}
	}
	delete(old, n.name)
	n.name = path.Base(to)
	folder[n.name] = n
	return nil
}

// The methods of fs.FileInfo.

func (n *node) Name() string       { return n.name }
func (n *node) Size() int64        { return int64(len(n.data)) }
func (n *node) Mode() fs.FileMode  { return n.mode }
func (n *node) ModTime() time.Time { return n.at }
func (n *node) IsDir() bool        { return n.mode.IsDir() }
func (n *node) Sys() any           { return nil }

// opened is an open file or folder of a memory.
type opened struct {
	m       *memory
	n       *node
	dir     string
	at      int // of the next read or write
	appends bool
}

func (o *opened) Read(b []byte) (int, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.at >= len(o.n.data) {
		return 0, io.EOF
	}
	k := copy(b, o.n.data[o.at:])
	o.at += k
	return k, nil
}

func (o *opened) Write(b []byte) (int, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	if o.appends {
		o.at = len(o.n.data)
	}
	o.put(b, o.at)
	o.at += len(b)
	return len(b), nil
}

func (o *opened) WriteAt(b []byte, at int64) (int, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	o.put(b, int(at))
	return len(b), nil
}

func (o *opened) put(b []byte, at int) {
	data := make([]byte, max(len(o.n.data), at+len(b)))
	copy(data, o.n.data)
	copy(data[at:], b)
	o.n.data, o.n.at = data, time.Now()
}

func (o *opened) Truncate(size int64) error {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	data := make([]byte, size)
	copy(data, o.n.data)
	o.n.data, o.n.at = data, time.Now()
	return nil
}

func (o *opened) Readdirnames(int) ([]string, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	return slices.Collect(maps.Keys(o.m.folders[o.dir])), nil
}

func (o *opened) Stat() (fs.FileInfo, error) {
	o.m.mu.Lock()
	defer o.m.mu.Unlock()
	same := *o.n
	return &same, nil
}

func (o *opened) Sync() error  { return nil }
func (o *opened) Close() error { return nil }

// The same operations, drawn at random, on a memory and on a real directory have
// the same outcomes.
func TestMemoryIsLikeADirectory(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "d/a", "d/b", "d/e/a", "d/e/b", "gone/a"}
	trees := [2]alert.Tree{alert.Directory(root), newMemory()}
	draw := func() func(alert.Tree) string {
		name, to, n, flag := names[rng.IntN(len(names))], names[rng.IntN(len(names))], rng.IntN(40), []int{os.O_WRONLY | os.O_CREATE | os.O_EXCL, os.O_WRONLY | os.O_CREATE | os.O_APPEND, os.O_WRONLY, os.O_RDWR}[rng.IntN(4)]
		text := []byte(strings.Repeat("x", n))
		switch rng.IntN(8) {
		case 0:
			return func(tr alert.Tree) string { return word(tr.Remove(name)) }
		case 1:
			return func(tr alert.Tree) string { return word(tr.Rename(name, to)) }
		case 2:
			return func(tr alert.Tree) string { return list(tr, path.Dir(name)) }
		case 3:
			dir := []string{"d", "d/e", "."}[n%3]
			return func(tr alert.Tree) string { return word(tr.MkdirAll(dir, 0o700)) + list(tr, dir) }
		case 4:
			return func(tr alert.Tree) string { return content(tr, name) }
		}
		return func(tr alert.Tree) string { return written(tr, name, flag, text, n) }
	}
	for i := range 20_000 {
		f := draw()
		if real, model := f(trees[0]), f(trees[1]); real != model {
			t.Fatalf("operation %d: the directory says %q, the memory %q", i, real, model)
		}
	}
}

// word is the cause of an error, without what Root and a memory word in other ways.
func word(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return fmt.Sprint(err)
}

func list(tr alert.Tree, dir string) string {
	f, err := tr.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return word(err)
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	st, _ := f.Stat()
	return fmt.Sprint(names, word(err), st.IsDir())
}

func content(tr alert.Tree, name string) string {
	st, err := tr.Lstat(name)
	if err != nil {
		return word(err)
	}
	f, err := tr.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return word(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	return fmt.Sprint(st.Name(), st.Size(), st.Mode(), string(b), word(err))
}

func written(tr alert.Tree, name string, flag int, text []byte, n int) string {
	f, err := tr.OpenFile(name, flag, 0o600)
	if err != nil {
		return word(err)
	}
	defer func() { _ = f.Close() }()
	_, err = f.Write(text)
	if flag&os.O_APPEND == 0 && err == nil && n%3 == 0 {
		_, err = f.WriteAt(text, int64(n/2))
	}
	if err == nil && n%5 == 0 {
		err = f.Truncate(int64(n / 4))
	}
	st, _ := f.Stat()
	return fmt.Sprint(word(err), word(f.Sync()), st.Size(), content(tr, name))
}
