package chat

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Grant is what a role may do with an operation.
type Grant uint8

// The grants. The conditions are about the thing acted on, see Case.
const (
	No      Grant = iota
	Yes           // always
	Own           // only on oneself or one's own message
	Public        // only in a PUBLIC channel
	Open          // only in an UNRESTRICTED channel
	OwnOpen       // on oneself anywhere, on others only in an UNRESTRICTED channel
	Join          // only oneself, into a PUBLIC and UNRESTRICTED channel
	InSight       // only with a DEFAULT membership: hidden members watch, they do not speak
)

// Rule says what each role may do. Somebody who holds several roles may do what any of them may.
type Rule struct{ Admin, Moderator, Member, Stranger Grant }

// Rules is the role table of the developer guide ("Authorization by role") for operations on behalf of a user.
// Decisions where the guide contradicts itself or is silent: members of a private channel may describe it; strangers
// may add themselves to a public, unrestricted channel (the vendor's own demo does); members may remove others only
// where they may add them; deleting a message is for admins alone.
var Rules = map[string]Rule{
	"DescribeChannel": {Yes, Yes, Yes, Public},
	"UpdateChannel":   {Yes, Yes, No, No},
	"DeleteChannel":   {Yes, Yes, No, No},
	"CreateChannel":   {Yes, Yes, Yes, Yes},
	"ListChannels":    {Yes, Yes, Yes, Yes},
	privateChannels:   {Yes, No, No, No},

	"CreateChannelMembership":      {Yes, Yes, Open, Join},
	"BatchCreateChannelMembership": {Yes, Yes, Open, Join},
	"DeleteChannelMembership":      {Yes, Yes, OwnOpen, No},
	"DescribeChannelMembership":    {Yes, Yes, Yes, Public},
	"ListChannelMemberships":       {Yes, Yes, Yes, Public},
	hiddenMembers:                  {Yes, Yes, No, No},

	"ListChannelMembershipsForAppInstanceUser":    {Yes, Own, Own, Own},
	"DescribeChannelMembershipForAppInstanceUser": {Yes, Own, Own, Own},
	"ListChannelsModeratedByAppInstanceUser":      {Yes, Own, Own, Own},
	"DescribeChannelModeratedByAppInstanceUser":   {Yes, Own, Own, Own},

	"CreateChannelModerator":   {Yes, Yes, No, No},
	"DeleteChannelModerator":   {Yes, Yes, No, No},
	"DescribeChannelModerator": {Yes, Yes, No, No},
	"ListChannelModerators":    {Yes, Yes, No, No},

	"CreateChannelBan":   {Yes, Yes, No, No},
	"DeleteChannelBan":   {Yes, Yes, No, No},
	"DescribeChannelBan": {Yes, Yes, No, No},
	"ListChannelBans":    {Yes, Yes, No, No},

	"SendChannelMessage":      {No, No, InSight, No},
	"GetChannelMessage":       {Yes, Yes, Yes, Public},
	"ListChannelMessages":     {Yes, Yes, Yes, Public},
	"GetChannelMessageStatus": {Own, Own, Own, Own},
	"UpdateChannelMessage":    {Own, Own, Own, No},
	"RedactChannelMessage":    {Yes, Yes, Own, No},
	"DeleteChannelMessage":    {Yes, No, No, No},
}

// The two rows of Rules that are not operations but stricter forms of one: listing what is private or hidden.
const (
	privateChannels = "ListChannels:PRIVATE"
	hiddenMembers   = "ListChannelMemberships:HIDDEN"
)

// actor is the bearer, and what they are in the channel they act on, if any.
type actor struct {
	app, id, name string
	no            int64
	admin         bool

	channel   int64 // 0: no channel
	channelID string
	mode      string
	privacy   string
	member    string // membership type, "" for none
	moderator bool
	banned    bool
}

func (c *Chat) arnOf(a actor) arn.ARN       { return c.instanceARN(a.app).User(a.id) }
func (c *Chat) channelARN(a actor) arn.ARN  { return c.instanceARN(a.app).Channel(a.channelID) }
func (c *Chat) identityOf(a actor) Identity { return Identity{Arn: c.arnOf(a), Name: a.name} }
func (c *Chat) user(app, id string) arn.ARN { return c.instanceARN(app).User(id) }

// may checks the role table. own says that the operation is about the actor or a message of theirs.
func (a actor) may(operation string, own bool) error {
	rule := Rules[operation]
	switch {
	case a.admin && a.holds(rule.Admin, own),
		a.moderator && a.holds(rule.Moderator, own),
		a.member != "" && a.holds(rule.Member, own):
		return nil
	case a.banned:
		return fault.New(fault.Denied, "banned", "You are banned from this channel.")
	case a.member == "" && a.holds(rule.Stranger, own):
		return nil
	}
	return fault.New(fault.Denied, "role", "You do not have permission to perform this operation.")
}

