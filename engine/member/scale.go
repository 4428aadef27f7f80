package member

import (
	"database/sql"
	"errors"
	"strconv"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// elastic is an elastic channel as scaling sees it.
type elastic struct {
	no, most, target, percent int64
	app, id                   string
	subs                      []seats
}

// seats is a sub-channel as scaling sees it.
type seats struct {
	no, regulars int64
	row          string
	short        bool // it was made by a scale-out and does not have its share of members yet
}

// share is how many regular members a sub-channel must have at least: the percentage of the target, rounded up.
func (e elastic) share() int64 { return (e.target*e.percent + 99) / 100 }

// elastic reads an elastic channel, which must be locked.
func (c *Members) elastic(tx *db.Tx, no int64) (elastic, error) {
	e, err := db.One(tx.Context(), tx, func(e *elastic) []any { return []any{&e.app, &e.id, &e.most, &e.target, &e.percent} },
		`SELECT app, id, max_subs, sub_target, sub_percent FROM channel WHERE no = $1`, no)
	if err != nil {
		return e, err
	}
	e.no = no
	e.subs, err = db.All(tx.Context(), tx, func(s *seats) []any { return []any{&s.no, &s.row, &s.regulars, &s.short} },
		`SELECT no, id, regulars, unbalanced > 0 FROM channel WHERE parent = $1 AND parent > 0 ORDER BY no`, no)
	return e, err
}

// SweepElastic is the step that scales one elastic channel: a new sub-channel gets its share of the others' members, and
// the members of one with less than its share go to another that has room for all of them. It moves at most a share, 40 %
// of a full sub-channel, in one write.
func (c *Members) SweepElastic(tx *db.Tx) (int64, error) {
	no, err := db.Value[int64](tx.Context(), tx, `UPDATE channel SET unbalanced = 0 WHERE no =
 (SELECT no FROM channel WHERE unbalanced > 0 AND parent = 0 ORDER BY no LIMIT 1) RETURNING no`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	e, err := c.elastic(tx, no)
	if err != nil {
		return 0, err
	}
	if from, to, ok := e.scaleIn(); ok {
		if err := c.scaleIn(tx, e, from, to); err != nil {
			return 0, err
		}
		return 1, c.unbalanced(tx, no) // there may be more
	}
	return 1, c.fill(tx, e)
}

// scaleIn picks the smallest sub-channel with less than its share, and the fullest that can take all of its members. Right
// after a scale-out there is none: all others were full.
func (e elastic) scaleIn() (from, to seats, ok bool) {
	for _, s := range e.subs {
		if s.regulars < e.share() && (from.no == 0 || s.regulars < from.regulars) {
			from = s
		}
	}
	if from.no == 0 {
		return from, to, false
	}
	for _, s := range e.subs {
		if s.no != from.no && s.regulars+from.regulars <= e.target && (to.no == 0 || s.regulars > to.regulars) {
			to = s
		}
	}
	return from, to, to.no != 0
}

// scaleIn moves everybody and ends the sub-channel with its messages. Moderators are not moved: they chose their
// sub-channels themselves, and are told that this one is gone.
func (c *Members) scaleIn(tx *db.Tx, e elastic, from, to seats) error {
	if err := c.move(tx, e, from, to, from.regulars); err != nil {
		return err
	}
	left, err := c.memberships(tx.Context(), tx, `WHERE m.channel = $1 ORDER BY m.member`, from.no)
	if err != nil {
		return err
	}
	if err := c.end(tx, left, core.ReasonSubChannelDeleted); err != nil {
		return err
	}
	return c.endSub(tx, e, from)
}

// endSub takes the sub-channel's name away; its rows go in the background, like those of a deleted channel.
func (c *Members) endSub(tx *db.Tx, e elastic, s seats) error {
	for _, text := range []string{
		`UPDATE channel SET last_message_ms = (SELECT s.last_message_ms FROM channel s WHERE s.no = $1)
 WHERE no = $2 AND last_message_ms < (SELECT s.last_message_ms FROM channel s WHERE s.no = $1)`,
		`DELETE FROM channel WHERE no = $1 AND parent = $2`,
	} {
		if _, err := tx.Exec(text, s.no, e.no); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`INSERT INTO removed_channel (no, removed_ms) VALUES ($1, $2)`, s.no, core.NowMS()); err != nil {
		return err
	}
	channel := c.InstanceARN(e.app).Channel(e.id)
	_, sub := core.SplitRow(s.row)
	c.Announce(tx, core.Event{Type: core.EventDeleteSubChannel, MessageType: core.System, Channel: core.InSub(channel, sub),
		Payload: SubWire{channel, sub}, Only: core.Nobody(), Gone: true})
	tx.AfterCommit(c.SweepSoon)
	return nil
}

// fill gives a new sub-channel its share, each member from the sub-channel that is the fullest at that point.
func (c *Members) fill(tx *db.Tx, e elastic) error {
	for i := range e.subs {
		if !e.subs[i].short {
			continue
		}
		for from, n := range e.donors(i) {
			if err := c.move(tx, e, e.subs[from], e.subs[i], n); err != nil {
				return err
			}
			e.subs[from].regulars -= n
			e.subs[i].regulars += n
		}
		if _, err := tx.Exec(`UPDATE channel SET unbalanced = 0 WHERE no = $1`, e.subs[i].no); err != nil {
			return err
		}
	}
	return nil
}

// donors says how many members each other sub-channel gives to the one at i, by its place in the list. None goes below
// its own share.
func (e elastic) donors(i int) map[int]int64 {
	gives := map[int]int64{}
	for missing := e.share() - e.subs[i].regulars; missing > 0; missing-- {
		most := -1
		for j, s := range e.subs {
			if j != i && !s.short && (most < 0 || s.regulars-gives[j] > e.subs[most].regulars-gives[most]) {
				most = j
			}
		}
		if most < 0 || e.subs[most].regulars-gives[most] <= e.share() {
			break
		}
		gives[most]++
	}
	return gives
}

// move takes n regular members from one sub-channel to another. Only they are told.
func (c *Members) move(tx *db.Tx, e elastic, from, to seats, n int64) error {
	if n == 0 {
		return nil
	}
	moved, err := db.All(tx.Context(), tx, func(no *int64) []any { return []any{no} }, `UPDATE channel_membership
SET channel = $2, updated_ms = $3 WHERE channel = $1 AND member IN (SELECT m.member FROM channel_membership m WHERE m.channel = $1
 AND NOT EXISTS (SELECT 1 FROM channel_moderator d WHERE d.channel = $4 AND d.member = m.member) ORDER BY m.member LIMIT $5)
RETURNING member`, from.no, to.no, core.NowMS(), e.no, n)
	if err != nil {
		return err
	}
	for _, s := range []struct{ no, by int64 }{{from.no, -int64(len(moved))}, {to.no, int64(len(moved))}} {
		if _, err := tx.Exec(`UPDATE channel SET regulars = regulars + $2 WHERE no = $1`, s.no, s.by); err != nil {
			return err
		}
	}
	return c.announceMoved(tx, e, from, to, moved)
}

func (c *Members) announceMoved(tx *db.Tx, e elastic, from, to seats, moved []int64) error {
	list := make(map[string]int, len(moved))
	for _, no := range moved {
		list[strconv.FormatInt(no, 10)] = 0
	}
	all, err := c.memberships(tx.Context(), tx, `WHERE m.channel = $1 AND m.member IN (SELECT CAST(j.key AS BIGINT) FROM json_each($2) j)
ORDER BY m.member`, to.no, keys(list))
	if err != nil {
		return err
	}
	channel := c.InstanceARN(e.app).Channel(e.id)
	_, old := core.SplitRow(from.row)
	left := core.Event{Type: core.EventInside, Channel: core.InSub(channel, old), Only: core.Nobody()}
	for _, m := range all {
		left.Left = append(left.Left, m.Member.Arn)
	}
	c.Announce(tx, left)
	for _, m := range all {
		who := []arn.ARN{m.Member.Arn}
		c.Announce(tx, core.Event{Type: core.EventUpdateMembership, MessageType: core.System, Channel: core.InSub(channel, m.Sub),
			Payload: WireOf[core.ISO](m), Only: who, Joined: who})
	}
	return nil
}
