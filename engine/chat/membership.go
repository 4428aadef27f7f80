package chat

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Membership makes a user hear a channel, and speak in it if Type is DEFAULT; HIDDEN members only listen.
type Membership struct {
	Channel              arn.ARN
	Member, InvitedBy    Identity
	Type                 string
	CreatedMS, UpdatedMS int64

	no, channel            int64
	app, channelID, id, by string
}

const membershipSQL = `SELECT m.member, m.channel, c.app, c.id, u.id, u.name, m.type, m.by_id, m.by_name, m.created_ms, m.updated_ms
FROM channel_membership m JOIN channel c ON c.no = m.channel JOIN app_instance_user u ON u.no = m.member `

func (m *Membership) fields() []any {
	return []any{&m.no, &m.channel, &m.app, &m.channelID, &m.id, &m.Member.Name, &m.Type, &m.by, &m.InvitedBy.Name,
		&m.CreatedMS, &m.UpdatedMS}
}

func (c *Chat) memberships(ctx context.Context, q db.Querier, where string, args ...any) ([]Membership, error) {
	all, err := db.All(ctx, q, (*Membership).fields, membershipSQL+where, args...)
	for i := range all {
		m := &all[i]
		m.Channel = c.instanceARN(m.app).Channel(m.channelID)
		m.Member.Arn, m.InvitedBy.Arn = c.user(m.app, m.id), c.user(m.app, m.by)
	}
	return all, err
}

// membershipIn reads one membership; sql.ErrNoRows says that there is none.
func (c *Chat) membershipIn(ctx context.Context, q db.Querier, channel, member int64) (Membership, error) {
	all, err := c.memberships(ctx, q, `WHERE m.channel = $1 AND m.member = $2`, channel, member)
	if err == nil && len(all) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Membership{}, err
	}
	return all[0], nil
}

func (c *Chat) membershipsOf(ctx context.Context, q db.Querier, u User) ([]Membership, error) {
	return c.memberships(ctx, q, `WHERE m.member = $1 ORDER BY m.channel`, u.no)
}

// ChannelsOf returns the channels that a user is a member of, in any order.
func (c *Chat) ChannelsOf(ctx context.Context, user arn.ARN) ([]arn.ARN, error) {
	u, err := c.User(ctx, user)
	if err != nil {
		return nil, err
	}
	all, err := db.All(ctx, c.db, func(id *string) []any { return []any{id} },
		`SELECT c.id FROM channel_membership m JOIN channel c ON c.no = m.channel WHERE m.member = $1`, u.no)
	out := make([]arn.ARN, len(all))
	for i, id := range all {
		out[i] = user.AppInstance().Channel(id)
	}
	return out, err
}

func errBanned() error {
	return fault.New(fault.Denied, "banned", "The user is banned from this channel.")
}

// CreateMembership adds a member. Adding the same member again answers as the first time; with another type it is a
// Conflict.
func (c *Chat) CreateMembership(ctx context.Context, bearer, channel, member arn.ARN, kind string) (Membership, error) {
	var made Membership
	err := c.changing(ctx, "CreateChannelMembership", bearer, channel, bearer == member, func(tx *db.Tx, a actor) error {
		u, err := c.userOf(tx.Context(), tx, c.instanceARN(a.app), member)
		if err != nil {
			return err
		}
		banned, err := db.Value[bool](tx.Context(), tx,
			`SELECT EXISTS (SELECT 1 FROM channel_ban WHERE channel = $1 AND member = $2)`, a.channel, u.no)
		if err != nil {
			return err
		}
		if banned {
			return errBanned()
		}
		made, err = c.insertMembership(tx, a, u, kind, nowMS())
		return err
	})
	return made, err
}

