package ingress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/ingress"
)

const patience = 60 * time.Second

// house is a server behind a gate on a loopback port.
type house struct {
	*testing.T
	gate *ingress.Gate
	addr string
}

// serve runs h until the test ends. Who sends "X-Operator" claims to run the house.
func serve(t *testing.T, b ingress.Budget, times ingress.Times, h http.Handler) *house {
	t.Helper()
	gate := ingress.NewGate(b, func(r *http.Request) bool { return r.Header.Get("X-Operator") != "" }, nil,
		slog.New(slog.NewTextHandler(t.Output(), nil)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- gate.Serve(ctx, l, h, times, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &house{t, gate, l.Addr().String()}
}

func (h *house) dial() net.Conn {
	h.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// until waits for a condition that other goroutines bring about.
func (h *house) until(what string, ok func() bool) {
	h.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			h.Fatal("never:", what)
		}
	}
}

// answer reads one answer from a connection and its whole body.
func answer(t *testing.T, c net.Conn) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func (h *house) ask(header string) (*http.Response, string) {
	h.Helper()
	c := h.dial()
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", header); err != nil {
		h.Fatal(err)
	}
	return answer(h.T, c)
}

func full(res *http.Response, body string) bool {
	return res.StatusCode == 503 && res.Header.Get("Retry-After") != "" && res.Header.Get("X-Amzn-Errortype") == "ServiceUnavailableException" &&
		strings.HasPrefix(body, `{"Code":"ServiceUnavailable","Message":"`)
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })

// sockets answers every upgrade with a socket that lives until its peer closes it.
var sockets = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		ok(w, r)
		return
	}
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	go func() {
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(c, rw)
	}()
})

func TestEveryShareLeavesRoomForTheOthers(t *testing.T) {
	for _, n := range []int{64, 128, 256, 1024, 4096, 20_000, 65_536, 1 << 20, 1 << 30} {
		b := ingress.Share(n)
		if sum := b.Files + b.Refusals + b.Operators + b.Requests + b.Sockets; sum != n || b.Files < 16 || b.Operators < 2 || b.Sockets < n/4 {
			t.Errorf("%d descriptors: %+v, together %d", n, b, sum)
		}
	}
	if b := ingress.Share(65_536); b.Sockets < 61_000 {
		t.Errorf("a large limit is not used: %+v", b)
	}
}

func TestSocketsLeaveRoomForRequestsAndRequestsForOperators(t *testing.T) {
	const socket = "Upgrade: x\r\nConnection: Upgrade\r\n"
	h := serve(t, ingress.Budget{Descriptors: 1000, Sockets: 3, Requests: 2, Operators: 2, Refusals: 2}, ingress.Times{Body: patience, Answer: patience}, sockets)
	var open []net.Conn
	for range 3 {
		c := h.dial()
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", socket)
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, " 101 ") {
			t.Fatal(line, err)
		}
		open = append(open, c)
	}
	if res, body := h.ask(socket); !full(res, body) {
		t.Errorf("a fourth socket: %d %v %s", res.StatusCode, res.Header, body)
	}
	h.until("the refused connection ends", func() bool { return h.gate.Open() == 3 })
	if res, body := h.ask(""); res.StatusCode != 200 || body != "ok" || !res.Close {
		t.Errorf("a request beside full sockets: %d %q, kept alive %v", res.StatusCode, body, !res.Close)
	}
	if res, _ := h.ask(socket + "X-Operator: 1\r\n"); res.StatusCode != 101 {
		t.Errorf("an operator's socket: %d", res.StatusCode)
	}
	h.until("the requests end", func() bool { return h.gate.Open() == 4 })

	// Somebody fills the last place of requests with a connection that says nothing.
	h.dial()
	h.until("it is counted", func() bool { return h.gate.Open() == 5 })
	if res, body := h.ask(""); !full(res, body) {
		t.Errorf("a request when only operators' places are left: %d", res.StatusCode)
	}
	h.until("the refused connection ends", func() bool { return h.gate.Open() == 5 })
	if res, body := h.ask("X-Operator: 1\r\n"); res.StatusCode != 200 || body != "ok" {
		t.Errorf("an operator: %d", res.StatusCode)
	}
	h.until("the operator is gone", func() bool { return h.gate.Open() == 5 })
	h.dial()
	h.dial()
	h.until("everything is taken", func() bool { return h.gate.Open() == 7 })
	if res, body := h.ask("X-Operator: 1\r\n"); !full(res, body) {
		t.Errorf("without any place: %d %s", res.StatusCode, body)
	}
	for _, c := range open {
		_ = c.Close()
	}
	h.until("their places are free", func() bool { return h.gate.Open() <= 4 })
}

func TestIdleConnectionsMakeRoom(t *testing.T) {
	h := serve(t, ingress.Budget{Descriptors: 1000, Sockets: 3, Requests: 10, Operators: 2, Refusals: 2}, ingress.Times{Body: patience, Answer: patience}, ok)
	for range 3 {
		c := h.dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if res, _ := answer(t, c); res.StatusCode != 200 || res.Close {
			t.Fatal("no connection that is kept")
		}
	}
	h.until("they are idle and closed for a newcomer", func() bool { h.ask(""); return h.gate.Open() <= 1 })
}

