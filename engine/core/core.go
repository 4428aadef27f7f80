// Package core is what the rooms of the engine share: names of resources, writes and what is announced after them,
// request tokens, pages and the wire's ways to write time.
//
// The rooms above it follow the Amazon Chime SDK messaging and identity API references; what they leave open is decided
// there and said beside the rule. Every method of theirs that takes a bearer acts for that user and checks the role
// table (engine/role) inside the same transaction as the change. What a method has returned without an error is
// durable; events follow the commits in their order (event.go).
//
// Methods fail with fault kinds: Unauthorized (the bearer does not exist), Denied, NotFound, Invalid, Conflict; code
// "resource_limit" marks a full quota.
package core

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Core is one migrated database (engine/schema) in one region and account; both are part of every ARN. Safe for
// concurrent use. The rooms embed it.
type Core struct {
	DB              *db.DB
	Region, Account string
	Limits          quota.Limits // the resource quotas; set before the first use

	sink     atomic.Pointer[Sink]
	recorder Recorder
	node     string        // names this process among those of one database
	wake     chan struct{} // tells Sweep that there is something to do
}

// New makes a Core. Without SetSink events go nowhere.
func New(d *db.DB, region, account string) *Core {
	return &Core{DB: d, Region: region, Account: account, node: id.NewUUID(), wake: make(chan struct{}, 1)}
}

// SetSink says who gets the events from now on.
func (c *Core) SetSink(s Sink) { c.sink.Store(&s) }

// SetRecorder says who writes events down, before the first of them.
func (c *Core) SetRecorder(r Recorder) { c.recorder = r }

// Announce hands e to the sink once the running write is durable, and to the recorder within it.
func (c *Core) Announce(tx *db.Tx, e Event) {
	c.Record(tx, e)
	tx.AfterCommit(func() {
		if s := c.sink.Load(); s != nil {
			(*s).Deliver(e)
		}
	})
}

// Record hands e to the recorder alone: what the messaging session does not tell, but a stream does.
func (c *Core) Record(tx *db.Tx, e Event) {
	if r := c.recorder; r != nil {
		tx.BeforeCommit(func() error { return r.Record(tx, e) })
	}
}

// Write is db.Write with a second try when another node made the same row in between: the second run sees it.
func (c *Core) Write(ctx context.Context, fn func(*db.Tx) error) error {
	err := c.DB.Write(ctx, fn)
	if db.IsDuplicate(err) {
		err = c.DB.Write(ctx, fn)
	}
	return err
}

// Fits says whether adding more of a resource fit into its quota beside those in the running write. rows is what to count,
// from the table's name on; nothing is counted where there is no quota.
func (c *Core) Fits(tx *db.Tx, r quota.Resource, adding int, rows string, args ...any) error {
	most := c.Limits.Max(r)
	if most == 0 {
		return nil
	}
	have, err := db.Value[int](tx.Context(), tx, `SELECT count(*) FROM (SELECT 1 FROM `+rows+` LIMIT `+strconv.Itoa(most)+`) x`, args...)
	if err != nil {
		return err
	}
	return c.Limits.Check(r, have, adding)
}

// Counted keeps a counter in a row of app_instance, for resources of which there are too many to count, and checks the
// quota. by is 1 or -1.
func (c *Core) Counted(tx *db.Tx, r quota.Resource, column, app string, by int) error {
	n, err := db.Value[int](tx.Context(), tx, `UPDATE app_instance SET `+column+` = `+column+` + $2 WHERE id = $1 RETURNING `+column, app, by)
	if err != nil || by < 0 {
		return err
	}
	return c.Limits.Check(r, n-by, by)
}

// InstanceARN names the app instance of that id.
func (c *Core) InstanceARN(app string) arn.ARN { return arn.AppInstance(c.Region, c.Account, app) }

// Bots are kept among the users (app_instance_user): they act, speak and are members in the same way. What tells them
// apart is their id in the tables, which no user can have.
const botPrefix = "bot/"

// BotID is the id under which the tables know a bot.
func BotID(id string) string { return botPrefix + id }

// UserARN names a user or bot of an app instance by the id in the tables.
func (c *Core) UserARN(app, id string) arn.ARN {
	if bot, is := strings.CutPrefix(id, botPrefix); is {
		return c.InstanceARN(app).Child(arn.KindBot, bot)
	}
	return c.InstanceARN(app).User(id)
}

// FindUser is Find for a user or a bot, by the id in the tables.
func (c *Core) FindUser(a arn.ARN) (r Ref, ok bool) {
	if r, ok = c.Find(a, arn.KindBot); ok {
		return Ref{App: r.App, ID: BotID(r.ID)}, true
	}
	return c.Find(a, arn.KindUser)
}

// Ref is a resource's name inside the database: its app instance and its own id, "" for the app instance itself.
type Ref struct{ App, ID string }

// Find takes an ARN of this region and account apart; ok is false for any other text.
func (c *Core) Find(a arn.ARN, kind arn.Kind) (r Ref, ok bool) {
	p, err := arn.Parse(string(a))
	if err != nil || p.Kind != kind || p.Region != c.Region || p.Account != c.Account || !IsText(string(a)) {
		return Ref{}, false
	}
	return Ref{App: p.AppInstanceID, ID: p.ChildID}, true
}

// IsText reports whether both databases can compare s with a text: PostgreSQL fails on anything else.
func IsText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// NowMS is the time in Unix milliseconds.
func NowMS() int64 { return time.Now().UnixMilli() }

// NewNo makes the random number of a user or channel: 62 bits, never 0.
func NewNo() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return int64(binary.BigEndian.Uint64(b[:])>>2) | 1
}

// Unique drops repeated ARNs and keeps the order.
func Unique(in []arn.ARN) []arn.ARN {
	seen := make(map[arn.ARN]bool, len(in))
	out := in[:0:0]
	for _, a := range in {
		if !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// Keys writes ids as the keys of one JSON object, for a query that reads them with json_each: it yields keys as text on both
// databases.
func Keys(ids []string) string {
	all := make(map[string]int, len(ids))
	for _, id := range ids {
		all[id] = 0
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

// IsGone tells "there is no such thing" from a failing database.
func IsGone(err error) bool { return fault.Is(err, fault.Denied) || fault.Is(err, fault.NotFound) }

// The texts that clients of the real service have been seen to match on.

// ErrBearer says that who acts does not exist.
func ErrBearer() error {
	return fault.New(fault.Unauthorized, "bearer", "An invalid app instance user ARN was supplied for the x-amz-chime-bearer HTTP header.")
}

// ErrUser says that the user acted on does not exist.
func ErrUser() error {
	return fault.New(fault.Denied, "user", "An invalid app instance user ARN was supplied for the input parameter.")
}

// ErrInstance says that the app instance does not exist.
func ErrInstance() error {
	return fault.New(fault.Denied, "app_instance", "An invalid app instance ARN was supplied for the input parameter.")
}

// ErrChannel says that the channel does not exist. Operations that model no such error answer Forbidden.
func ErrChannel() error {
	return fault.New(fault.NotFound, "channel", "The channel does not exist.")
}
