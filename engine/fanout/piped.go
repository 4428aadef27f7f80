package fanout

import (
	"net"
	"sync"
)

// socketBuffer caps the kernel's memory for a peer that does not read; Linux doubles it.
const socketBuffer = 64 << 10

// piped is a link over any net.Conn. A goroutine reads, and one writes while something is late: everything is, for a
// moment.
type piped struct {
	conn    *Conn
	socket  net.Conn
	taken   chan struct{} // what was read has been handled
	writing int           // bytes
	going   sync.WaitGroup
}

func newPiped(c *Conn, socket net.Conn) *piped {
	type wrapper interface{ NetConn() net.Conn } // TLS, around a connection that is counted
	inner := socket
	for w, ok := inner.(wrapper); ok; w, ok = inner.(wrapper) {
		inner = w.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBuffer) // wishes, not needs
		giveUpInTime(tcp)
	}
	return &piped{conn: c, socket: socket, taken: make(chan struct{}, 1)}
}

func (p *piped) start(*Conn) bool {
	p.going.Go(p.read)
	return true
}

func (p *piped) read() {
	s := p.conn.shard
	buf := make([]byte, 512) // control frames are short
	for {
		n, err := p.socket.Read(buf)
		if n > 0 {
			s.post(func() { p.conn.received(buf[:n]); p.taken <- struct{}{} })
			<-p.taken
		}
		if err != nil {
			s.post(p.conn.lost)
			return
		}
	}
}

func (p *piped) write(b []byte) (int, error) {
	p.send(net.Buffers{b}, len(b))
	return 0, nil
}

// flush takes all of what is late, unless that is more than a slow line can take in the time of a write.
func (p *piped) flush(late []chunk) (int, error) {
	var batch net.Buffers
	bytes := 0
	for _, c := range late {
		if p.writing > 0 || bytes > 0 && bytes+len(c.b) > p.conn.shard.cfg.QueueBytes {
			break
		}
		batch = append(batch, c.b)
		bytes += len(c.b)
	}
	if bytes > 0 {
		p.send(batch, bytes)
	}
	return 0, nil
}

func (p *piped) send(batch net.Buffers, bytes int) {
	p.writing = bytes
	p.going.Go(func() {
		n, err := batch.WriteTo(p.socket)
		p.conn.shard.post(func() {
			p.writing = 0
			p.conn.wrote(int(n), err)
			p.conn.flush()
		})
	})
}

func (p *piped) keeps() bool { return true }

func (p *piped) flying() int { return p.writing }

func (p *piped) rinse() {} // the reader does, until the socket is closed

// close does not wait: over TLS closing waits for a peer that does not read.
func (p *piped) close(gone func()) {
	go func() {
		_ = p.socket.Close()
		p.going.Wait()
		gone()
	}()
}
