// Package chat puts the rooms of the engine's domain on top of each other: who there is, who is in which channel, the
// channels, and what is said in them.
//
//	message   channel      stream
//	 │  │   ┌────┘ │          │ takes core's events, inside
//	 ▼  │   ▼      │          │ the write that makes them
//	flow│ member   │          │
//	 ▼  ▼   ▼      ▼          ▼
//	 identity    role ──► core ──► database
package chat

import (
	"context"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/flow"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/engine/stream"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/db"
)

// Config says in which region and account the resources live – both become part of every ARN – and how many there may
// be. Flow and Stream say what lies behind the ARNs of other services; empty, there is nothing.
type Config struct {
	Region, Account string
	Limits          quota.Limits
	// QuietAbove is how many members a channel may have before comings and goings are told to those concerned only.
	// 0 means 500; negative means however many.
	QuietAbove int
	Flow       flow.Config
	Stream     stream.Config
}

// Chat is every room over one database. Safe for concurrent use.
type Chat struct {
	*core.Core
	*identity.Identities
	*member.Members
	*channel.Channels
	*message.Messages
	*flow.Flows
	*stream.Streams
	*tag.Tags

	roles      *role.Roles
	prefetches *core.Together[together, prefetching, prefetched]
}

// New opens the rooms over a migrated database (engine/schema). Without SetSink events go nowhere.
func New(d *db.DB, cfg Config) *Chat {
	c := &Chat{Core: core.New(d, cfg.Region, cfg.Account)}
	c.Limits = cfg.Limits
	c.Tags = &tag.Tags{Core: c.Core}
	roles := &role.Roles{Core: c.Core}
	c.roles = roles
	c.Identities = identity.New(c.Core, func(tx *db.Tx, u identity.User, most int) (int, error) { return c.LeaveAll(tx, u, most) })
	c.Members = member.New(roles, c.Identities, cfg.QuietAbove)
	c.Channels = channel.New(roles, c.Identities, c.Members)
	c.Flows = flow.New(roles, c.Identities, cfg.Flow)
	c.Messages = message.New(roles, c.Identities, c.Flows)
	c.Streams = stream.New(c.Core, c.Identities, cfg.Stream)
	c.SetRecorder(c.Streams)
	c.prefetches = core.NewTogether(c.prefetchAll)
	return c
}

// steps is the background work: what somebody in a channel waits for, then the rest in the order in which it empties a
// deleted app instance.
func (c *Chat) steps() []core.Step {
	return []core.Step{c.SweepElastic, c.SweepExpiredChannels, c.SweepInstances, c.SweepFlows, c.SweepConfigurations, c.SweepInstance,
		c.SweepRemoved, c.SweepRuns, c.Identities.SweepExpired, c.SweepRetention, core.ForgetRequests}
}

// Run does the background work until ctx ends: it scales elastic channels, ends what has expired, removes the rows of
// what was deleted and forgets old request tokens.
// It returns the first database error; running it again continues the work.
func (c *Chat) Run(ctx context.Context) error { return c.Core.Run(ctx, c.steps()...) }

// Sweep does one bounded piece of what Run does and reports whether there is more.
func (c *Chat) Sweep(ctx context.Context) (more bool, err error) {
	return c.Core.Sweep(ctx, c.steps()...)
}
