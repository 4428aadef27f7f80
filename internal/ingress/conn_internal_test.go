package ingress

import (
	"io"
	"net"
	"testing"
)

// counting counts the plain writes that pass through a conn.
type counting struct {
	*conn
	writes int
}

func (c *counting) Write(p []byte) (int, error) { c.writes++; return c.conn.Write(p) }

// net writes many pieces in one system call only to connections in which it recognises its own.
func TestManyPiecesGoOutAtOnce(t *testing.T) {
	g, own, peer := accept(t)
	c := &counting{conn: own}
	pieces := net.Buffers{[]byte("one "), []byte("two "), []byte("three")}
	if n, err := pieces.WriteTo(c); n != 13 || err != nil || c.writes != 0 {
		t.Errorf("%d bytes in %d writes: %v", n, c.writes, err)
	}
	for range 2 {
		_ = c.Close()
	}
	if text, err := io.ReadAll(peer); string(text) != "one two three" || g.Open() != 0 {
		t.Errorf("%q, %v; %d open", text, err, g.Open())
	}
}

// accept returns a connection of a gate and its other end.
func accept(t *testing.T) (*Gate, *conn, net.Conn) {
	t.Helper()
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	g := NewGate(Share(1000), nil, nil, nil)
	accepted, err := g.Listener(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, ok := accepted.(*conn)
	if !ok {
		t.Fatalf("a %T", accepted)
	}
	return g, c, peer
}
