package ingress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// retryAfter is when somebody who found no room should come back, in seconds.
const retryAfter = 5

// refusal is the answer in the form of the chat's errors, which is also readable to everybody else.
const refusal = `{"Code":"ServiceUnavailable","Message":"This server is full. Please try again in a few seconds."}`

// Gate counts the connections of one process, over all of its listeners. Safe for concurrent use.
type Gate struct {
	budget   Budget
	operator func(*http.Request) bool
	context  func(context.Context, net.Conn) context.Context
	log      *slog.Logger

	open     atomic.Int64
	refused  atomic.Uint64
	refusing chan struct{} // one per connection that is being told

	mu      sync.Mutex
	servers []*http.Server
	relief  time.Time // when idle connections were last closed
}

// NewGate makes a gate. operator says whether a request claims to come from those who run the house: a claim is enough to
// be heard, the program then checks it. nil: nobody does. connContext is that of each http.Server, or nil.
func NewGate(b Budget, operator func(*http.Request) bool, connContext func(context.Context, net.Conn) context.Context, log *slog.Logger) *Gate {
	if operator == nil {
		operator = func(*http.Request) bool { return false }
	}
	return &Gate{budget: b, operator: operator, context: connContext, log: log, refusing: make(chan struct{}, b.Refusals)}
}

// Open is how many connections there are.
func (g *Gate) Open() int { return int(g.open.Load()) }

// Refused is how many connections and requests there was no room for.
func (g *Gate) Refused() uint64 { return g.refused.Load() }

// Listener counts the connections that l accepts, and turns away those that are too many.
func (g *Gate) Listener(l net.Listener) net.Listener { return &listener{l, g} }

type listener struct {
	net.Listener
	gate *Gate
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := c.(*net.TCPConn)
		if !ok {
			_ = c.Close()
			return nil, fmt.Errorf("ingress: a %T is no TCP connection", c)
		}
		n := l.gate.open.Add(1)
		if n > int64(l.gate.budget.Sockets) {
			l.gate.relieve()
		}
		if n <= int64(l.gate.budget.connections()) {
			return &conn{TCPConn: tcp, gate: l.gate}, nil
		}
		l.gate.open.Add(-1)
		l.gate.refused.Add(1)
		l.gate.turnAway(tcp)
	}
}

// conn is a counted connection. It embeds the real one so that net finds its faster ways of writing (writev, sendfile).
type conn struct {
	*net.TCPConn
	gate *Gate
	once sync.Once
}

// Close closes the connection and frees its place.
func (c *conn) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() { c.gate.open.Add(-1) })
	return err
}

// Part closes the connection here while its descriptor lives on in other hands (fanout.Parted). It keeps its place until free
// is called.
func (c *conn) Part() (free func()) {
	free = func() {} // closed before, and counted
	c.once.Do(func() { free = sync.OnceFunc(func() { c.gate.open.Add(-1) }) })
	_ = c.TCPConn.Close()
	return free
}

// NetConn is the connection underneath.
func (c *conn) NetConn() net.Conn { return c.TCPConn }

// askTime and tellTime are how long somebody who is turned away has to begin a request and to hear why.
const (
	askTime  = time.Second
	tellTime = 2 * time.Second
)

// turnAway answers 503 to the first bytes of a request: an answer to none would confuse a client. If the connection were
// closed over unread bytes the client would see a reset instead, so it is read to its end. That takes a moment and a
// descriptor, and so is done for a few at a time; the others are closed.
func (g *Gate) turnAway(c *net.TCPConn) {
	select {
	case g.refusing <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		defer func() { _ = c.Close(); <-g.refusing }()
		_ = c.SetReadDeadline(time.Now().Add(askTime))
		_, _ = c.Read(make([]byte, 1)) // whatever comes of it
		_ = c.SetDeadline(time.Now().Add(tellTime))
		_, err := fmt.Fprintf(c, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Type: application/json\r\n"+
			"x-amzn-ErrorType: ServiceUnavailableException\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", retryAfter, len(refusal), refusal)
		if err == nil && c.CloseWrite() == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 64<<10))
		}
	}()
}

// Handler answers 503 to requests for which there is no room: to an upgrade when sockets have all of theirs, to everything
// but an operator's request when only the last places are left. Nobody then keeps a connection for a next request.
// An address that is too long gets 414, before anybody takes it apart.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.RequestURI) > maxURL {
			tooLong(w)
			return
		}
		n := g.Open()
		if n <= g.budget.Sockets {
			next.ServeHTTP(w, r)
			return
		}
		upgrade := r.Header.Get("Upgrade") != ""
		if !upgrade {
			w.Header().Set("Connection", "close")
		}
		if (upgrade || n > g.budget.public()) && !g.operator(r) {
			g.refused.Add(1)
			refuse(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooLong(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("x-amzn-ErrorType", "BadRequestException")
	h.Set("Connection", "close")
	w.WriteHeader(http.StatusRequestURITooLong)
	_, _ = io.WriteString(w, `{"Code":"BadRequest","Message":"This address is too long."}`)
}

func refuse(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Retry-After", fmt.Sprint(retryAfter))
	h.Set("Content-Type", "application/json")
	h.Set("x-amzn-ErrorType", "ServiceUnavailableException")
	h.Set("Connection", "close")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, refusal)
}

// reliefRest is how long lies between two reliefs: closing idle connections looks at all of them.
const reliefRest = time.Second

// relieve closes connections on which nothing happens between two requests.
func (g *Gate) relieve() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.relief) < reliefRest {
		return
	}
	if g.relief.IsZero() {
		g.log.Warn("connections are short: no new sockets until some end", "open", g.Open(), "descriptors", g.budget.Descriptors)
	}
	g.relief = time.Now()
	for _, s := range g.servers {
		s.SetKeepAlivesEnabled(false)
		s.SetKeepAlivesEnabled(true)
	}
}
