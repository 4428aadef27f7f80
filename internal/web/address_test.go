package web

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestTheClientAddressIsTheNearestOneThatIsNotOurProxy(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")}
	for _, c := range []struct {
		name, peer, forwarded, want string
		trusted                     []netip.Prefix
	}{
		{"no proxy: the header is a lie", "203.0.113.9:1", "198.51.100.1", "203.0.113.9", proxies},
		{"nothing trusted", "10.0.0.1:1", "198.51.100.1", "10.0.0.1", nil},
		{"one proxy", "10.0.0.1:1", "198.51.100.1", "198.51.100.1", proxies},
		{"a client that writes its own entries", "10.0.0.1:1", "192.0.2.66, 198.51.100.1", "198.51.100.1", proxies},
		{"two proxies", "10.0.0.1:1", "198.51.100.1, 10.0.0.2", "198.51.100.1", proxies},
		{"rubbish from a proxy", "10.0.0.1:1", "unknown", "10.0.0.1", proxies},
		{"mapped IPv4", "[::ffff:203.0.113.9]:1", "", "203.0.113.9", proxies},
		{"IPv6", "[2001:db8::1]:1", "", "2001:db8::1", proxies},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := clientAddress(r, c.trusted); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s: got %v, want %s", c.name, got, c.want)
		}
	}
}
