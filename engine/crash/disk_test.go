package crash_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Sizes of what a disk writes as a whole: a page of the system's cache and, when that is torn, a sector.
const (
	pageSize   = 4096
	sectorSize = 512
)

// disk is a file system in memory that remembers what a power cut would leave. Bytes are safe after fsync of their
// file, names after fsync of their folder, and nothing else is: stricter than any real one.
type disk struct {
	mu     sync.Mutex
	root   *node
	inodes uint64
	ops    int           // calls so far that changed something or synced it
	stopAt int           // the call which does not happen any more, 0 for never
	stop   chan struct{} // closed then: from that call on nothing changes and nobody gets an answer
	gone   chan struct{} // closed when nobody waits for answers any more

	sick     func() bool      // asked before each call: true fails it; nil for a healthy disk
	sickSync func(*node) bool // likewise before each sync
}

// node is a file or folder. safe is what would survive; since are the changes after that, oldest first.
type node struct {
	ino  uint64
	mode uint32

	data, safe []byte
	since      []change
	failed     int // syncs

	names, safeNames map[string]*node // of a folder; nil for a file
	renamed          []naming
}

// change is a write, or a new size when data is nil.
type change struct {
	at   int64
	data []byte
}

// naming gives a name to a node, or takes it away when the node is nil.
type naming struct {
	name string
	node *node
}

// cut is how a power cut treats what was not synced.
type cut string

const (
	killed  cut = "the process was killed, the system lives: everything is kept"
	dropped cut = "power cut: everything that was not synced is lost"
	paged   cut = "power cut: any pages and names may have been written"
	torn    cut = "power cut: any sectors and names may have been written"
)

func newDisk() *disk {
	d := &disk{root: newFolder(1, 0o700), inodes: 1}
	d.rearm(0)
	return d
}

func newFolder(ino uint64, mode uint32) *node {
	return &node{ino: ino, mode: mode, names: map[string]*node{}, safeNames: map[string]*node{}}
}

// rearm makes the n-th call from now the one that does not happen.
func (d *disk) rearm(n int) {
	d.ops, d.stopAt = 0, n
	d.stop, d.gone = make(chan struct{}), make(chan struct{})
}

// change runs f, unless the disk is sick, which is EIO, or has stopped: then it waits until nobody is interested in an
// answer.
func (d *disk) change(f func()) syscall.Errno {
	d.mu.Lock()
	d.ops++
	if d.stopAt != 0 && d.ops >= d.stopAt {
		if d.ops == d.stopAt {
			close(d.stop)
		}
		d.mu.Unlock()
		<-d.gone
		return syscall.EIO
	}
	defer d.mu.Unlock()
	if d.sick != nil && d.sick() {
		return syscall.EIO
	}
	f()
	return 0
}

// handle is an open file; its value is how many of the file's failed syncs it has been told of.
type handle struct{ told int }

// sync makes a node safe. After one that failed, what it was to write counts as written and is not tried again, and
// everybody who has the file open is told once: so does Linux. Whoever believes a second try of his own loses data.
func (d *disk) sync(n *node, h *handle) syscall.Errno {
	fails := false
	errno := d.change(func() {
		if fails = d.sickSync != nil && d.sickSync(n); !fails {
			n.sync()
		}
	})
	if fails {
		errno = syscall.EIO
	}
	d.look(func() {
		if errno != 0 {
			n.since, n.renamed = nil, nil
			n.failed++
		}
		if h != nil && h.told != n.failed {
			h.told, errno = n.failed, syscall.EIO
		}
	})
	return errno
}

