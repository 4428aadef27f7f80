package session_test

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/internal/arn"
)

// BenchmarkConnect is one session from dialling to SESSION_ESTABLISHED and its end, client and server in this process.
func BenchmarkConnect(b *testing.B) {
	for kind, url := range map[string]func(*stage, int) string{
		"plain":    func(s *stage, n int) string { return connectURL(b, s.url, rootKey, s.ann, fmt.Sprint(n)) },
		"prefetch": func(s *stage, n int) string { return s.prefetchURL(s.ann, fmt.Sprint(n), "") },
	} {
		b.Run(kind, func(b *testing.B) {
			s := open(b, nil)
			for n := range 20 {
				s.say(s.bob, fmt.Sprint("line ", n))
			}
			for n := 0; b.Loop(); n++ {
				f := s.dial(url(s, n))
				f.next()
				if kind == "prefetch" {
					f.next()
				}
				s.ok(f.ws.CloseNow())
				s.eventually(func() bool { return s.hub.Stats().Connections < 10 })
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "connects/s")
		})
	}
}

// BenchmarkIdleSession holds sessions open and reports what each of them takes: heap and stacks of this process. The
// client's half is a bare socket of a few hundred bytes.
func BenchmarkIdleSession(b *testing.B) {
	s := open(b, nil)
	const users, each = 150, 10
	var people []arn.ARN
	for n := range users {
		u, err := s.chat.CreateUser(b.Context(), "", identity.NewUser{Instance: s.app, ID: fmt.Sprint("u", n), Name: "U"})
		s.ok(err)
		people = append(people, u)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		var held []net.Conn
		for n := range users * each {
			held = append(held, s.bare(connectURL(b, s.url, rootKey, people[n%users], fmt.Sprint(n/users))))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/(users*each), "B/session")
		for _, c := range held {
			s.ok(c.Close())
		}
		s.eventually(func() bool { return s.hub.Stats().Connections == 0 })
	}
}

// bare opens a session and keeps nothing but the socket.
func (s *stage) bare(signed string) net.Conn { return s.bareEarly(signed, "") }

// bareEarly sends more in one piece with the request.
func (s *stage) bareEarly(signed, more string) net.Conn {
	s.Helper()
	host, target, _ := strings.Cut(strings.TrimPrefix(signed, "http://"), "/")
	c, err := net.Dial("tcp", host)
	s.ok(err)
	_, err = fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n%s", target, host, more)
	s.ok(err)
	var buf [1024]byte
	for n := 0; !bytes.Contains(buf[:n], []byte("SESSION_ESTABLISHED")); {
		got, err := c.Read(buf[n:])
		s.ok(err)
		n += got
	}
	return c
}
