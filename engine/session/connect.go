package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/gobwas/ws"

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
	// socketBuffer caps the kernel's memory for a peer that does not read (fan-out to many sockets, small messages).
	socketBuffer = 128 << 10
	// handshakeTime bounds writing the answer to the upgrade.
	handshakeTime = 5 * time.Second
)

// ServeHTTP answers GET /connect: a presigned WebSocket upgrade.
//
// Wrong, expired or insufficient credentials are told the way the real service does it, by accepting the upgrade and
// closing with 4401: browsers show no HTTP status of a failed upgrade to the page. Limits are answered with an HTTP
// status instead: a client that was let in would take it for a success and forget its back-off.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); origin != "" && h.cfg.Origin != nil && !h.cfg.Origin(origin) {
		refuseHTTP(w, http.StatusForbidden, "ForbiddenException", "Forbidden", "This origin may not open messaging sessions.")
		return
	}
	query := r.URL.Query() // the verifier refuses doubled names, so Get is unambiguous after it
	user, sessionID := arn.ARN(query.Get("userArn")), query.Get("sessionId")
	var p *iam.Principal
	now := time.Now()
	_, _, err := sigv4.VerifyPresigned(r, "chime", func(key, token string) (secret string, err error) {
		secret, p, err = h.cfg.Authority.Lookup(key, token, now)
		return secret, err
	}, now)
	if err != nil || !user.Is(arn.KindUser) || !p.Allows("chime:Connect", string(user)) {
		h.refuse(w, r, closeUnauthorized, "Unauthorized")
		return
	}
	if sessionID == "" || len(sessionID) > maxSessionID {
		refuseHTTP(w, http.StatusBadRequest, "BadRequestException", "BadRequest", "sessionId must have 1 to 128 characters.")
		return
	}
	if h.cfg.Limiter.Take(now, "Connect", quota.Keys{Account: p.Account, AppInstance: string(user.AppInstance()), User: string(user)}) != nil {
		refuseHTTP(w, http.StatusTooManyRequests, "ThrottledClientException", "Throttled", "Rate exceeded")
		return
	}
	m, v := h.reserve(user, sessionID)
	if v != reservedOK {
		refuseFull(w, v)
		return
	}
	if err := h.load(r.Context(), m); err != nil {
		h.release(m)
		if fault.Is(err, fault.Denied) || fault.Is(err, fault.NotFound) {
			h.refuse(w, r, closeForbidden, "Forbidden")
			return
		}
		h.cfg.Log.Error("the channels of a connecting user cannot be read", "user", user, "err", err)
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", "The service is currently unavailable.")
		return
	}
	c, early, err := h.upgrade(w, r)
	if err != nil {
		h.release(m)
		return
	}
	c.m, c.sessionID, c.expires = m, sessionID, p.Expires
	h.attach(c)
	go c.read(early)
}

// refuse accepts the upgrade and closes at once.
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, code closeCode, reason string) {
	c, early, err := h.upgrade(w, r)
	if err != nil {
		return
	}
	c.shut(code, reason)
	go c.read(early)
}

// upgrade answers the handshake and takes the socket over. Extensions are not negotiated: one frame for everybody can
// only be shared uncompressed. An error has been answered. The caller must start read.
func (h *Hub) upgrade(w http.ResponseWriter, r *http.Request) (*conn, io.Reader, error) {
	socket, rw, _, err := ws.HTTPUpgrader{Timeout: handshakeTime}.Upgrade(r, w)
	if err != nil {
		if socket != nil {
			_ = socket.Close()
		}
		return nil, nil, err
	}
	tune(socket)
	now := time.Now()
	_ = socket.SetReadDeadline(now.Add(h.cfg.PingEvery * 5 / 2))
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // Peek of what is there cannot fail
	c := &conn{
		hub: h, socket: socket,
		// A first ping somewhere in the second half of the interval spreads those who came together.
		nextPing: now.Add(h.cfg.PingEvery/2 + rand.N(h.cfg.PingEvery/2+1)), //nolint:gosec // nothing secret about it
	}
	if !h.took(c) {
		_ = socket.Close()
		return nil, nil, errClosing
	}
	return c, bytes.NewReader(bytes.Clone(early)), nil // a copy, so that the 8 KiB of rw can go
}

var errClosing = errors.New("session: the hub is closing")

func tune(socket net.Conn) {
	if wrapped, ok := socket.(interface{ NetConn() net.Conn }); ok { // TLS
		socket = wrapped.NetConn()
	}
	if tcp, ok := socket.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBuffer) // a smaller buffer is a wish, not a need
	}
}

func refuseFull(w http.ResponseWriter, v verdict) {
	if v == tooManyOfUser {
		refuseHTTP(w, http.StatusTooManyRequests, "ThrottledClientException", "Throttled", "This user has too many connections.")
		return
	}
	w.Header().Set("Retry-After", "5")
	refuseHTTP(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", "This server takes no more connections.")
}

// refuseHTTP answers without an upgrade, in the form of the REST API's errors.
func refuseHTTP(w http.ResponseWriter, status int, exception, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-amzn-ErrorType", exception)
	w.Header().Set("x-amzn-RequestId", id.NewUUID())
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct{ Code, Message string }{code, message})
}
