//go:build !linux

package fanout

import "net"

// Other systems have no epoll; every link is piped.

type bare struct{ piped }

func takeDescriptor(*shard, net.Conn) (*bare, *poller) { return nil, nil }

// giveUpInTime is for pings to do.
func giveUpInTime(*net.TCPConn) {}

type poller struct{}

func (*poller) news() chan int    { return nil }
func (*poller) serve(*shard, int) {}
func (*poller) close()            {}
