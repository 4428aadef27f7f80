//go:build !linux

package fanout

import (
	"net"
	"testing"
)

// socketPair is a pipe where descriptors are of no use.
func socketPair(testing.TB) (server, client net.Conn) { return net.Pipe() }
