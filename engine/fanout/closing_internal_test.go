package fanout

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// lingering is a socket that takes its time to close, as one of TLS does when its peer does not read.
type lingering struct {
	net.Conn
	closing, release chan struct{}
}

func (l lingering) Close() error {
	l.closing <- struct{}{}
	<-l.release
	return l.Conn.Close()
}

// A shard serves many connections: one whose socket is slow to close must not keep everybody waiting.
func TestASocketThatIsSlowToCloseHoldsNobodyUp(t *testing.T) {
	const goodbye, bad = "\x88\x80\x00\x00\x00\x00", "\x81\x81\x00\x00\x00\x00a"
	for name, end := range map[string]func(c *Conn, peer io.Writer) error{
		"the peer parts": func(_ *Conn, peer io.Writer) error { _, err := io.WriteString(peer, goodbye); return err },
		"we part": func(c *Conn, peer io.Writer) error {
			c.Shut(Farewell{Code: ws.StatusNormalClosure})
			_, err := io.WriteString(peer, goodbye)
			return err
		},
		"a violation": func(_ *Conn, peer io.Writer) error { _, err := io.WriteString(peer, bad); return err },
	} {
		t.Run(name, func(t *testing.T) {
			hall := New(Config{Shards: 1})
			defer hall.Close()
			here, there := net.Pipe()
			l := lingering{here, make(chan struct{}), make(chan struct{})}
			done := make(ended)
			c := hall.Take(l, nil, done, Terms{})
			taken := make(chan struct{})
			go func() { defer close(taken); _, _ = io.Copy(io.Discard, there) }()
			if err := end(c, there); err != nil {
				t.Fatal(err)
			}
			<-l.closing
			other, peer := net.Pipe()
			otherDone := make(ended)
			hall.Take(other, nil, otherDone, Terms{}).Send([]byte("x"))
			_ = peer.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := peer.Read(make([]byte, 1)); err != nil {
				t.Errorf("somebody else waits for the socket to close: %v", err)
			}
			close(l.release)
			<-taken
			_ = peer.Close()
			<-done
			<-otherDone
		})
	}
}
