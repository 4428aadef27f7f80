package member

import (
	"context"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// In an elastic channel everybody but the moderators is a regular member: of exactly one sub-channel, which the system
// chooses. Moderators join as many as they like, each by name, and do not count when sub-channels fill or scale
// (developer guide, "Managing elastic channel members"). All of it runs under the lock of the elastic channel.

func errSystemChooses() error {
	return fault.New(fault.Invalid, "sub_channel", "SubChannelId is for moderators: the system chooses it for everybody else.").On("SubChannelId")
}

// errOr is err, or if there is none, otherwise.
func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func (c *Members) moderates(tx *db.Tx, a role.Actor, member int64) (bool, error) {
	return db.Value[bool](tx.Context(), tx,
		`SELECT EXISTS (SELECT 1 FROM channel_moderator WHERE channel = $1 AND member = $2)`, a.Root, member)
}

// addElastic is Add for the actor's elastic channel.
func (c *Members) addElastic(tx *db.Tx, a role.Actor, u identity.User, kind string, now int64) (Membership, error) {
	if kind != "DEFAULT" {
		return Membership{}, fault.New(fault.Invalid, "elastic", "An elastic channel has no hidden members.").On("Type")
	}
	moderates, err := c.moderates(tx, a, u.No)
	switch {
	case err != nil:
		return Membership{}, err
	case moderates && a.Sub == "":
		return Membership{}, fault.New(fault.Invalid, "sub_channel", "SubChannelId is required for a moderator.").On("SubChannelId")
	case moderates:
		return c.enter(tx, a, u, now)
	case a.Sub != "":
		return Membership{}, errSystemChooses()
	}
	if has, err := c.of(tx.Context(), tx, a, u.No); err != nil || len(has) > 0 {
		return append(has, Membership{})[0], err
	}
	// Before anything is written: a batch goes on without who is refused.
	if err := c.Fits(tx, quota.MembershipsPerUser, 1, `channel_membership WHERE member = $1`, u.No); err != nil {
		return Membership{}, err
	}
	if a.Channel, a.Sub, err = c.seat(tx, a, now); err != nil {
		return Membership{}, err
	}
	m, err := c.enter(tx, a, u, now)
	if err != nil {
		return m, err
	}
	_, err = tx.Exec(`UPDATE channel SET regulars = regulars + 1 WHERE no = $1`, a.Channel)
	return m, err
}

// enter adds a member to the sub-channel and lets them hear the elastic channel around it.
func (c *Members) enter(tx *db.Tx, a role.Actor, u identity.User, now int64) (Membership, error) {
	m, err := c.Add(tx, a, u, "DEFAULT", now)
	if err == nil {
		c.Announce(tx, core.Event{Type: core.EventInside, Channel: c.ChannelARN(a), Only: core.Nobody(), Joined: []arn.ARN{u.ARN}})
	}
	return m, err
}

// addAllElastic is the batch: members one by one, each with an event of their own.
func (c *Members) addAllElastic(tx *db.Tx, a role.Actor, made *BatchWire, members []arn.ARN) ([]MemberError, error) {
	var failed []MemberError
	now := core.NowMS()
	subs := map[string]bool{}
	for _, who := range members {
		u, err := c.ids.UserOf(tx.Context(), tx, c.InstanceARN(a.App), who)
		if err == nil {
			err = c.notBanned(tx, a, u)
		}
		var m Membership
		if err == nil {
			m, err = c.addElastic(tx, a, u, made.Type, now)
		}
		if err == nil {
			made.Members = append(made.Members, m.Member)
			made.SubChannelId = m.Sub
			subs[m.Sub] = true
			continue
		}
		refused, ok := memberError(who, err)
		if !ok {
			return nil, err
		}
		failed = append(failed, refused)
	}
	if len(subs) > 1 {
		made.SubChannelId = ""
	}
	return failed, nil
}

// memberError tells a refusal of one member from a failure of all.
func memberError(who arn.ARN, err error) (MemberError, bool) {
	var f *fault.Error
	if !errors.As(err, &f) {
		return MemberError{}, false
	}
	switch {
	case f.Code == quota.CodeLimit:
		return MemberError{who, "ResourceLimitExceeded", f.Public}, true
	case f.Kind == fault.Denied:
		return MemberError{who, "Forbidden", f.Public}, true
	case f.Kind == fault.Invalid:
		return MemberError{who, "BadRequest", f.Public}, true
	}
	return MemberError{}, false
}

// seat finds the sub-channel for one more regular member: the fullest that is not full. When all are full, it scales
// out.
func (c *Members) seat(tx *db.Tx, a role.Actor, now int64) (int64, string, error) {
	e, err := c.elastic(tx, a.Root)
	if err != nil {
		return 0, "", err
	}
	best := -1
	for i, s := range e.subs {
		if s.regulars < e.target && (best < 0 || s.regulars > e.subs[best].regulars) {
			best = i
		}
	}
	if best >= 0 {
		_, sub := core.SplitRow(e.subs[best].row)
		return e.subs[best].no, sub, nil
	}
	if int64(len(e.subs)) >= e.most {
		return 0, "", fault.New(fault.Invalid, quota.CodeLimit, "Every sub-channel of the elastic channel is full.")
	}
	return c.CreateSub(tx, a, len(e.subs) > 0, now)
}

// CreateSub makes a sub-channel of the actor's elastic channel. short says that it has to be given members of others.
func (c *Members) CreateSub(tx *db.Tx, a role.Actor, short bool, now int64) (int64, string, error) {
	no, sub := core.NewNo(), id.NewUUID()
	flag := 0
	if short {
		flag = 1
	}
	if _, err := tx.Exec(`INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms, parent, unbalanced)
SELECT $1, c.app, $2, '', c.mode, c.privacy, '', c.by_id, c.by_name, $3, $3, c.no, $4 FROM channel c WHERE c.no = $5`,
		no, core.SubRow(a.ChannelID, sub), now, flag, a.Root); err != nil {
		return 0, "", err
	}
	channel := c.ChannelARN(a)
	c.Announce(tx, core.Event{Type: core.EventCreateSubChannel, MessageType: core.System, Channel: core.InSub(channel, sub),
		Payload: SubWire{channel, sub}, Only: core.Nobody()})
	if short {
		return no, sub, c.unbalanced(tx, a.Root)
	}
	return no, sub, nil
}

// unbalanced asks the background to look at the elastic channel.
func (c *Members) unbalanced(tx *db.Tx, root int64) error {
	tx.AfterCommit(c.SweepSoon)
	_, err := tx.Exec(`UPDATE channel SET unbalanced = 1 WHERE no = $1`, root)
	return err
}

// leftSub keeps the books after a membership of a sub-channel has ended.
func (c *Members) leftSub(tx *db.Tx, m Membership) error {
	moderates, err := c.moderates(tx, role.Actor{Root: m.Root}, m.no)
	if err != nil {
		return err
	}
	if !moderates {
		if _, err := tx.Exec(`UPDATE channel SET regulars = regulars - 1 WHERE no = $1`, m.place); err != nil {
			return err
		}
		if err := c.unbalanced(tx, m.Root); err != nil {
			return err
		}
	}
	rest, err := c.of(tx.Context(), tx, role.Actor{Elastic: true, Root: m.Root}, m.no)
	if err == nil && len(rest) == 0 {
		c.Announce(tx, core.Event{Type: core.EventInside, Channel: m.Channel, Only: core.Nobody(), Left: []arn.ARN{m.Member.Arn}})
	}
	return err
}

// Sub is a sub-channel with its members, moderators among them.
type Sub struct {
	ID      string
	Members int64

	no  int64
	row string
}

// SubChannels lists the sub-channels of an elastic channel.
func (c *Members) SubChannels(ctx context.Context, bearer, channel arn.ARN, p core.Page) ([]Sub, string, error) {
	a, err := c.Allowed(ctx, c.DB, "ListSubChannels", bearer, channel, false)
	if err != nil {
		return nil, "", err
	}
	name := core.List("subs", core.Itoa(a.Root))
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, func(s *Sub) []any { return []any{&s.no, &s.row, &s.Members} },
		`SELECT s.no, s.id, (SELECT count(*) FROM channel_membership m WHERE m.channel = s.no) FROM channel s
WHERE s.parent = $1 AND s.parent > 0 AND s.no > $2 ORDER BY s.no LIMIT $3`, a.Root, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		_, all[i].ID = core.SplitRow(all[i].row)
	}
	all, next := core.Cut(all, p, name, func(s Sub) string { return core.Itoa(s.no) })
	return all, next, nil
}