// look runs f, which changes nothing.
func (d *disk) look(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// add makes a file or folder under a name.
func (d *disk) add(folder *node, name string, mode uint32, isFolder bool) *node {
	d.inodes++
	n := &node{ino: d.inodes, mode: mode}
	if isFolder {
		n = newFolder(d.inodes, mode)
	}
	folder.name(name, n)
	return n
}

func (n *node) name(name string, child *node) {
	n.renamed = append(n.renamed, naming{name, child})
	naming{name, child}.apply(n.names)
}

func (m naming) apply(names map[string]*node) {
	if m.node == nil {
		delete(names, m.name)
	} else {
		names[m.name] = m.node
	}
}

func (n *node) write(at int64, data []byte) {
	c := change{at, bytes.Clone(data)}
	n.since = append(n.since, c)
	n.data = c.apply(n.data)
}

func (n *node) resize(size int64) {
	c := change{at: size}
	n.since = append(n.since, c)
	n.data = c.apply(n.data)
}

func (c change) end() int64 { return c.at + int64(len(c.data)) }

func (c change) apply(data []byte) []byte {
	if c.data == nil && c.at < int64(len(data)) {
		return data[:c.at:c.at]
	}
	if c.end() > int64(len(data)) {
		data = append(data, make([]byte, c.end()-int64(len(data)))...)
	}
	copy(data[c.at:], c.data)
	return data
}

// sync makes a file's bytes or a folder's names safe.
func (n *node) sync() {
	for _, c := range n.since {
		n.safe = c.apply(n.safe)
	}
	for _, m := range n.renamed {
		m.apply(n.safeNames)
	}
	n.since, n.renamed = nil, nil
}

// after returns the disk as the engine finds it when it starts again: a new one, on which everything is safe.
func (d *disk) after(c cut, rnd *rand.Rand) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := &disk{inodes: d.inodes}
	left.rearm(0)
	left.root = d.root.after(c, rnd)
	return left
}

func (n *node) after(c cut, rnd *rand.Rand) *node {
	left := &node{ino: n.ino, mode: n.mode}
	if n.names == nil {
		left.data = n.content(c, rnd)
		left.safe = bytes.Clone(left.data)
		return left
	}
	names := n.safeNames
	if c == killed {
		names = n.names
	} else if c != dropped && len(n.renamed) > 0 {
		names = cloneNames(names)
		for _, m := range n.renamed[:rnd.IntN(len(n.renamed)+1)] { // a journal keeps their order
			m.apply(names)
		}
	}
	left.names = map[string]*node{}
	for _, name := range sortedNames(names) { // in order, so that a seed means the same twice
		left.names[name] = names[name].after(c, rnd)
	}
	left.safeNames = cloneNames(left.names)
	return left
}

// content is what a file holds after the cut. Each page has been written out at a moment of its own, after which the
// changes to it are lost, and so has the size.
func (n *node) content(c cut, rnd *rand.Rand) []byte {
	switch c {
	case killed:
		return bytes.Clone(n.data)
	case dropped:
		return bytes.Clone(n.safe)
	case paged, torn:
	}
	grain := int64(pageSize)
	if c == torn {
		grain = sectorSize
	}
	sized := rnd.IntN(len(n.since) + 1) // the size is that after so many changes
	written := map[int64]int{}          // likewise for each page that was changed
	size := int64(len(n.safe))
	data := bytes.Clone(n.safe)
	for i, ch := range n.since {
		if ch.data == nil && i < sized {
			data = ch.apply(data)
		}
		for at := ch.at; at < ch.end(); {
			page := at / grain
			end := min((page+1)*grain, ch.end())
			if _, ok := written[page]; !ok {
				written[page] = rnd.IntN(len(n.since) + 1)
			}
			if i < written[page] {
				data = change{at, ch.data[at-ch.at : end-ch.at]}.apply(data)
			}
			at = end
		}
		if i < sized && (ch.data == nil || ch.end() > size) {
			size = ch.end()
		}
	}
	return change{at: size}.apply(data)
}

func sortedNames(names map[string]*node) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func cloneNames(names map[string]*node) map[string]*node {
	clone := make(map[string]*node, len(names))
	for name, n := range names {
		clone[name] = n
	}
	return clone
}

// copyTo writes the disk's files into a folder of the real one.
func (d *disk) copyTo(folder string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.copyTo(folder)
}

func (n *node) copyTo(path string) error {
	if n.names == nil {
		return os.WriteFile(path, n.data, os.FileMode(n.mode&0o777))
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for name, child := range n.names {
		if err := child.copyTo(filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}
