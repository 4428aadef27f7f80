package role

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Roles finds who acts and checks the table. The rooms in which people act embed it.
type Roles struct{ *core.Core }

// Actor is the bearer, and what they are in the place they act on, if any.
type Actor struct {
	App, ID, Name string
	No            int64 // app_instance_user.no
	Admin         bool

	Channel   int64 // channel.no that memberships and messages refer to; 0: no channel
	Root      int64 // channel.no that moderators and bans refer to: another one only in a sub-channel
	ChannelID string
	Sub       string // SubChannelId, "" outside of sub-channels
	Elastic   bool   // the channel is an elastic one
	Mode      string // UNRESTRICTED RESTRICTED
	Privacy   string // PUBLIC PRIVATE
	Member    string // membership type, "" for none; of an elastic channel without Sub: in any of its sub-channels
	Moderator bool
	Banned    bool
	Flow      int64 // channel_flow.no; 0: the channel has no flow
	Clock     int64 // channel.clock_ms: another one after each change of the place's messages

	// Horizon hides messages older than it (Unix ms): the app instance's retention. 0 hides none.
	Horizon int64
}

// ARNOf names the actor.
func (c *Roles) ARNOf(a Actor) arn.ARN { return c.UserARN(a.App, a.ID) }

// ChannelARN names the channel that the actor acts on.
func (c *Roles) ChannelARN(a Actor) arn.ARN { return c.InstanceARN(a.App).Channel(a.ChannelID) }

// PlaceOf is the key of the place that the actor acts on.
func (c *Roles) PlaceOf(a Actor) arn.ARN { return core.InSub(c.ChannelARN(a), a.Sub) }

// IdentityOf is how others see the actor.
func (c *Roles) IdentityOf(a Actor) core.Identity {
	return core.Identity{Arn: c.ARNOf(a), Name: a.Name}
}

// May checks the role table. own says that the operation is about the actor or a message of theirs. In a sub-channel
// only its members own what they said: who was moved to another one can no longer change it (developer guide, "Sending
// elastic channel messages").
func (a Actor) May(operation string, own bool) error {
	rule := Rules[operation]
	own = own && (a.Sub == "" || a.Member != "")
	switch {
	case a.Admin && a.holds(rule.Admin, own),
		a.Moderator && a.holds(rule.Moderator, own),
		a.Member != "" && a.holds(rule.Member, own):
		return a.fits(operation)
	case a.Banned:
		return fault.New(fault.Denied, "banned", "You are banned from this channel.")
	case a.Member == "" && a.holds(rule.Stranger, own):
		return a.fits(operation)
	}
	return fault.New(fault.Denied, "role", "You do not have permission to perform this operation.")
}

func (a Actor) holds(g Grant, own bool) bool {
	switch g {
	case Yes:
		return true
	case Own:
		return own
	case Public:
		return a.Privacy == "PUBLIC"
	case Open:
		return a.Mode == "UNRESTRICTED"
	case OwnOpen:
		return own || a.Mode == "UNRESTRICTED"
	case Join:
		return own && a.Privacy == "PUBLIC" && a.Mode == "UNRESTRICTED"
	case InSight:
		return a.Member == "DEFAULT"
	case No:
	}
	return false
}

const actorSQL = `
SELECT u.no, u.name,
  EXISTS (SELECT 1 FROM app_instance_admin a WHERE a.app = u.app AND a.member = u.no)
FROM app_instance_user u JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
WHERE u.app = $1 AND u.id = $2`

// Bearer finds who acts.
func (c *Roles) Bearer(ctx context.Context, q db.Querier, bearer arn.ARN) (Actor, error) {
	r, ok := c.FindUser(bearer)
	if !ok {
		return Actor{}, core.ErrBearer()
	}
	a, err := db.One(ctx, q, func(a *Actor) []any { return []any{&a.No, &a.Name, &a.Admin} }, actorSQL, r.App, r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return Actor{}, core.ErrBearer()
	}
	a.App, a.ID = r.App, r.ID
	return a, err
}

const inChannelSQL = `SELECT ` + actorColumns + `
FROM app_instance_user u ` + whereActor + `
WHERE u.app = $1 AND u.id = $2`

// CROSS JOIN makes SQLite begin with the few that are asked for; left to itself it walks through every user of the app
// instance, in each write of lines.
const allInChannelSQL = `SELECT ` + actorColumns + `, u.id
FROM json_each($2) j CROSS JOIN app_instance_user u ` + whereActor + `
WHERE u.app = $1 AND u.id = j.key`

const actorColumns = `u.no, u.name,
  EXISTS (SELECT 1 FROM app_instance_admin a WHERE a.app = u.app AND a.member = u.no),
  coalesce(c.no, 0), coalesce(c.parent, 0), coalesce(c.max_subs, 0) > 0, coalesce(c.mode, ''), coalesce(c.privacy, ''),
  coalesce((SELECT m.type FROM channel_membership m WHERE m.channel = c.no AND m.member = u.no), ''),
  EXISTS (SELECT 1 FROM channel_moderator m WHERE m.channel = CASE WHEN c.parent > 0 THEN c.parent ELSE c.no END AND m.member = u.no),
  EXISTS (SELECT 1 FROM channel_ban b WHERE b.channel = CASE WHEN c.parent > 0 THEN c.parent ELSE c.no END AND b.member = u.no),
  coalesce(CASE WHEN c.parent > 0 THEN (SELECT p.flow FROM channel p WHERE p.no = c.parent) ELSE c.flow END, 0),
  coalesce(c.clock_ms, 0), i.retention_days`