func (a actor) holds(g Grant, own bool) bool {
	switch g {
	case Yes:
		return true
	case Own:
		return own
	case Public:
		return a.privacy == "PUBLIC"
	case Open:
		return a.mode == "UNRESTRICTED"
	case OwnOpen:
		return own || a.mode == "UNRESTRICTED"
	case Join:
		return own && a.privacy == "PUBLIC" && a.mode == "UNRESTRICTED"
	case InSight:
		return a.member == "DEFAULT"
	case No:
	}
	return false
}

const actorSQL = `
SELECT u.no, u.name,
  EXISTS (SELECT 1 FROM app_instance_admin a WHERE a.app = u.app AND a.member = u.no)
FROM app_instance_user u JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
WHERE u.app = $1 AND u.id = $2`

// bearer finds who acts.
func (c *Chat) bearer(ctx context.Context, q db.Querier, bearer arn.ARN) (actor, error) {
	r, ok := c.find(bearer, arn.KindUser)
	if !ok {
		return actor{}, errBearer()
	}
	a, err := db.One(ctx, q, func(a *actor) []any { return []any{&a.no, &a.name, &a.admin} }, actorSQL, r.app, r.id)
	if errors.Is(err, sql.ErrNoRows) {
		return actor{}, errBearer()
	}
	a.app, a.id = r.app, r.id
	return a, err
}

const inChannelSQL = `
SELECT u.no, u.name,
  EXISTS (SELECT 1 FROM app_instance_admin a WHERE a.app = u.app AND a.member = u.no),
  coalesce(c.no, 0), coalesce(c.mode, ''), coalesce(c.privacy, ''),
  coalesce((SELECT m.type FROM channel_membership m WHERE m.channel = c.no AND m.member = u.no), ''),
  EXISTS (SELECT 1 FROM channel_moderator m WHERE m.channel = c.no AND m.member = u.no),
  EXISTS (SELECT 1 FROM channel_ban b WHERE b.channel = c.no AND b.member = u.no)
FROM app_instance_user u JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
LEFT JOIN channel c ON c.app = u.app AND c.id = $3
WHERE u.app = $1 AND u.id = $2`

// inChannel finds who acts and what they are in the channel. A channel of another app instance is denied.
func (c *Chat) inChannel(ctx context.Context, q db.Querier, bearer, channel arn.ARN) (actor, error) {
	r, ok := c.find(bearer, arn.KindUser)
	if !ok {
		return actor{}, errBearer()
	}
	ch, known := c.find(channel, arn.KindChannel)
	a, err := db.One(ctx, q, func(a *actor) []any {
		return []any{&a.no, &a.name, &a.admin, &a.channel, &a.mode, &a.privacy, &a.member, &a.moderator, &a.banned}
	}, inChannelSQL, r.app, r.id, ch.id)
	a.app, a.id, a.channelID = r.app, r.id, ch.id
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, errBearer()
	case err != nil:
		return a, err
	case known && ch.app != r.app:
		return a, fault.New(fault.Denied, "app_instance", "The channel belongs to another app instance.")
	case !known || a.channel == 0:
		return a, errChannel()
	}
	return a, nil
}

// allowed is inChannel followed by the role table.
func (c *Chat) allowed(ctx context.Context, q db.Querier, operation string, bearer, channel arn.ARN, own bool) (actor, error) {
	a, err := c.inChannel(ctx, q, bearer, channel)
	if err != nil {
		return a, err
	}
	return a, a.may(operation, own)
}

// lock makes writes to one channel, on all nodes, run one after the other: a ban that was confirmed is seen by every
// message that commits later. (SQLite has one writer anyway.)
func (c *Chat) lock(tx *db.Tx, channel arn.ARN) error {
	r, _ := c.find(channel, arn.KindChannel)
	_, err := tx.Exec(`UPDATE channel SET clock_ms = clock_ms WHERE app = $1 AND id = $2`, r.app, r.id)
	return err
}

// changing is allowed under the channel's lock. Who may not is refused before the writer is troubled.
func (c *Chat) changing(ctx context.Context, operation string, bearer, channel arn.ARN, own bool, fn func(*db.Tx, actor) error) error {
	if _, err := c.allowed(ctx, c.db, operation, bearer, channel, own); err != nil {
		return err
	}
	return c.write(ctx, func(tx *db.Tx) error {
		if err := c.lock(tx, channel); err != nil {
			return err
		}
		a, err := c.allowed(tx.Context(), tx, operation, bearer, channel, own)
		if err != nil {
			return err
		}
		return fn(tx, a)
	})
}
