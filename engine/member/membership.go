// Package member is who is in a channel and how: memberships, moderators and bans.
package member

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Members is the room. Safe for concurrent use.
type Members struct {
	*role.Roles
	ids        *identity.Identities
	quietAbove int
	hearing    *core.Together[string, string, []arn.ARN] // by app instance and user
}

// New makes the room. quietAbove is how many members a channel may have before it is quiet (quiet.go); 0 means 500,
// negative means however many.
func New(r *role.Roles, ids *identity.Identities, quietAbove int) *Members {
	c := &Members{Roles: r, ids: ids, quietAbove: cmp.Or(quietAbove, DefaultQuietAbove)}
	c.hearing = core.NewTogether(c.placesOf)
	return c
}

// Membership makes a user hear a channel, and speak in it if Type is DEFAULT; HIDDEN members only listen.
type Membership struct {
	Channel              arn.ARN
	Sub                  string // SubChannelId, "" outside of elastic channels
	Member, InvitedBy    core.Identity
	Type                 string
	CreatedMS, UpdatedMS int64
	ReadMS               int64 // the read marker; 0 until it is set first

	Root        int64 // channel.no of the whole channel
	no, place   int64 // app_instance_user.no; channel.no that the membership refers to
	app, id, by string
	row         string // channel.id
}

const membershipSQL = `SELECT m.member, m.channel, c.parent, c.app, c.id, u.id, u.name, m.type, m.by_id, m.by_name, m.created_ms,
 m.updated_ms, m.read_ms
FROM channel_membership m JOIN channel c ON c.no = m.channel JOIN app_instance_user u ON u.no = m.member `

func (m *Membership) fields() []any {
	return []any{&m.no, &m.place, &m.Root, &m.app, &m.row, &m.id, &m.Member.Name, &m.Type, &m.by, &m.InvitedBy.Name, &m.CreatedMS,
		&m.UpdatedMS, &m.ReadMS}
}

func (c *Members) memberships(ctx context.Context, q db.Querier, where string, args ...any) ([]Membership, error) {
	all, err := db.All(ctx, q, (*Membership).fields, membershipSQL+where, args...)
	for i := range all {
		m := &all[i]
		if m.Root == 0 {
			m.Root = m.place
		}
		channel, sub := core.SplitRow(m.row)
		m.Channel, m.Sub = c.InstanceARN(m.app).Channel(channel), sub
		m.Member.Arn, m.InvitedBy.Arn = c.UserARN(m.app, m.id), c.UserARN(m.app, m.by)
	}
	return all, err
}

// of reads a user's membership of the actor's place, of an elastic channel without a sub-channel all of them.
func (c *Members) of(ctx context.Context, q db.Querier, a role.Actor, member int64) ([]Membership, error) {
	if a.Elastic && a.Sub == "" {
		return c.memberships(ctx, q, `WHERE c.parent = $1 AND c.parent > 0 AND m.member = $2 ORDER BY m.created_ms, m.channel`, a.Root, member)
	}
	return c.memberships(ctx, q, `WHERE m.channel = $1 AND m.member = $2`, a.Channel, member)
}

// membershipIn reads one membership; sql.ErrNoRows says that there is none.
func (c *Members) membershipIn(ctx context.Context, q db.Querier, channel, member int64) (Membership, error) {
	all, err := c.memberships(ctx, q, `WHERE m.channel = $1 AND m.member = $2`, channel, member)
	if err == nil && len(all) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Membership{}, err
	}
	return all[0], nil
}

// LeaveAll ends what a user is in any channel, at most so many memberships of them, and returns how many it found; when
// there was none, the user is nothing any more anywhere. The members left behind see the memberships end.
func (c *Members) LeaveAll(tx *db.Tx, u identity.User, most int) (int, error) {
	all, err := c.memberships(tx.Context(), tx, `WHERE m.member = $1 ORDER BY m.channel LIMIT $2`, u.No, most)
	if err != nil {
		return 0, err
	}
	if len(all) > 0 {
		return len(all), c.end(tx, all, "")
	}
	for _, text := range []string{
		`DELETE FROM channel_membership WHERE member = $1 AND NOT EXISTS (SELECT 1 FROM channel c WHERE c.no = channel_membership.channel)`,
		`DELETE FROM channel_moderator WHERE member = $1`,
		`DELETE FROM channel_ban WHERE member = $1`,
	} {
		if _, err := tx.Exec(text, u.No); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func errBanned() error {
	return fault.New(fault.Denied, "banned", "The user is banned from this channel.")
}

// CreateMembership adds a member. Adding the same member again answers as the first time; with another type it is a
// Conflict. In an elastic channel the place of a moderator is a sub-channel, that of everybody else the channel.
func (c *Members) CreateMembership(ctx context.Context, bearer, place, member arn.ARN, kind string) (Membership, error) {
	var made Membership
	err := c.Changing(ctx, "CreateChannelMembership", bearer, place, bearer == member, func(tx *db.Tx, a role.Actor) error {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), member)
		if err != nil {
			return err
		}
		if err := c.notBanned(tx, a, u); err != nil {
			return err
		}
		if a.Elastic {
			made, err = c.addElastic(tx, a, u, kind, core.NowMS())
			return err
		}
		made, err = c.Add(tx, a, u, kind, core.NowMS())
		return err
	})
	return made, err
}

