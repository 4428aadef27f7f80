package fanout

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// What linux/io_uring.h and linux/socket.h have and package syscall has not.
const (
	uringSetup, uringEnter = 425, 426 // the same number on every architecture but alpha
	uringSQEs              = 0x10000000
	uringSingleMmap        = 1
	uringGetEvents         = 1
	uringSend              = 26
	batch                  = 512
)

type uringOffsets struct {
	head, tail, mask, entries, flags, dropped, array, _ uint32 // of completions: …, overflow, cqes, flags, …
	_                                                   uint64
}

type uringParams struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                    [3]uint32
	sq, cq                                               uringOffsets
}

type submission struct {
	op, flags uint8
	ioprio    uint16
	fd        int32
	off, addr uint64
	len, msg  uint32
	user      uint64
	_         [3]uint64
}

type completion struct {
	user   uint64
	res, _ int32
}

// ring is as little of an io_uring as sends take.
type ring struct {
	fd                     uintptr
	sqTail, cqHead, cqTail *atomic.Uint32
	submissions            []submission
	completions            []completion
}

func newRing(tb testing.TB) *ring {
	var p uringParams
	fd, _, errno := syscall.Syscall(uringSetup, batch, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 || p.features&uringSingleMmap == 0 {
		tb.Skipf("no io_uring: the kernel is older than 5.4, or it or what confines this process refuses: %v", errno)
	}
	size := max(p.sq.array+4*p.sqEntries, p.cq.dropped+16*p.cqEntries)
	prot, share := syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_POPULATE
	mem, err := syscall.Mmap(int(fd), 0, int(size), prot, share)
	entries, err2 := syscall.Mmap(int(fd), uringSQEs, 64*int(p.sqEntries), prot, share)
	if err != nil || err2 != nil {
		tb.Fatal(err, err2)
	}
	tb.Cleanup(func() { _, _, _ = syscall.Munmap(mem), syscall.Munmap(entries), syscall.Close(int(fd)) })
	word := func(at uint32) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&mem[at])) }
	for i := range p.sqEntries {
		word(p.sq.array + 4*i).Store(i)
	}
	return &ring{
		fd: fd, sqTail: word(p.sq.tail), cqHead: word(p.cq.head), cqTail: word(p.cq.tail),
		submissions: unsafe.Slice((*submission)(unsafe.Pointer(&entries[0])), p.sqEntries),
		completions: unsafe.Slice((*completion)(unsafe.Pointer(&mem[p.cq.dropped])), p.cqEntries),
	}
}

// piece is what a socket has got of a buffer.
type piece struct{ fd, sent int }

// send gives each socket the rest of b, and returns those that did not take all of it.
func (r *ring) send(to []piece, b []byte) (late []piece, err error) {
	for some := range slices.Chunk(to, batch) {
		tail := r.sqTail.Load()
		for i, s := range some {
			rest := b[s.sent:]
			r.submissions[(tail+uint32(i))%uint32(len(r.submissions))] = submission{
				op: uringSend, fd: int32(s.fd), addr: uint64(uintptr(unsafe.Pointer(&rest[0]))), len: uint32(len(rest)),
				msg: syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL, user: uint64(i),
			}
		}
		r.sqTail.Store(tail + uint32(len(some)))
		for submit, missing := len(some), len(some); missing > 0; {
			n, _, errno := syscall.Syscall6(uringEnter, r.fd, uintptr(submit), uintptr(missing), uringGetEvents, 0, 0)
			if errno == 0 {
				submit -= int(n)
			} else if errno != syscall.EINTR {
				return nil, errno
			}
			head, end := r.cqHead.Load(), r.cqTail.Load()
			for ; head != end; head++ {
				c := r.completions[head%uint32(len(r.completions))]
				s := some[c.user]
				missing--
				if c.res >= 0 {
					s.sent += int(c.res)
				} else if e := syscall.Errno(-c.res); e != syscall.EAGAIN && e != syscall.EINTR {
					err = e
					continue
				}
				if s.sent < len(b) {
					late = append(late, s)
				}
			}
			r.cqHead.Store(head)
		}
	}
	runtime.KeepAlive(b)
	return late, err
}

// sendByWrite does what a ring does, in the way of bare.
func sendByWrite(to []piece, b []byte) (late []piece, err error) {
	for _, s := range to {
		n, e := (&bare{fd: s.fd}).write(b[s.sent:])
		if s.sent += n; e != nil {
			err = e
		} else if s.sent < len(b) {
			late = append(late, s)
		}
	}
	return late, err
}

// TestRing looks whether completions tell of short sends, of full and of broken sockets.
func TestRing(t *testing.T) {
	r, buf := newRing(t), make([]byte, 1<<20)
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(pair[0]) }()
	short, err := r.send([]piece{{pair[0], 0}}, buf)
	if err != nil || len(short) != 1 || short[0].sent <= 0 {
		t.Fatalf("a send that does not fit: %v, %v", short, err)
	}
	if full, err := r.send(short, buf); err != nil || !slices.Equal(full, short) {
		t.Fatalf("a full socket: %v, %v; before: %v", full, err, short)
	}
	_ = syscall.Close(pair[1])
	if late, err := r.send(short, buf); !errors.Is(err, syscall.EPIPE) || len(late) != 0 {
		t.Fatalf("a broken socket: %v, %v", late, err)
	}
}

// BenchmarkRing makes passes over N sockets, by a write for each and by io_uring in batches, in turn. It tells the time they
// took; what they cost the processor only samples of perf tell (docs/adr/0022).
func BenchmarkRing(b *testing.B) {
	for _, at := range [][2]int{{1000, 931}, {1000, 12 << 10}, {5000, 931}, {5000, 12 << 10}} {
		b.Run(fmt.Sprintf("n=%d/bytes=%d", at[0], at[1]), func(b *testing.B) { compare(b, at[0], make([]byte, at[1])) })
	}
}

func compare(b *testing.B, n int, buf []byte) {
	r, hall := newRing(b), New(Config{})
	h, conns, gone := connectAll(b, hall, n)
	all := make([]piece, n)
	for i, c := range conns {
		link, ok := c.link.(*bare)
		if !ok {
			b.Fatalf("a %T", c.link)
		}
		all[i].fd = link.fd
		_ = syscall.SetsockoptString(all[i].fd, syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, "reno") // not the timers of BBR
	}
	ways := []func([]piece, []byte) ([]piece, error){sendByWrite, r.send}
	var took [2][]float64
	late, total := 0, int64(0)
	for b.Loop() { // readers have everything before the next pass
		for i, send := range ways {
			began := time.Now()
			for to := all; len(to) > 0; late += len(to) {
				var err error
				if to, err = send(to, buf); err != nil {
					b.Fatal(err)
				}
			}
			took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/float64(n))
			for total += int64(n * len(buf)); h.bytes.Load() < total; {
				<-time.After(100 * time.Microsecond)
			}
		}
	}
	if got := h.bytes.Load(); got != total {
		b.Errorf("%d bytes came of %d", got, total)
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	write, uring := took[0][len(took[0])/2], took[1][len(took[1])/2]
	b.ReportMetric(write, "write-ns/send")
	b.ReportMetric(uring, "ring-ns/send")
	b.ReportMetric(uring/write, "ring/write")
	b.ReportMetric(float64(late), "late")
	h.end()
	for _, g := range gone {
		<-g
	}
	hall.Close()
}