func (c *Chat) insertMembership(tx *db.Tx, a actor, u User, kind string, now int64) (Membership, error) {
	n, err := tx.Exec(`INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING`, a.channel, u.no, kind, a.id, a.name, now)
	if err != nil {
		return Membership{}, err
	}
	m, err := c.membershipIn(tx.Context(), tx, a.channel, u.no)
	if err != nil || n == 0 {
		if err == nil && m.Type != kind {
			err = fault.New(fault.Conflict, "member_exists", "The user is a member of another type already.")
		}
		return m, err
	}
	e := Event{Type: EventCreateMembership, MessageType: System, Channel: m.Channel, Payload: WireMembership[ISO](m),
		Joined: []arn.ARN{u.ARN}}
	if kind == "HIDDEN" {
		e.Only = e.Joined // nobody else is told of a hidden member: that is what hidden means
	}
	if err := c.quieten(tx, a.channel, &e); err != nil {
		return m, err
	}
	c.announce(tx, e)
	return m, nil
}

// MemberError says why one member of a batch was not added. Code is a value of the API's ErrorCode.
type MemberError struct {
	Member        arn.ARN
	Code, Message string
}

// CreateMemberships adds up to 100 members in one write. Who is a member already counts as added, and keeps their type.
func (c *Chat) CreateMemberships(ctx context.Context, bearer, channel arn.ARN, members []arn.ARN, kind string) (BatchMembershipsWire, []MemberError, error) {
	members = unique(members)
	self := len(members) == 1 && members[0] == bearer
	var made BatchMembershipsWire
	var failed []MemberError
	err := c.changing(ctx, "BatchCreateChannelMembership", bearer, channel, self, func(tx *db.Tx, a actor) error {
		made = BatchMembershipsWire{InvitedBy: c.identityOf(a), Type: kind, ChannelArn: channel, Members: []Identity{}}
		people, err := c.candidates(tx, a, members)
		if err != nil {
			return err
		}
		failed = nil
		fresh := map[string]int{}
		var joined []arn.ARN
		for _, m := range members {
			p, ok := people[m]
			switch {
			case !ok:
				failed = append(failed, MemberError{m, "Forbidden", "An invalid app instance user ARN was supplied for the input parameter."})
				continue
			case p.banned:
				failed = append(failed, MemberError{m, "Forbidden", "The user is banned from this channel."})
				continue
			case !p.member:
				fresh[p.id] = 0
				joined = append(joined, m)
			}
			made.Members = append(made.Members, Identity{Arn: m, Name: p.name})
		}
		if len(joined) == 0 {
			return nil
		}
		return c.insertMemberships(tx, a, kind, fresh, joined, made)
	})
	return made, failed, err
}

type candidate struct {
	id, name       string
	banned, member bool
}

