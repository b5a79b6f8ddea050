package main

import (
	"context"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// faulty is a FUSE file system over a folder whose fsync and writes can be made
// to fail, or to wait for ever.
type faulty struct {
	server *fuse.Server

	mu   sync.Mutex
	fail map[string]syscall.Errno // operation → how it fails
	hang chan struct{}            // fsync waits until it is closed; nil = it does not
}

func mountFaulty(source, at string) (*faulty, error) {
	f := &faulty{fail: map[string]syscall.Errno{}}
	root := &fs.LoopbackRoot{Path: source}
	top := &faultyNode{LoopbackNode: fs.LoopbackNode{RootData: root}, f: f}
	root.RootNode = top
	var err error
	f.server, err = fs.Mount(at, top, &fs.Options{MountOptions: fuse.MountOptions{DirectMount: true, FsName: "faulty"}})
	return f, err
}

// set has an operation (write, sync, or "change": all that a read-only file
// system refuses) fail, or work where errno is 0.
func (f *faulty) set(op string, errno syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[op] = errno
}

// hold has every fsync wait from now on; the function ends that.
func (f *faulty) hold() (free func()) {
	ch := make(chan struct{})
	f.mu.Lock()
	f.hang = ch
	f.mu.Unlock()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		f.hang = nil
		f.mu.Unlock()
		close(ch)
	})
}

func (f *faulty) meet(op string) syscall.Errno {
	f.mu.Lock()
	errno, hang := f.fail[op], f.hang
	f.mu.Unlock()
	if op == "sync" && hang != nil {
		<-hang
	}
	return errno
}

// faultyNode is a file or folder, faultyFile an open one.
type faultyNode struct {
	fs.LoopbackNode
	f *faulty
}

type faultyFile struct {
	fs.FileHandle
	f *faulty
}

func (n *faultyNode) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.f.meet("change"); errno != 0 && flags&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
		return nil, 0, errno
	}
	h, out, errno := n.LoopbackNode.Open(ctx, flags)
	if errno != 0 {
		return h, out, errno
	}
	return &faultyFile{h, n.f}, 0, 0
}

func (n *faultyNode) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.f.meet("change"); errno != 0 {
		return nil, nil, 0, errno
	}
	i, h, x, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return i, h, x, errno
	}
	return i, &faultyFile{h, n.f}, 0, 0
}

func (n *faultyNode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.f.meet("change"); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (n *faultyNode) Unlink(ctx context.Context, name string) syscall.Errno {
	if errno := n.f.meet("change"); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Unlink(ctx, name)
}

func (n *faultyNode) Rename(ctx context.Context, name string, to fs.InodeEmbedder, toName string, flags uint32) syscall.Errno {
	if errno := n.f.meet("change"); errno != 0 {
		return errno
	}
	return n.LoopbackNode.Rename(ctx, name, to, toName, flags)
}

// WrapChild makes every node below a faulty one.
func (n *faultyNode) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	if l, ok := ops.(*fs.LoopbackNode); ok {
		return &faultyNode{LoopbackNode: fs.LoopbackNode{RootData: l.RootData}, f: n.f}
	}
	return ops
}

// Fsync of a folder comes here too, without a file.
func (n *faultyNode) Fsync(ctx context.Context, h fs.FileHandle, flags uint32) syscall.Errno {
	if errno := n.f.meet("sync"); errno != 0 {
		return errno
	}
	if x, ok := h.(*faultyFile); ok {
		return x.FileHandle.(fs.FileFsyncer).Fsync(ctx, flags)
	}
	return 0
}

func (x *faultyFile) Write(ctx context.Context, b []byte, off int64) (uint32, syscall.Errno) {
	for _, op := range []string{"write", "change"} {
		if errno := x.f.meet(op); errno != 0 {
			return 0, errno
		}
	}
	return x.FileHandle.(fs.FileWriter).Write(ctx, b, off)
}

func (x *faultyFile) Read(ctx context.Context, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return x.FileHandle.(fs.FileReader).Read(ctx, b, off)
}

func (x *faultyFile) Flush(ctx context.Context) syscall.Errno {
	return x.FileHandle.(fs.FileFlusher).Flush(ctx)
}

func (x *faultyFile) Release(ctx context.Context) syscall.Errno {
	return x.FileHandle.(fs.FileReleaser).Release(ctx)
}

func (x *faultyFile) Getattr(ctx context.Context, out *fuse.AttrOut) syscall.Errno {
	return x.FileHandle.(fs.FileGetattrer).Getattr(ctx, out)
}
