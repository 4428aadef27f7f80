package session

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/stagedoor/stagedoor/engine/core"
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
	if ok, why := h.enterHandshake(); !ok {
		refuseBusy(w, why)
		return
	}
	defer h.exitHandshake()
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
		h.connect(w, r)
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

func (h *Hub) connect(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query() // the verifier refuses doubled names, so Get is unambiguous after it
	req := request{user: arn.ARN(query.Get("userArn")), sessionID: query.Get("sessionId")}
	var p *iam.Principal
	now := time.Now()
	_, _, err := sigv4.VerifyPresigned(r, "chime", func(key, token string) (secret string, err error) {
		secret, p, err = h.cfg.Authority.Lookup(key, token, now)
		return secret, err
	}, now)
	if err != nil || !req.user.Is(arn.KindUser) || !p.Allows("chime:Connect", string(req.user)) {
		h.refuse(w, r, closeUnauthorized, "Unauthorized")
		return
	}
	req.expires = p.Expires
	if wrong := req.read(query); wrong != "" {
		refuseHTTP(w, http.StatusBadRequest, "BadRequestException", "BadRequest", wrong)
		return
	}
	if h.cfg.Limiter.Take(now, "Connect", quota.Keys{Account: p.Account, AppInstance: string(req.user.AppInstance()), User: string(req.user)}) != nil {
		refuseHTTP(w, http.StatusTooManyRequests, "ThrottledClientException", "Throttled", "Rate exceeded")
		return
	}
	m, v := h.reserve(req.user, req.sessionID)
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
		h.cfg.Log.Error("the channels of a connecting user cannot be read", "user", req.user, "err", err)
		w.Header().Set("Retry-After", "1")
		refuseHTTP(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", "The service is currently unavailable.")
		return
	}
	c, early, err := h.upgrade(w, r, m)
	if err != nil {
		h.release(m)
		return
	}
	c.sessionID, c.expires = req.sessionID, req.expires
	if req.prefetch && h.cfg.Details != nil {
		h.prefetch(c, req.sortBy)
	} else {
		h.mu.Lock()
		h.attach(c)
		h.mu.Unlock()
	}
	go c.read(early)
}

// read takes the rest of a verified query; it returns what is wrong with it. Parameters that we do not know are the
// client's own business (X-Amzn-Version).
func (req *request) read(query url.Values) (wrong string) {
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
func (h *Hub) refuse(w http.ResponseWriter, r *http.Request, code closeCode, reason string) {
	h.mu.Lock()
	full := h.refused >= h.cfg.MaxHandshakes
	if !full {
		h.refused++
	}
	h.mu.Unlock()
	if full {
		refuseHTTP(w, http.StatusForbidden, "ForbiddenException", "Forbidden", reason)
		return
	}
	c, early, err := h.upgrade(w, r, nil)
	if err != nil {
		h.mu.Lock()
		h.refused--
		h.mu.Unlock()
		return
	}
	c.shut(code, reason)
	go c.read(early)
}

// upgrade answers the handshake and takes the socket over. Extensions are not negotiated: one frame for everybody can
// only be shared uncompressed. An error has been answered. The caller must start read.
func (h *Hub) upgrade(w http.ResponseWriter, r *http.Request, m *member) (*conn, io.Reader, error) {
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
		hub: h, socket: socket, m: m,
		// A first ping somewhere in the second half of the interval spreads those who came together.
		nextPing: now.Add(h.cfg.PingEvery/2 + rand.N(h.cfg.PingEvery/2+1)), //nolint:gosec // nothing secret about it
	}
	h.took(c)
	return c, bytes.NewReader(bytes.Clone(early)), nil // a copy, so that the 8 KiB of rw can go
}

func tune(socket net.Conn) {
	type wrapper interface{ NetConn() net.Conn } // TLS, around a connection that is counted
	for w, ok := socket.(wrapper); ok; w, ok = socket.(wrapper) {
		socket = w.NetConn()
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
	refuseBusy(w, "This server takes no more connections.")
}

func refuseBusy(w http.ResponseWriter, message string) {
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