// keys writes the ids as the keys of one JSON object: json_each yields keys as text on both databases.
func keys[V any](ids map[string]V) string {
	text, err := json.Marshal(ids)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

func (c *Chat) candidates(tx *db.Tx, a actor, members []arn.ARN) (map[arn.ARN]candidate, error) {
	ids := map[string]int{}
	for _, m := range members {
		if r, ok := c.find(m, arn.KindUser); ok && r.app == a.app {
			ids[r.id] = 0
		}
	}
	all, err := db.All(tx.Context(), tx, func(p *candidate) []any { return []any{&p.id, &p.name, &p.banned, &p.member} },
		`SELECT u.id, u.name, EXISTS (SELECT 1 FROM channel_ban b WHERE b.channel = $1 AND b.member = u.no),
EXISTS (SELECT 1 FROM channel_membership m WHERE m.channel = $1 AND m.member = u.no)
FROM json_each($2) j JOIN app_instance_user u ON u.app = $3 AND u.id = j.key`, a.channel, keys(ids), a.app)
	out := make(map[arn.ARN]candidate, len(all))
	for _, p := range all {
		out[c.user(a.app, p.id)] = p
	}
	return out, err
}

func (c *Chat) insertMemberships(tx *db.Tx, a actor, kind string, fresh map[string]int, joined []arn.ARN, made BatchMembershipsWire) error {
	if _, err := tx.Exec(`INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
SELECT $1, u.no, $2, $3, $4, $5, $5 FROM json_each($6) j JOIN app_instance_user u ON u.app = $7 AND u.id = j.key`,
		a.channel, kind, a.id, a.name, nowMS(), keys(fresh), a.app); err != nil {
		return err
	}
	added := made
	added.Members = nil
	for _, m := range made.Members {
		if _, ok := fresh[m.Arn.ID()]; ok {
			added.Members = append(added.Members, m)
		}
	}
	e := Event{Type: EventBatchCreateMembership, MessageType: System, Channel: made.ChannelArn, Payload: added, Joined: joined}
	if kind == "HIDDEN" {
		e.Only = joined
	}
	if err := c.quieten(tx, a.channel, &e); err != nil {
		return err
	}
	c.announce(tx, e)
	return nil
}

// Membership reads one membership of a channel.
func (c *Chat) Membership(ctx context.Context, bearer, channel, member arn.ARN) (Membership, error) {
	return c.membershipAs(ctx, "DescribeChannelMembership", bearer, channel, member)
}

func (c *Chat) membershipAs(ctx context.Context, operation string, bearer, channel, member arn.ARN) (Membership, error) {
	a, err := c.allowed(ctx, c.db, operation, bearer, channel, bearer == member)
	if err != nil {
		return Membership{}, err
	}
	u, err := c.userOf(ctx, c.db, c.instanceARN(a.app), member)
	if err != nil {
		return Membership{}, err
	}
	m, err := c.membershipIn(ctx, c.db, a.channel, u.no)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "membership", "The user is not a member of this channel.")
	}
	return m, err
}

// Memberships lists the members of one type: "" means DEFAULT, HIDDEN is for moderators and admins.
func (c *Chat) Memberships(ctx context.Context, bearer, channel arn.ARN, kind string, p Page) ([]Membership, string, error) {
	operation := "ListChannelMemberships"
	switch kind {
	case "":
		kind = "DEFAULT"
	case "HIDDEN":
		operation = hiddenMembers
	}
	a, err := c.allowed(ctx, c.db, operation, bearer, channel, false)
	if err != nil {
		return nil, "", err
	}
	name := list("members", itoa(a.channel), kind)
	after, err := p.keyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := c.memberships(ctx, c.db, `WHERE m.channel = $1 AND m.type = $2 AND m.member > $3 ORDER BY m.member LIMIT $4`,
		a.channel, kind, after, p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	all, next := cut(all, p, name, func(m Membership) string { return itoa(m.no) })
	return all, next, nil
}

// DeleteMembership removes a member; who is none already stays none.
func (c *Chat) DeleteMembership(ctx context.Context, bearer, channel, member arn.ARN) error {
	return c.changing(ctx, "DeleteChannelMembership", bearer, channel, bearer == member, func(tx *db.Tx, a actor) error {
		u, err := c.userOf(tx.Context(), tx, c.instanceARN(a.app), member)
		if err != nil {
			return err
		}
		return c.removeMembership(tx, a.channel, u.no)
	})
}

func (c *Chat) removeMembership(tx *db.Tx, channel, member int64) error {
	m, err := c.membershipIn(tx.Context(), tx, channel, member)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM channel_membership WHERE channel = $1 AND member = $2`, channel, member); err != nil {
		return err
	}
	return c.announceLeft(tx, m)
}

func (c *Chat) announceLeft(tx *db.Tx, m Membership) error {
	who := []arn.ARN{m.Member.Arn}
	e := Event{Type: EventDeleteMembership, MessageType: System, Channel: m.Channel, Payload: WireMembership[ISO](m),
		Also: who, Left: who}
	if m.Type == "HIDDEN" {
		e.Only = who
	}
	if err := c.quieten(tx, m.channel, &e); err != nil {
		return err
	}
	c.announce(tx, e)
	return nil
}