func TestSlowAndHugeRequestsAreCheap(t *testing.T) {
	read := make(chan error, 1)
	h := serve(t, ingress.Share(1000), ingress.Times{Body: 500 * time.Millisecond, Answer: patience}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
		_, _ = io.WriteString(w, "ok")
	}))
	t.Run("one header larger than the limit", func(t *testing.T) {
		h := &house{t, h.gate, h.addr}
		c := h.dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 40<<10)) // never ends
		if res, _ := answer(t, c); res.StatusCode != 431 {
			t.Errorf("%d", res.StatusCode)
		}
	})
	t.Run("40,000 headers", func(t *testing.T) {
		h := &house{t, h.gate, h.addr}
		c := h.dial()
		go func() { // the server stops reading: the rest is not taken
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("a: b\r\n", 40_000)+"\r\n")
		}()
		line, err := bufio.NewReader(c).ReadString('\n')
		if err == nil && !strings.Contains(line, " 431 ") { // or a reset, when the answer is lost over what was not read
			t.Errorf("%q", line)
		}
	})
	t.Run("an address that is too long", func(t *testing.T) {
		for n, want := range map[int]int{8 << 10: 200, 15 << 10: 200, 17 << 10: 414, 31 << 10: 414, 40 << 10: 431} {
			h := &house{t, h.gate, h.addr}
			c := h.dial()
			_, _ = io.WriteString(c, "GET /?"+strings.Repeat("a", n)+" HTTP/1.1\r\nHost: x\r\n\r\n")
			res, _ := answer(t, c)
			if want == 200 {
				if err := <-read; err != nil {
					t.Error(err)
				}
			}
			if res.StatusCode != want {
				t.Errorf("%d characters: %d, want %d", n, res.StatusCode, want)
			}
		}
	})
	t.Run("a header that never ends", func(t *testing.T) {
		h := &house{t, h.gate, h.addr}
		c := h.dial()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-")
		began := time.Now()
		if n, err := io.Copy(io.Discard, c); err != nil {
			t.Error("the connection was not closed:", n, err)
		}
		if took := time.Since(began); took < 4*time.Second {
			t.Errorf("closed after %v: a slow line may take a moment", took)
		}
	})
	t.Run("a body that never ends", func(t *testing.T) {
		h := &house{t, h.gate, h.addr}
		c := h.dial()
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
		var timeout net.Error
		if err := <-read; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("the body ended with %v", err)
		}
	})
}

func TestAPeerThatDoesNotTakeItsAnswerIsLeft(t *testing.T) {
	ended := make(chan error, 1)
	h := serve(t, ingress.Share(1000), ingress.Times{Body: patience, Answer: 500 * time.Millisecond}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(piece)
		}
		ended <- err
	}))
	c := h.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	var timeout net.Error
	if err := <-ended; !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("writing ended with %v", err)
	}
	h.until("its place is free", func() bool { return h.gate.Open() == 0 })
}

func TestASocketOutlivesTheTimesOfRequests(t *testing.T) {
	h := serve(t, ingress.Share(1000), ingress.Times{Body: 200 * time.Millisecond, Answer: 200 * time.Millisecond}, sockets)
	c := h.dial()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
	in := bufio.NewReader(c)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
		t.Fatal(err)
	}
	tick := time.NewTimer(time.Second)
	<-tick.C // both times are over
	_, _ = io.WriteString(c, "still here\n")
	if line, err := in.ReadString('\n'); line != "still here\n" {
		t.Error(line, err)
	}
}

func TestBodies(t *testing.T) {
	const most = 64 << 10
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	h := serve(t, ingress.Share(1000), ingress.Times{Body: patience, Answer: patience}, ingress.LimitBodies(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Stay") != "" {
			entered <- struct{}{}
			<-leave
		}
		_, err := io.ReadAll(r.Body)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}), most))
	post := func(header string) *http.Response {
		c := h.dial()
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n", header)
		res, _ := answer(t, c)
		return res
	}
	if res := post("Content-Length: 1073741824\r\n"); res.StatusCode != 413 || !res.Close { // not a byte of it is sent
		t.Errorf("a gigabyte: %d, kept alive %v", res.StatusCode, !res.Close)
	}
	var staying []net.Conn
	for i := range 64 {
		c := h.dial()
		size := []string{"Content-Length: 20000", "Transfer-Encoding: chunked"}[i%2]
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Stay: 1\r\n%s\r\n\r\n", size)
		<-entered
		staying = append(staying, c)
	}
	for _, size := range []string{"Content-Length: 20000\r\n", "Transfer-Encoding: chunked\r\n"} {
		if res := post(size); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("another large one, %q: %d", size, res.StatusCode)
		}
	}
	if res := post("Content-Length: 0\r\n"); res.StatusCode != 200 {
		t.Errorf("a small one beside them: %d", res.StatusCode)
	}
	close(leave)
	for _, c := range staying {
		_ = c.Close()
	}
	h.until("there is room again", func() bool {
		c := h.dial()
		_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n%s", strings.Repeat("x", 20_000))
		res, _ := answer(t, c)
		return res.StatusCode == 200
	})
}
