package session

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/fanout"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/sigv4"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

const (
	// maxSessionID is generous: the SDK uses ten digits, other clients a UUID.
	maxSessionID = 128
	// handshakeTime bounds telling what is wrong with an upgrade.
	handshakeTime = 5 * time.Second
)

// ServeHTTP answers GET /connect: a presigned WebSocket upgrade.
//
// Wrong, expired or insufficient credentials are told the way the real service does it, by accepting the upgrade and
// closing with 4401: browsers show no HTTP status of a failed upgrade to the page. Limits are answered with an HTTP
// status instead: a client that was let in would take it for a success and forget its back-off.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ok, why := h.enterHandshake(); !ok {
		h.refuseBusy(w, why)
		return
	}
	var rest func() // of a session that has begun: the request is over
	defer func() {
		if rest == nil {
			h.exitHandshake()
			return
		}
		go func() { defer h.exitHandshake(); rest() }()
	}()
	switch origin := r.Header.Get("Origin"); {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		refuseHTTP(w, http.StatusMethodNotAllowed, "BadRequestException", "BadRequest", "A messaging session is opened with GET.")
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		w.Header().Set("Upgrade", "websocket")
		refuseHTTP(w, http.StatusUpgradeRequired, "BadRequestException", "BadRequest", "A messaging session is a WebSocket.")
	case origin != "" && h.cfg.Origin != nil && !h.cfg.Origin(origin):
		refuseHTTP(w, http.StatusForbidden, "ForbiddenException", "Forbidden", "This origin may not open messaging sessions.")
	default:
		rest = h.connect(w, r)
	}
}

// request is a connect URL that has been understood.
type request struct {
	user      arn.ARN
	sessionID string
	prefetch  bool
	sortBy    string
	expires   time.Time // end of the credentials
}

// connect opens a session. What there is left to do for it when the request is answered comes back; nil for nothing.
func (h *Hub) connect(w http.ResponseWriter, r *http.Request) (rest func()) {
	var p *iam.Principal
	now := time.Now()
	query, err := sigv4.VerifyPresigned(r, "chime", func(key, token string) (secret string, err error) {
		secret, p, err = h.cfg.Authority.Lookup(key, token, now)
		return secret, err
	}, now)
	// Copies: what lives as long as the session must not hold the request's text.
	req := request{user: arn.ARN(strings.Clone(query.Get("userArn"))), sessionID: strings.Clone(query.Get("sessionId"))}
	if err != nil || !req.user.Is(arn.KindUser) || !p.Allows("chime:Connect", string(req.user)) {
		h.refuse(w, r, closeUnauthorized, "Unauthorized")
		return nil
	}
	req.expires = p.Expires
	if wrong := req.read(query); wrong != "" {
		refuseHTTP(w, http.StatusBadRequest, "BadRequestException", "BadRequest", wrong)
		return nil
	}
	if h.cfg.Limiter.Take(now, "Connect", quota.Keys{Account: p.Account, AppInstance: string(req.user.AppInstance()), User: string(req.user)}) != nil {
		refuseHTTP(w, http.StatusTooManyRequests, "ThrottledClientException", "Throttled", "Rate exceeded")
		return nil
	}
	m, v := h.reserve(req.user, req.sessionID)
	if v != reservedOK {
		h.refuseFull(w, v)
		return nil
	}
	if err := h.load(r.Context(), m); err != nil {
		h.release(m)
		if fault.Is(err, fault.Denied) || fault.Is(err, fault.NotFound) {
			h.refuse(w, r, closeForbidden, "Forbidden")
			return nil
		}
		h.cfg.Log.Error("the channels of a connecting user cannot be read", "user", req.user, "err", err)
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", "The service is currently unavailable.")
		return nil
	}
	c := &conn{hub: h, m: m, sessionID: req.sessionID}
	answer, err := h.upgrade(w, r, c, req.expires)
	if err != nil {
		h.release(m)
		return nil
	}
	if req.prefetch && h.cfg.Details != nil {
		c.Send(answer)
		return func() { h.prefetch(c, req.sortBy) }
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attach(c, answer, false)
	return nil
}

// read takes the rest of a verified query; it returns what is wrong with it. Parameters that we do not know are the
// client's own business (X-Amzn-Version).
func (req *request) read(query sigv4.Query) (wrong string) {
	if n := len(req.sessionID); n < 1 || n > maxSessionID ||
		!utf8.ValidString(req.sessionID) || strings.ContainsFunc(req.sessionID, unicode.IsControl) {
		return "sessionId must have 1 to 128 bytes of text without control characters."
	}
	if query.Has("prefetch-on") {
		if req.prefetch = query.Get("prefetch-on") == "connect"; !req.prefetch {
			return "prefetch-on must be connect."
		}
	}
	if query.Has("prefetch-sort-by") {
		req.sortBy = query.Get("prefetch-sort-by")
		if req.sortBy != core.SortByUnread && req.sortBy != core.SortByLastMessage {
			return "prefetch-sort-by must be unread or last-message-timestamp."
		}
	}
	return ""
}

// refuse accepts the upgrade and closes at once. When many are being refused already, the answer is an HTTP status: a
// flood of forged URLs must not hold sockets.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, code ws.StatusCode, reason string) {
	h.mu.Lock()
	full := h.refused >= h.cfg.MaxRefused
	if !full {
		h.refused++
	}
	h.mu.Unlock()
	if full {
		refuseHTTP(w, http.StatusForbidden, "ForbiddenException", "Forbidden", reason)
		return
	}
	c := &conn{hub: h}
	answer, err := h.upgrade(w, r, c, time.Time{})
	if err != nil {
		h.mu.Lock()
		h.refused--
		h.mu.Unlock()
		return
	}
	c.Send(answer)
	c.Shut(fanout.Farewell{Code: code, Reason: reason})
}

