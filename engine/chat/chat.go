// Package chat is the engine's domain: app instances, users, channels, members, messages, bans, and who may do what.
//
// It follows the Amazon Chime SDK messaging and identity API references; what they leave open is decided here and said
// beside the rule. Every method that takes a bearer acts for that user and checks the role table (rules.go) inside the
// same transaction as the change. What a method has returned without an error is durable; events follow the commits in
// their order (event.go).
//
// Methods fail with fault kinds: Unauthorized (the bearer does not exist), Denied, NotFound, Invalid, Conflict; code
// "resource_limit" marks a full quota.
package chat

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Config says in which region and account the resources live; both become part of every ARN.
type Config struct {
	Region, Account string
	// QuietAbove is how many members a channel may have before comings and goings are told to those concerned only.
	// 0 means 500; negative means however many.
	QuietAbove int
}

// Chat is the domain over one database. Safe for concurrent use.
type Chat struct {
	db   *db.DB
	cfg  Config
	sink atomic.Pointer[Sink]
	wake chan struct{} // tells Run that there is something to sweep
}

// New makes a Chat over a migrated database (engine/schema). Without SetSink events go nowhere.
func New(d *db.DB, cfg Config) *Chat {
	return &Chat{db: d, cfg: cfg, wake: make(chan struct{}, 1)}
}

// SetSink says who gets the events from now on.
func (c *Chat) SetSink(s Sink) { c.sink.Store(&s) }

// announce hands e to the sink once the running write is durable.
func (c *Chat) announce(tx *db.Tx, e Event) {
	tx.AfterCommit(func() {
		if s := c.sink.Load(); s != nil {
			(*s).Deliver(e)
		}
	})
}

// write is db.Write with a second try when another node made the same row in between: the second run sees it.
func (c *Chat) write(ctx context.Context, fn func(*db.Tx) error) error {
	err := c.db.Write(ctx, fn)
	if db.IsDuplicate(err) {
		err = c.db.Write(ctx, fn)
	}
	return err
}

func (c *Chat) instanceARN(app string) arn.ARN {
	return arn.AppInstance(c.cfg.Region, c.cfg.Account, app)
}

// ref is a resource's name inside the database: its app instance and its own id.
type ref struct{ app, id string }

// find takes an ARN of this region and account apart; ok is false for any other text.
func (c *Chat) find(a arn.ARN, kind arn.Kind) (r ref, ok bool) {
	p, err := arn.Parse(string(a))
	if err != nil || p.Kind != kind || p.Region != c.cfg.Region || p.Account != c.cfg.Account || !isText(string(a)) {
		return ref{}, false
	}
	return ref{app: p.AppInstanceID, id: p.ChildID}, true
}

// isText reports whether both databases can compare s with a text: PostgreSQL fails on anything else.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func nowMS() int64 { return time.Now().UnixMilli() }

// newNo makes the random number of a user or channel: 62 bits, never 0.
func newNo() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return int64(binary.BigEndian.Uint64(b[:])>>2) | 1
}

// The texts that clients of the real service have been seen to match on.
func errBearer() error {
	return fault.New(fault.Unauthorized, "bearer", "An invalid app instance user ARN was supplied for the x-amz-chime-bearer HTTP header.")
}

func errUser() error {
	return fault.New(fault.Denied, "user", "An invalid app instance user ARN was supplied for the input parameter.")
}

func errInstance() error {
	return fault.New(fault.Denied, "app_instance", "An invalid app instance ARN was supplied for the input parameter.")
}

func errChannel() error {
	return fault.New(fault.NotFound, "channel", "The channel does not exist.")
}