const whereActor = `JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0
LEFT JOIN channel c ON c.app = u.app AND c.id = $3`

func (a *Actor) fields() []any {
	return []any{&a.No, &a.Name, &a.Admin, &a.Channel, &a.Root, &a.Elastic, &a.Mode, &a.Privacy, &a.Member, &a.Moderator, &a.Banned, &a.Flow, &a.Clock, &a.Horizon}
}

// stand completes what was read about the place, whose row has that id. Root is the parent then, if there is one.
func (a *Actor) stand(row string) {
	a.ChannelID, a.Sub = core.SplitRow(row)
	a.Elastic = a.Elastic || a.Sub != ""
	if a.Root == 0 {
		a.Root = a.Channel
	}
}

// Horizon is Actor.Horizon of everybody in an app instance.
func (c *Roles) Horizon(ctx context.Context, q db.Querier, app string) (int64, error) {
	days, err := db.Value[int64](ctx, q, `SELECT retention_days FROM app_instance WHERE id = $1`, app)
	a := Actor{Horizon: days}
	a.look()
	return a.Horizon, err
}

// look turns the retention's days, as read, into the time behind which nothing is seen.
func (a *Actor) look() {
	if days := a.Horizon; days > 0 {
		a.Horizon = core.NowMS() - days*24*time.Hour.Milliseconds()
	}
}

// InChannel finds who acts and what they are in the place: a channel, or a sub-channel (core.InSub). A channel of another
// app instance is denied.
func (c *Roles) InChannel(ctx context.Context, q db.Querier, bearer, place arn.ARN) (Actor, error) {
	r, ok := c.FindUser(bearer)
	if !ok {
		return Actor{}, core.ErrBearer()
	}
	ch, known := c.FindPlace(place)
	a, err := db.One(ctx, q, (*Actor).fields, inChannelSQL, r.App, r.ID, ch.ID)
	a.App, a.ID = r.App, r.ID
	a.stand(ch.ID)
	a.look()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a, core.ErrBearer()
	case err != nil:
		return a, err
	case known && ch.App != r.App:
		return a, fault.New(fault.Denied, "app_instance", "The channel belongs to another app instance.")
	case !known:
		return a, core.ErrChannel()
	case a.Channel == 0:
		return a, c.missing(ctx, q, a)
	case a.Elastic && a.Sub == "":
		a.Member, err = c.anywhere(ctx, q, a)
	}
	return a, err
}

// AllInChannel is InChannel for many who act in one place. Who is missing in the answer has to be asked for alone, for
// the reason.
func (c *Roles) AllInChannel(ctx context.Context, q db.Querier, bearers []arn.ARN, place arn.ARN) (map[arn.ARN]Actor, error) {
	ch, known := c.FindPlace(place)
	if !known || len(bearers) < 2 {
		return nil, nil
	}
	ids := map[string]int{}
	for _, b := range bearers {
		if r, ok := c.FindUser(b); ok && r.App == ch.App {
			ids[r.ID] = 0
		}
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, q, func(a *Actor) []any { return append(a.fields(), &a.ID) }, allInChannelSQL, ch.App, string(text), ch.ID)
	out := make(map[arn.ARN]Actor, len(all))
	for _, a := range all {
		a.App = ch.App
		a.look()
		a.stand(ch.ID)
		if a.Channel != 0 && (a.Sub != "" || !a.Elastic) {
			out[c.ARNOf(a)] = a
		}
	}
	return out, err
}

// Allowed is InChannel followed by the role table.
func (c *Roles) Allowed(ctx context.Context, q db.Querier, operation string, bearer, channel arn.ARN, own bool) (Actor, error) {
	a, err := c.InChannel(ctx, q, bearer, channel)
	if err != nil {
		return a, err
	}
	return a, a.May(operation, own)
}

// Lock makes writes to one place, on all nodes, run one after the other: a ban that was confirmed is seen by every
// message that commits later. (SQLite has one writer anyway.) An elastic channel is locked before its sub-channels.
func (c *Roles) Lock(tx *db.Tx, place arn.ARN) error {
	r, _ := c.FindPlace(place)
	_, err := tx.Exec(`UPDATE channel SET clock_ms = clock_ms WHERE app = $1 AND id = $2`, r.App, r.ID)
	return err
}

// Changing is Allowed under the lock of the whole channel. Who may not is refused before the writer is troubled.
func (c *Roles) Changing(ctx context.Context, operation string, bearer, place arn.ARN, own bool, fn func(*db.Tx, Actor) error) error {
	if _, err := c.Allowed(ctx, c.DB, operation, bearer, place, own); err != nil {
		return err
	}
	channel, _ := core.SplitPlace(place)
	return c.Write(ctx, func(tx *db.Tx) error {
		if err := c.Lock(tx, channel); err != nil {
			return err
		}
		a, err := c.Allowed(tx.Context(), tx, operation, bearer, place, own)
		if err != nil {
			return err
		}
		return fn(tx, a)
	})
}

// InInstance finds the bearer, who must belong to the app instance, and checks the role table without a channel.
func (c *Roles) InInstance(ctx context.Context, q db.Querier, operation string, bearer, instance arn.ARN) (Actor, error) {
	a, err := c.Bearer(ctx, q, bearer)
	if err != nil {
		return a, err
	}
	if c.InstanceARN(a.App) != instance {
		return a, core.ErrInstance()
	}
	return a, a.May(operation, true)
}