// upgrade gives the socket of a request to the hall and returns the answer to the handshake, which is for the caller to
// send: it can then share a write with the first frame. Compression is agreed upon without context takeover only: a frame
// for everybody is compressed once. An error has been answered.
func (h *Hub) upgrade(w http.ResponseWriter, r *http.Request, c *conn, expires time.Time) (answer []byte, err error) {
	var said answering
	said.text.Grow(256) // for the first frame, too
	var up ws.HTTPUpgrader
	deflate := wsflate.Extension{Parameters: wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}}
	if h.cfg.Compress {
		up.Negotiate = deflate.Negotiate
	}
	_, _, _, wrong := up.Upgrade(r, &said)
	_, compressed := deflate.Accepted()
	terms := fanout.Terms{Until: expires, Deflate: compressed}
	if wrong == nil {
		if c.Conn = h.hall.TakeDescriptor(lent(w, r), c, terms); c.Conn != nil {
			h.took()
			return said.text.Bytes(), nil
		}
	}
	socket, rw, err := http.NewResponseController(w).Hijack()
	switch {
	case err != nil:
		refuseHTTP(w, http.StatusInternalServerError, "ServiceFailureException", "ServiceFailure", "This connection cannot be upgraded.")
		return nil, err
	case wrong != nil:
		_ = socket.SetWriteDeadline(time.Now().Add(handshakeTime))
		_, _ = socket.Write(said.text.Bytes())
		_ = socket.Close()
		return nil, wrong
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // Peek of what is there cannot fail
	h.took()
	c.Conn = h.hall.Take(socket, bytes.Clone(early), c, terms) // a copy, so that the buffers of rw can go
	return said.text.Bytes(), nil
}

// answering keeps what is answered to a handshake; which connection that will go to is seen afterwards.
type answering struct {
	http.ResponseWriter // nil: nothing is asked of it
	text                bytes.Buffer
}

// Hijack is for http.ResponseController.
func (a *answering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return timeless{}, bufio.NewReadWriter(nil, bufio.NewWriterSize(&a.text, 256)), nil
}

// timeless is a connection that is only told to have no deadlines, as a hijacked one and a descriptor have none.
type timeless struct{ net.Conn }

func (timeless) SetDeadline(time.Time) error { return nil }

// socketKey is that of ConnContext.
type socketKey struct{}

// ConnContext is for http.Server. With it a session takes the descriptor out of its connection instead of hijacking that.
// net/http finds the connection closed when the request is over, which it takes for a client that has left, and keeps its
// buffers for the next one, where a hijacked connection leaves them to the garbage collector. Who wraps
// connections to count them gives them Part (fanout.Parted), or hears of their Close when their sessions begin.
//
// What a client sends before it has the answer may then be lost in part; it has to wait (RFC 6455, section 4.1).
func ConnContext(ctx context.Context, socket net.Conn) context.Context {
	return context.WithValue(ctx, socketKey{}, socket)
}

// lent returns the socket of a request that may be closed behind net/http's back; nil if there is none. Who writes an answer
// without it, or later than net/http believes, is no http.Hijacker and has nothing to lend.
func lent(w http.ResponseWriter, r *http.Request) net.Conn {
	if _, ok := w.(http.Hijacker); !ok || r.ContentLength != 0 {
		return nil
	}
	switch socket := r.Context().Value(socketKey{}).(type) {
	case *net.TCPConn:
		return socket
	case fanout.Parted:
		return socket
	}
	return nil
}

func (h *Hub) refuseFull(w http.ResponseWriter, v verdict) {
	if v == tooManyOfUser {
		refuseHTTP(w, http.StatusTooManyRequests, "ThrottledClientException", "Throttled", "This user has too many connections.")
		return
	}
	h.refuseBusy(w, "This server takes no more connections.")
}

func (h *Hub) refuseBusy(w http.ResponseWriter, message string) {
	h.shed.Add(1)
	w.Header().Set("Retry-After", "5")
	refuseHTTP(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", message)
}

// refuseHTTP answers without an upgrade, in the form of the REST API's errors.
func refuseHTTP(w http.ResponseWriter, status int, exception, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-amzn-ErrorType", exception)
	w.Header().Set("x-amzn-RequestId", id.NewUUID())
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct{ Code, Message string }{code, message})
}
