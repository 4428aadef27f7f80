package session

import (
	"github.com/stagedoor/stagedoor/engine/fanout"
)

// conn is one session: a connection of the hall, and whose it is.
type conn struct {
	*fanout.Conn
	hub       *Hub
	m         *member // nil for a session that is refused
	sessionID string
	gone      bool // the socket is closed; guarded by Hub.mu
}

// Gone is the end of every connection.
func (c *conn) Gone() { c.hub.left(c) }
