package moderate

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// patience is how long a moderator's page waits to hear that an act is done. It goes on without being waited for.
const patience = 2 * time.Second

// maxReason is how much of a reason is kept, in characters: two lines of text on a phone.
const maxReason = 200

// Redact removes one line for everybody and keeps its content in the trail. It returns after at most 2 s; Done says
// whether the provider has confirmed. Repeating it is harmless and returns the first act.
//
// Errors: Denied "not_moderator", Invalid "message_invalid".
func (d *Desk) Redact(ctx context.Context, event id.Event, moderator id.Ticket, messageID, reason string, now time.Time) (Act, error) {
	if !validMessageID(messageID) {
		return Act{}, fault.New(fault.Invalid, "message_invalid", "This is not the id of a message.").On("messageId")
	}
	var r record
	err := d.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		if err := checkModerator(tx.Context(), tx, event, moderator); err != nil {
			return err
		}
		var err error
		r, err = db.One(tx.Context(), tx, actFields, "SELECT "+actColumns+" FROM moderator_act a WHERE event_id = $1 AND message_id = $2", event, messageID)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		r = newRecord(event, moderator, KindRedact, reason, now)
		r.MessageID = messageID
		return insert(tx, r)
	})
	if err != nil {
		return Act{}, err
	}
	return d.hurry(ctx, r)
}

// Ban keeps a fan out of the chat and removes everything the fan wrote. When it returns nil, the platform refuses the
// person; Done says whether the provider has confirmed every step, which for somebody who wrote a lot takes longer than
// the 2 s that Ban waits. Repeating it is harmless.
//
// Errors: Denied "not_moderator", Denied "cannot_be_banned" (artists and moderators), NotFound "person_unknown".
func (d *Desk) Ban(ctx context.Context, event id.Event, moderator id.Ticket, userID, reason string, now time.Time) (Act, error) {
	target, err := fan(userID)
	if err != nil {
		return Act{}, err
	}
	var r record
	err = d.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		if err := checkModerator(tx.Context(), tx, event, moderator); err != nil {
			return err
		}
		if err := checkFan(tx, event, target); err != nil {
			return err
		}
		r = newRecord(event, moderator, KindBan, reason, now)
		r.UserID = userID
		var err error
		if r.Nickname, err = nameOf(tx, target); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO ban (ticket_id, event_id, by_ticket, nickname, reason, created_ms) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (ticket_id) DO NOTHING`, target, event, moderator, r.Nickname, r.Reason, r.created)
		if err != nil {
			return err
		}
		if n == 0 {
			r, err = latest(tx, event, userID, KindBan)
			return err
		}
		return insertLast(tx, &r)
	})
	if err != nil {
		return Act{}, err
	}
	d.cfg.Bus.Publish(bus.Hint{Topic: bus.Banned, Event: event, Ticket: target})
	return d.hurry(ctx, r)
}

// Unban undoes a ban: the person may enter the chat again; what was removed stays removed. For somebody who is not
// banned it answers with the last act that undid a ban, or NotFound "not_banned". Other errors as for Ban.
func (d *Desk) Unban(ctx context.Context, event id.Event, moderator id.Ticket, userID string, now time.Time) (Act, error) {
	target, err := fan(userID)
	if err != nil {
		return Act{}, err
	}
	var r record
	err = d.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		if err := checkModerator(tx.Context(), tx, event, moderator); err != nil {
			return err
		}
		r = newRecord(event, moderator, KindUnban, "", now)
		r.UserID = userID
		var err error
		if r.Nickname, err = nameOf(tx, target); err != nil {
			return err
		}
		n, err := tx.Exec("DELETE FROM ban WHERE ticket_id = $1 AND event_id = $2", target, event)
		if err != nil {
			return err
		}
		if n == 0 {
			r, err = latest(tx, event, userID, KindUnban)
			if errors.Is(err, sql.ErrNoRows) {
				return fault.New(fault.NotFound, "not_banned", "This person is not banned.")
			}
			return err
		}
		return insertLast(tx, &r)
	})
	if err != nil {
		return Act{}, err
	}
	d.cfg.Bus.Publish(bus.Hint{Topic: bus.Banned, Event: event, Ticket: target})
	return d.hurry(ctx, r)
}

// fan takes the ticket out of a user id that may be banned.
func fan(userID string) (id.Ticket, error) {
	role, ticket, ok := id.FromChatUser(userID)
	switch {
	case !ok:
		return "", fault.New(fault.NotFound, "person_unknown", "Nobody at this show has this id.").On("userId")
	case role != id.Fan:
		return "", fault.New(fault.Denied, "cannot_be_banned", "Artists and moderators cannot be banned.").On("userId")
	}
	return ticket, nil
}

// checkFan trusts the ticket's role, not the letter in an id that came from outside.
func checkFan(tx *db.Tx, event id.Event, target id.Ticket) error {
	role, err := db.Value[id.Role](tx.Context(), tx, "SELECT role FROM ticket_role WHERE ticket_id = $1 AND event_id = $2", target, event)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.New(fault.NotFound, "person_unknown", "Nobody at this show has this id.").On("userId")
	case err == nil && role != id.Fan:
		return fault.New(fault.Denied, "cannot_be_banned", "Artists and moderators cannot be banned.").On("userId")
	}
	return err
}

// nameOf is the nickname a person has now, "" for none.
func nameOf(tx *db.Tx, ticket id.Ticket) (string, error) {
	name, err := db.Value[string](tx.Context(), tx, "SELECT name FROM chosen_name WHERE ticket_id = $1", ticket)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return name, err
}

func newRecord(event id.Event, by id.Ticket, kind Kind, reason string, now time.Time) record {
	r := record{event: event, by: by, created: now.UnixMilli()}
	r.ID, r.Kind, r.Reason = "act"+id.NewToken()[:20], kind, cut(strings.ToValidUTF8(strings.TrimSpace(reason), ""), maxReason)
	return r
}

func cut(s string, characters int) string {
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	return string([]rune(s)[:characters])
}

func insert(tx *db.Tx, r record) error {
	_, err := tx.Exec(`INSERT INTO moderator_act
		(id, event_id, by_ticket, kind, user_id, message_id, part_of, original, sender, sent_ms, reason, created_ms)
		VALUES ($1, $2, $3, $4, $5, $6, '', '', $7, 0, $8, $9)`,
		r.ID, r.event, r.by, r.Kind, r.UserID, r.MessageID, r.Nickname, r.Reason, r.created)
	return err
}

// insertLast inserts an act after all others about the same person: the worker keeps them in this order, and a clock
// that stood still or jumped must not let a ban overtake the unban before it.
func insertLast(tx *db.Tx, r *record) error {
	last, err := db.Value[int64](tx.Context(), tx, `SELECT COALESCE(max(created_ms), 0) FROM moderator_act
		WHERE event_id = $1 AND user_id = $2 AND kind <> $3`, r.event, r.UserID, KindRedact)
	if err != nil {
		return err
	}
	r.created = max(r.created, last+1)
	return insert(tx, *r)
}

func latest(tx *db.Tx, event id.Event, userID string, kind Kind) (record, error) {
	return db.One(tx.Context(), tx, actFields, "SELECT "+actColumns+` FROM moderator_act a
		WHERE event_id = $1 AND user_id = $2 AND kind = $3 ORDER BY created_ms DESC LIMIT 1`, event, userID, kind)
}

// validMessageID knows the form of a MessageId: 1–128 characters of [-_a-zA-Z0-9] (Amazon Chime SDK API reference).
func validMessageID(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 128
}
