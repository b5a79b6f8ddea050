package alert

import (
	"io"
	"io/fs"
	"os"
)

// tree is what the outbox asks of the state directory: an [os.Root], or a test's
// model of one in memory, in which an outbox can live a hundred thousand times.
type tree interface {
	Lstat(name string) (fs.FileInfo, error)
	MkdirAll(name string, mode fs.FileMode) error
	OpenFile(name string, flag int, mode fs.FileMode) (handle, error)
	Remove(name string) error
	Rename(from, to string) error
}

// handle is an open file or folder of a tree.
type handle interface {
	io.ReadWriteCloser
	io.WriterAt
	Readdirnames(n int) ([]string, error)
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// directory is the tree of an os.Root: nothing outside it can be reached.
type directory struct{ *os.Root }

// OpenFile implements tree.
func (d directory) OpenFile(name string, flag int, mode fs.FileMode) (handle, error) {
	f, err := d.Root.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err // and no handle: a nil *os.File in one would not be nil
	}
	return f, nil
}
