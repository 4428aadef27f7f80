//go:build unix

package ingress

import (
	"os"
	"syscall"
	"testing"
)

// A session's descriptor outlives the connection that net/http has, and closes, and so does its place.
func TestAPartedConnectionKeepsItsPlaceUntilItIsFreed(t *testing.T) {
	g, c, peer := accept(t)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var own *os.File
	if err := raw.Control(func(fd uintptr) {
		if n, err := syscall.Dup(int(fd)); err == nil {
			own = os.NewFile(uintptr(n), "own")
		}
	}); err != nil || own == nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	free := c.Part()
	for range 2 {
		if err := c.Close(); err == nil {
			t.Error("it was open")
		}
	}
	if _, err := own.WriteString("x"); err != nil || g.Open() != 1 {
		t.Fatalf("%v; %d open", err, g.Open())
	}
	if n, err := peer.Read(make([]byte, 9)); n != 1 {
		t.Error(n, err)
	}
	for range 2 {
		free()
	}
	if g.Open() != 0 {
		t.Errorf("%d open", g.Open())
	}
	g, c, _ = accept(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if c.Part()(); g.Open() != 0 {
		t.Errorf("%d open after an end before", g.Open())
	}
}

func TestTheSystemProbesNobody(t *testing.T) {
	_, c, _ := accept(t)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE); err != nil || on != 0 {
			t.Error(on, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
