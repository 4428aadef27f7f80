package crash_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// mounted is a node of a disk as the kernel sees it. What it does not implement, such as renaming, fails: the engine
// does none of it, and if it ever does, the campaign says so.
type mounted struct {
	fs.Inode
	d *disk
	n *node
}

var (
	_ fs.NodeOnAdder   = (*mounted)(nil)
	_ fs.NodeGetattrer = (*mounted)(nil)
	_ fs.NodeSetattrer = (*mounted)(nil)
	_ fs.NodeCreater   = (*mounted)(nil)
	_ fs.NodeMkdirer   = (*mounted)(nil)
	_ fs.NodeUnlinker  = (*mounted)(nil)
	_ fs.NodeOpener    = (*mounted)(nil)
	_ fs.NodeReader    = (*mounted)(nil)
	_ fs.NodeWriter    = (*mounted)(nil)
	_ fs.NodeFsyncer   = (*mounted)(nil)
)

// mount shows a disk under a folder and returns what takes it away again.
func (d *disk) mount(folder string) (func() error, error) {
	second := time.Second
	server, err := fs.Mount(folder, &mounted{d: d, n: d.root}, &fs.Options{EntryTimeout: &second, AttrTimeout: &second,
		NullPermissions: true, MountOptions: fuse.MountOptions{DirectMountStrict: true, DisableXAttrs: true, FsName: "crash", Name: "crash"}})
	if err != nil {
		return nil, err
	}
	return func() error {
		err := server.Unmount()
		if errors.Is(err, syscall.EBUSY) { // somebody's indexer looks at it
			err = syscall.Unmount(folder, syscall.MNT_DETACH)
		}
		server.Wait()
		return err
	}, nil
}

// needFUSE skips a test where file systems cannot be mounted, which takes /dev/fuse and root.
func needFUSE(t *testing.T) {
	t.Helper()
	unmount, err := newDisk().mount(t.TempDir())
	if err == nil {
		err = unmount()
	}
	if err != nil {
		t.Skipf("no power cuts here: mounting a FUSE file system needs /dev/fuse and root: %v", err)
	}
}

func (m *mounted) OnAdd(ctx context.Context) {
	for name, n := range m.n.names {
		m.AddChild(name, m.inode(ctx, n), false)
	}
}

func (m *mounted) inode(ctx context.Context, n *node) *fs.Inode {
	mode := uint32(fuse.S_IFREG)
	if n.names != nil {
		mode = fuse.S_IFDIR
	}
	return m.NewPersistentInode(ctx, &mounted{d: m.d, n: n}, fs.StableAttr{Mode: mode, Ino: n.ino})
}

func (m *mounted) attr(out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink, out.Size = m.n.ino, m.n.mode, 1, uint64(len(m.n.data))
	out.Blksize, out.Blocks = pageSize, (out.Size+511)/512
	out.Uid, out.Gid = uint32(os.Getuid()), uint32(os.Getgid())
}

func (m *mounted) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	m.d.look(func() { m.attr(&out.Attr) })
	return fs.OK
}

func (m *mounted) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return m.d.change(func() {
		if size, ok := in.GetSize(); ok {
			m.n.resize(int64(size))
		}
		if mode, ok := in.GetMode(); ok {
			m.n.mode = mode & 0o7777
		}
		m.attr(&out.Attr)
	})
}

func (m *mounted) Create(ctx context.Context, name string, _ uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	var made *fs.Inode
	errno := m.d.change(func() { made = m.made(ctx, name, mode, false, out) })
	return made, &handle{}, 0, errno
}

func (m *mounted) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	var made *fs.Inode
	errno := m.d.change(func() { made = m.made(ctx, name, mode, true, out) })
	return made, errno
}

func (m *mounted) made(ctx context.Context, name string, mode uint32, isFolder bool, out *fuse.EntryOut) *fs.Inode {
	n := m.d.add(m.n, name, mode&0o7777, isFolder)
	(&mounted{d: m.d, n: n}).attr(&out.Attr)
	return m.inode(ctx, n)
}

func (m *mounted) Unlink(_ context.Context, name string) syscall.Errno {
	return m.d.change(func() { m.n.name(name, nil) })
}

func (m *mounted) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h := &handle{}
	m.d.look(func() { h.told = m.n.failed })
	return h, 0, fs.OK
}

func (m *mounted) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n := 0
	m.d.look(func() {
		if off < int64(len(m.n.data)) {
			n = copy(dest, m.n.data[off:])
		}
	})
	return fuse.ReadResultData(dest[:n]), fs.OK
}

func (m *mounted) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	errno := m.d.change(func() { m.n.write(off, data) })
	return uint32(len(data)), errno
}

func (m *mounted) Fsync(_ context.Context, f fs.FileHandle, _ uint32) syscall.Errno {
	h, _ := f.(*handle) // folders have none
	return m.d.sync(m.n, h)
}
