package session

import (
	"io"
	"net"
	"testing"
	"time"
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

// The hub sends with its lock held: a connection whose socket is slow to close must not keep everybody waiting.
func TestASocketThatIsSlowToCloseHoldsNobodyUp(t *testing.T) {
	for name, end := range map[string]func(c *conn, said <-chan int){
		"the peer parts": func(c *conn, _ <-chan int) { c.part(nil) },
		"we part":        func(c *conn, said <-chan int) { c.shut(closeNormal, ""); <-said; c.part(nil) },
		"a violation":    func(c *conn, _ <-chan int) { c.refuse(closeForbidden, "") },
	} {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			hub := &Hub{}
			hub.cfg.defaults()
			l := lingering{here, make(chan struct{}), make(chan struct{})}
			c := &conn{hub: hub, socket: l}
			said, taken := make(chan int), make(chan struct{})
			go func() { // the peer takes the close frame and says nothing
				defer close(taken)
				n, _ := there.Read(make([]byte, 64))
				select {
				case said <- n:
				case <-l.release:
				}
				_, _ = io.Copy(io.Discard, there)
			}()
			ended := make(chan struct{})
			go func() { defer close(ended); end(c, said) }()
			<-l.closing
			sent := make(chan struct{})
			go func() { defer close(sent); c.send(nil) }()
			select {
			case <-sent:
			case <-time.After(30 * time.Second):
				t.Error("who sends waits for the socket to close")
			}
			close(l.release)
			<-sent
			<-ended
			<-taken
		})
	}
}
