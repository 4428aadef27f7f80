package session_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/session"
)

// rawClient connects without a WebSocket library and leaves reading to the test.
func (s *stage) rawClient(signed string) (net.Conn, *bufio.Reader) {
	s.Helper()
	host, target, _ := strings.Cut(strings.TrimPrefix(signed, "http://"), "/")
	c, err := net.Dial("tcp", host)
	s.ok(err)
	s.Cleanup(func() { _ = c.Close() })
	if tcp, ok := c.(*net.TCPConn); ok {
		s.ok(tcp.SetReadBuffer(64 << 10)) // what the kernel takes for a client that does not read
	}
	_, err = fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", target, host)
	s.ok(err)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	s.ok(err)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		s.Fatal(resp.Status)
	}
	return c, in
}

// big is an event whose frame takes about 16 KiB, so that queues fill soon.
func (s *stage) big(n int) core.Event {
	return core.Event{Type: core.EventCreateMessage, MessageType: "STANDARD", Channel: s.channel,
		Payload: map[string]string{"Content": fmt.Sprint(n), "Metadata": strings.Repeat("x", 16<<10)}}
}

func TestASlowReaderIsSentAwayAndNobodyElseWaitsForIt(t *testing.T) {
	s := open(t, func(c *session.Config) { c.QueueBytes = 64 << 10 })
	slow, in := s.rawClient(connectURL(t, s.url, rootKey, s.bob, "1"))
	// The upgrade is answered before the session joins; line 0 is only sent to who has SESSION_ESTABLISHED.
	first, err := ws.ReadHeader(in)
	s.ok(err)
	established := make([]byte, first.Length)
	_, err = io.ReadFull(in, established)
	s.ok(err)
	if !strings.Contains(string(established), "SESSION_ESTABLISHED") {
		t.Fatalf("the first frame is %s", established)
	}
	ann := s.enter(s.ann, "1")
	ann.ws.SetReadLimit(1 << 20)
	var longest time.Duration
	n := 0
	for ; s.hub.Stats().SlowClosed == 0; n++ {
		if n > 2000 {
			t.Fatal("32 MB sent to a client that reads nothing, and it is still served")
		}
		start := time.Now()
		s.hub.Deliver(s.big(n))
		ann.hears(fmt.Sprint("CREATE_CHANNEL_MESSAGE ", n))
		longest = max(longest, time.Since(start))
	}
	if longest > 30*time.Second {
		t.Errorf("ann waited %v for a line", longest)
	}
	// What the slow one finds when it reads at last: whole frames without a gap, then the end.
	s.ok(slow.SetReadDeadline(time.Now().Add(20 * time.Second)))
	got := 0
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			break // cut off in the middle: 1006, which makes clients come back
		}
		body := make([]byte, h.Length)
		if _, err := io.ReadFull(in, body); err != nil {
			break
		}
		if h.OpCode == ws.OpClose {
			if code, _ := ws.ParseCloseFrameData(body); code != 1013 {
				t.Errorf("closed with %d", code)
			}
			break
		}
		if h.OpCode != ws.OpText {
			continue
		}
		if !strings.Contains(string(body), fmt.Sprintf(`\"Content\":\"%d\"`, got)) {
			t.Fatalf("frame %d is not line %d: %.200s", got, got, body)
		}
		got++
	}
	if got >= n {
		t.Errorf("the slow reader got all %d lines", n)
	}
	s.eventually(func() bool { return s.hub.Stats().Connections == 1 })
}

func TestFramesThatBreakTheProtocolEndTheConnectionBeforeTheyAreRead(t *testing.T) {
	s := open(t, nil)
	for name, c := range map[string]struct {
		bytes string
		code  ws.StatusCode
	}{
		"unmasked ping":         {"\x89\x00", ws.StatusProtocolError},
		"reserved opcode":       {"\x83\x80\x00\x00\x00\x00", ws.StatusProtocolError},
		"fragmented ping":       {"\x09\x80\x00\x00\x00\x00", ws.StatusProtocolError},
		"ping of 126 bytes":     {"\x89\xfe\x00\x7e\x00\x00\x00\x00", ws.StatusProtocolError},
		"compressed":            {"\xc9\x80\x00\x00\x00\x00", ws.StatusProtocolError},
		"text of 8 exabytes":    {"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", ws.StatusMessageTooBig},
		"text":                  {"\x81\x81\x00\x00\x00\x00a", ws.StatusUnsupportedData},
		"continuation of none":  {"\x80\x80\x00\x00\x00\x00", ws.StatusProtocolError},
		"close without a code":  {"\x88\x80\x00\x00\x00\x00", 0},
		"close with 1000":       {"\x88\x82\x00\x00\x00\x00\x03\xe8", ws.StatusNormalClosure},
		"close with 4000":       {"\x88\x82\x00\x00\x00\x00\x0f\xa0", 4000},
		"close with a bad code": {"\x88\x82\x00\x00\x00\x00\x03\xed", ws.StatusProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			inner := *s
			inner.TB = t
			conn, in := inner.rawClient(connectURL(t, s.url, rootKey, s.me, name))
			if _, err := conn.Write([]byte(c.bytes)); err != nil {
				t.Fatal(err)
			}
			inner.ok(conn.SetReadDeadline(time.Now().Add(10 * time.Second)))
			for {
				h, err := ws.ReadHeader(in)
				inner.ok(err)
				body := make([]byte, h.Length)
				_, err = io.ReadFull(in, body)
				inner.ok(err)
				if h.OpCode != ws.OpClose {
					continue
				}
				if code, _ := ws.ParseCloseFrameData(body); code != c.code && (c.code != 0 || len(body) > 0) {
					t.Errorf("closed with %d, want %d", code, c.code)
				}
				break
			}
			if _, err := in.ReadByte(); err == nil {
				t.Error("something came after the close frame")
			}
		})
	}
}

// One phone that had left the net kept a stopping engine for fifteen seconds, and with it everybody who wanted to come back.
func TestAPeerThatDoesNotAnswerDoesNotHoldTheEndUp(t *testing.T) {
	const long = time.Minute
	s := open(t, func(c *session.Config) { c.CloseTime, c.QueueTime, c.QueueBytes = long, long, 8<<20 })
	s.rawClient(connectURL(t, s.url, rootKey, s.me, "silent"))
	s.rawClient(connectURL(t, s.url, rootKey, s.bob, "stalled"))
	s.eventually(func() bool { return s.hub.Stats().Connections == 2 })
	for n := range 200 { // more than the system takes for bob: a write is under way
		s.hub.Deliver(s.big(n))
	}
	s.closed = true
	start := time.Now()
	s.ok(s.hub.Close(context.Background(), 0))
	if took := time.Since(start); took > long/2 {
		t.Errorf("the end took %v", took)
	}
}
