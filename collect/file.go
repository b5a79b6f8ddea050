package collect

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const (
	maxFile = 4 << 20 // bytes read of one file in /proc or /sys
	maxKept = 256     // files that one collector keeps open
)

// fileReader reads small files again and again into one buffer. Files of the
// kernel (procfs, sysfs) stay open between the readings: a pread is a third of
// the cost of open, read and close, and goes on when the process is out of
// file descriptors. They close when the reader is collected.
type fileReader struct {
	buf  []byte
	kept map[string]*os.File
}

// read returns the content of path, valid until the next read.
func (r *fileReader) read(path string) ([]byte, error) {
	if f := r.kept[path]; f != nil {
		if b, err := r.all(f); err == nil {
			return b, nil
		}
		_ = f.Close() // the device is gone; its successor has another file
		delete(r.kept, path)
	}
	return r.open(path, len(r.kept) < maxKept)
}

// once is read of a file that will not be read again, such as a process's.
func (r *fileReader) once(path string) ([]byte, error) { return r.open(path, false) }

func (r *fileReader) open(path string, keep bool) ([]byte, error) {
	// Not os.Open, which would enter the file in the poller, and blocking, as
	// files of the kernel are read.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	b, err := r.all(f)
	if err != nil || !keep || !ofKernel(fd) {
		_ = f.Close() // only read
		return b, err
	}
	if r.kept == nil {
		r.kept = map[string]*os.File{}
	}
	r.kept[path] = f
	return b, nil
}

// all reads f from its beginning.
func (r *fileReader) all(f *os.File) ([]byte, error) {
	if cap(r.buf) == 0 {
		r.buf = make([]byte, 0, 8192)
	}
	b := r.buf[:0]
	for len(b) < maxFile {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := f.ReadAt(b[len(b):cap(b)], int64(len(b)))
		if errors.Is(err, unix.ESPIPE) { // a pipe in the place of a file
			n, err = f.Read(b[len(b):cap(b)])
		}
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	r.buf = b
	return b, nil
}

// source turns a missing file into a skip that says what is missing and why,
// and any other trouble into an error.
func source(err error, why string) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		if why == "" {
			return &SkippedError{err.Error()}
		}
		return &SkippedError{why}
	}
	return err
}