func (c *Members) notBanned(tx *db.Tx, a role.Actor, u identity.User) error {
	banned, err := db.Value[bool](tx.Context(), tx,
		`SELECT EXISTS (SELECT 1 FROM channel_ban WHERE channel = $1 AND member = $2)`, a.Root, u.No)
	if err == nil && banned {
		err = errBanned()
	}
	return err
}

// Add makes a user a member in the running write, for a channel whose lock it holds. Nothing is checked but the quotas,
// before anything is written, and that who is a member already has the same type.
func (c *Members) Add(tx *db.Tx, a role.Actor, u identity.User, kind string, now int64) (Membership, error) {
	if n, err := tx.Exec(`UPDATE app_instance_user SET updated_ms = updated_ms WHERE no = $1`, u.No); err != nil || n == 0 {
		return Membership{}, errOr(err, core.ErrUser()) // locked: nobody becomes a member while another node deletes them
	}
	if err := c.fit(tx, a.Channel, u.No); err != nil {
		return Membership{}, err
	}
	n, err := tx.Exec(`INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING`, a.Channel, u.No, kind, a.ID, a.Name, now)
	if err != nil {
		return Membership{}, err
	}
	m, err := c.membershipIn(tx.Context(), tx, a.Channel, u.No)
	if err != nil || n == 0 {
		if err == nil && m.Type != kind {
			err = fault.New(fault.Conflict, "member_exists", "The user is a member of another type already.")
		}
		return m, err
	}
	e := core.Event{Type: core.EventCreateMembership, MessageType: core.System, Channel: core.InSub(m.Channel, m.Sub), Payload: WireOf[core.ISO](m),
		Joined: []arn.ARN{u.ARN}}
	if kind == "HIDDEN" {
		e.Only = e.Joined // nobody else is told of a hidden member: that is what hidden means
	}
	if err := c.quieten(tx, a.Root, a.Channel, &e); err != nil {
		return m, err
	}
	c.Announce(tx, e)
	return m, nil
}

// fit checks the quotas of the channel and of the user, whether the membership is there already or not.
func (c *Members) fit(tx *db.Tx, channel, user int64) error {
	if err := c.Fits(tx, quota.MembershipsPerUser, 1, `channel_membership WHERE member = $1 AND channel <> $2`, user, channel); err != nil {
		return err
	}
	return c.Fits(tx, quota.MembershipsPerChannel, 1, `channel_membership WHERE channel = $1 AND member <> $2`, channel, user)
}

// MemberError says why one member of a batch was not added. Code is a value of the API's ErrorCode.
type MemberError struct {
	Member        arn.ARN
	Code, Message string
}

// CreateMemberships adds up to 100 members in one write. Who is a member already counts as added, and keeps their type.
func (c *Members) CreateMemberships(ctx context.Context, bearer, place arn.ARN, members []arn.ARN, kind string) (BatchWire, []MemberError, error) {
	members = core.Unique(members)
	self := len(members) == 1 && members[0] == bearer
	var made BatchWire
	var failed []MemberError
	err := c.Changing(ctx, "BatchCreateChannelMembership", bearer, place, self, func(tx *db.Tx, a role.Actor) (err error) {
		made = BatchWire{InvitedBy: c.IdentityOf(a), Type: kind, ChannelArn: c.ChannelARN(a), Members: []core.Identity{}}
		if a.Elastic {
			failed, err = c.addAllElastic(tx, a, &made, members)
			return err
		}
		people, err := c.candidates(tx, a, members)
		if err != nil {
			return err
		}
		failed = nil
		fresh := map[string]arn.ARN{}
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
				if err := c.Fits(tx, quota.MembershipsPerUser, 1, `channel_membership WHERE member = $1`, p.no); err != nil {
					if fault.As(err).Code != quota.CodeLimit {
						return err
					}
					failed = append(failed, MemberError{m, "ResourceLimitExceeded", fault.As(err).Public})
					continue
				}
				fresh[p.id] = m
				joined = append(joined, m)
			}
			made.Members = append(made.Members, core.Identity{Arn: m, Name: p.name})
		}
		if len(joined) == 0 {
			return nil
		}
		if err := c.Fits(tx, quota.MembershipsPerChannel, len(joined), `channel_membership WHERE channel = $1`, a.Channel); err != nil {
			return err
		}
		return c.insertMemberships(tx, a, kind, fresh, joined, made)
	})
	return made, failed, err
}

