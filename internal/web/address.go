package web

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// call is what is known about a request wherever its context goes.
type call struct {
	client       netip.Addr
	method, path string // for the log; no path of ours carries a secret
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

func addressOf(ctx context.Context) netip.Addr { return callOf(ctx).client }

// clientAddress is the nearest address that is not one of our own proxies: the connection's peer, or, while that is
// trusted, the rightmost entry of X-Forwarded-For that is not. Anything a client writes further left is ignored.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(addr, trusted); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr
}

func within(a netip.Addr, nets []netip.Prefix) bool {
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