type candidate struct {
	no             int64
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

// CROSS JOIN makes SQLite begin with the few that are asked for; left to itself it walks through every user of the app
// instance.
const (
	candidatesSQL = `SELECT u.no, u.id, u.name, EXISTS (SELECT 1 FROM channel_ban b WHERE b.channel = $1 AND b.member = u.no),
EXISTS (SELECT 1 FROM channel_membership m WHERE m.channel = $1 AND m.member = u.no)
FROM json_each($2) j CROSS JOIN app_instance_user u WHERE u.app = $3 AND u.id = j.key`
	insertMembershipsSQL = `INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
SELECT $1, u.no, $2, $3, $4, $5, $5 FROM json_each($6) j CROSS JOIN app_instance_user u WHERE u.app = $7 AND u.id = j.key`
)

func (c *Members) candidates(tx *db.Tx, a role.Actor, members []arn.ARN) (map[arn.ARN]candidate, error) {
	ids := map[string]int{}
	for _, m := range members {
		if r, ok := c.FindUser(m); ok && r.App == a.App {
			ids[r.ID] = 0
		}
	}
	all, err := db.All(tx.Context(), tx, func(p *candidate) []any { return []any{&p.no, &p.id, &p.name, &p.banned, &p.member} },
		candidatesSQL, a.Channel, keys(ids), a.App)
	out := make(map[arn.ARN]candidate, len(all))
	for _, p := range all {
		out[c.UserARN(a.App, p.id)] = p
	}
	return out, err
}

func (c *Members) insertMemberships(tx *db.Tx, a role.Actor, kind string, fresh map[string]arn.ARN, joined []arn.ARN, made BatchWire) error {
	now := core.NowMS()
	if _, err := tx.Exec(insertMembershipsSQL, a.Channel, kind, a.ID, a.Name, now, keys(fresh), a.App); err != nil {
		return err
	}
	added := made
	added.Members = nil
	for _, m := range made.Members {
		if slices.Contains(joined, m.Arn) {
			added.Members = append(added.Members, m)
		}
	}
	e := core.Event{Type: core.EventBatchCreateMembership, MessageType: core.System, Channel: made.ChannelArn, Payload: added, Joined: joined}
	if kind == "HIDDEN" {
		e.Only = joined
	}
	if err := c.quieten(tx, a.Root, a.Channel, &e); err != nil {
		return err
	}
	c.Announce(tx, e)
	for _, m := range added.Members { // streams know no batches
		c.Record(tx, core.Event{Type: core.EventCreateMembership, MessageType: core.System, Channel: made.ChannelArn, Payload: WireOf[core.ISO](
			Membership{Channel: made.ChannelArn, Member: m, InvitedBy: made.InvitedBy, Type: kind, CreatedMS: now, UpdatedMS: now})})
	}
	return nil
}

// Membership reads one membership of a place. Without a sub-channel it is the first that the user has in an elastic
// channel.
func (c *Members) Membership(ctx context.Context, bearer, place, member arn.ARN) (Membership, error) {
	return c.As(ctx, "DescribeChannelMembership", bearer, place, member)
}

// As reads one membership under the rule of another operation.
func (c *Members) As(ctx context.Context, operation string, bearer, place, member arn.ARN) (Membership, error) {
	a, err := c.Allowed(ctx, c.DB, operation, bearer, place, bearer == member)
	if err != nil {
		return Membership{}, err
	}
	u, err := c.ids.UserOf(ctx, c.DB, c.InstanceARN(a.App), member)
	if err != nil {
		return Membership{}, err
	}
	all, err := c.of(ctx, c.DB, a, u.No)
	if err != nil {
		return Membership{}, err
	}
	// Who may not list hidden members does not find one by asking for it either.
	if len(all) == 0 || all[0].Type == "HIDDEN" && bearer != member && a.May(role.HiddenMembers, false) != nil {
		return Membership{}, fault.New(fault.NotFound, "membership", "The user is not a member of this channel.")
	}
	return all[0], nil
}

// Memberships lists the members of one type: "" means DEFAULT, HIDDEN is for moderators and admins.
func (c *Members) Memberships(ctx context.Context, bearer, place arn.ARN, kind string, p core.Page) ([]Membership, string, error) {
	operation := "ListChannelMemberships"
	switch kind {
	case "":
		kind = "DEFAULT"
	case "HIDDEN":
		operation = role.HiddenMembers
	}
	a, err := c.Allowed(ctx, c.DB, operation, bearer, place, false)
	if err != nil {
		return nil, "", err
	}
	name := core.List("members", core.Itoa(a.Channel), kind)
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := c.memberships(ctx, c.DB, `WHERE m.channel = $1 AND m.type = $2 AND m.member > $3 ORDER BY m.member LIMIT $4`,
		a.Channel, kind, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	all, next := core.Cut(all, p, name, func(m Membership) string { return core.Itoa(m.no) })
	return all, next, nil
}

// Some reads n members of a channel or sub-channel that are not hidden.
func (c *Members) Some(ctx context.Context, q db.Querier, channelNo int64, n int) ([]Membership, error) {
	return c.memberships(ctx, q, `WHERE m.channel = $1 AND m.type = 'DEFAULT' ORDER BY m.member LIMIT $2`, channelNo, n)
}
