package moderate

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// perform tells the provider everything that an act means. Every step may be repeated. relax is called when nobody sees
// the difference that the rest makes.
func (d *Desk) perform(ctx context.Context, r *record, relax func()) error {
	p, err := d.where(ctx, *r)
	if err != nil || p.noChat {
		return err
	}
	p.as, err = d.keys.client(ctx, d.cfg.Chime, p.moderator, p.channel)
	if err != nil {
		return err
	}
	switch r.Kind {
	case KindRedact:
		return d.redact(ctx, p, r)
	case KindBan:
		return d.ban(ctx, p, r, relax)
	case KindUnban:
		return d.unban(ctx, p, r)
	}
	return fmt.Errorf("act %s has unknown kind %q", r.ID, r.Kind)
}

// place is where an act happens at the provider, and as whom.
type place struct {
	noChat                    bool // the show has no chat: nothing to tell anybody
	moderator, channel, admin arn.ARN
	as                        *chime.Client // with the moderator's own role
}

// where finds the place. Error: errNotReady.
func (d *Desk) where(ctx context.Context, r record) (place, error) {
	var chat bool
	p, err := db.One(ctx, d.cfg.DB, func(p *place) []any { return []any{&chat, &p.moderator, &p.channel, &p.admin} }, `
		SELECT e.chat, COALESCE(m.user_arn, ''), COALESCE(c.channel_arn, ''), COALESCE(c.admin_arn, '')
		FROM chat_event e
		LEFT JOIN chat_ready m ON m.event_id = e.event_id AND m.ticket_id = $2
		LEFT JOIN chat_channel c ON c.event_id = e.event_id
		WHERE e.event_id = $1`, r.event, r.by)
	switch {
	case err != nil:
		return p, err
	case !chat:
		p.noChat = true
	case p.moderator == "" || p.channel == "":
		return p, errNotReady
	}
	return p, nil
}

func (d *Desk) redact(ctx context.Context, p place, r *record) error {
	m, err := p.as.GetMessage(ctx, p.moderator, p.channel, r.MessageID)
	if fault.Is(err, fault.NotFound) && r.Text == "" {
		// Nothing was there: no act. A page that asks for the outcome hears that the message is unknown.
		_, err = d.cfg.DB.Exec(ctx, "DELETE FROM moderator_act WHERE id = $1 AND original = ''", r.ID)
		return err
	}
	if err != nil {
		return err
	}
	if m.Redacted {
		return nil // by an earlier try whose answer was lost, or by another hand
	}
	if err := d.keep(ctx, r, []chime.Message{m}, ""); err != nil {
		return err
	}
	return p.as.RedactMessage(ctx, p.moderator, p.channel, r.MessageID)
}

// keep writes what messages say into the trail before they are removed; durable when it returns nil. Where the trail
// has a message already but not its content, it adds that.
func (d *Desk) keep(ctx context.Context, r *record, messages []chime.Message, partOf string) error {
	now := time.Now().UnixMilli()
	return d.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		for _, m := range messages {
			_, err := tx.Exec(`INSERT INTO moderator_act
				(id, event_id, by_ticket, kind, user_id, message_id, part_of, original, sender, sent_ms, reason, created_ms)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
				ON CONFLICT (event_id, message_id) WHERE message_id <> '' DO UPDATE SET user_id = excluded.user_id,
				original = excluded.original, sender = excluded.sender, sent_ms = excluded.sent_ms WHERE moderator_act.original = ''`,
				"act"+id.NewToken()[:20], r.event, r.by, KindRedact, m.Sender.ARN.ID(), m.ID, partOf, m.Content, m.Sender.Name,
				m.Created.UnixMilli(), r.Reason, now)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Desk) ban(ctx context.Context, p place, r *record, relax func()) error {
	target := p.channel.AppInstance().User(r.UserID)
	if err := p.as.CreateBan(ctx, p.moderator, p.channel, target); err != nil && !fault.Is(err, fault.Conflict) {
		return err
	}
	if err := d.say(ctx, p, r, "hide-user"); err != nil {
		return err
	}
	relax() // nothing of this person is shown any more
	return d.sweep(ctx, p, r, target)
}

// sweep removes every line that a banned person wrote. A try that follows a failed one skips what is removed already.
func (d *Desk) sweep(ctx context.Context, p place, r *record, target arn.ARN) error {
	if d.cfg.Behind != nil {
		p.as = p.as.Paced(d.cfg.Behind)
	}
	for next := ""; ; {
		var page chime.Page[chime.Message]
		err := patiently(ctx, func() (err error) {
			page, err = p.as.ListMessages(ctx, p.moderator, p.channel, chime.ListInput{NextToken: next})
			return err
		})
		if err != nil {
			return err
		}
		var lines []chime.Message
		for _, m := range page.Items {
			if m.Sender.ARN == target && !m.Redacted {
				lines = append(lines, m)
			}
		}
		if len(lines) > 0 {
			if err := d.keep(ctx, r, lines, r.ID); err != nil {
				return err
			}
		}
		for _, m := range lines {
			if err := patiently(ctx, func() error { return p.as.RedactMessage(ctx, p.moderator, p.channel, m.ID) }); err != nil {
				return err
			}
		}
		if next = page.Next; next == "" {
			return nil
		}
	}
}

// patiently waits and repeats while the provider only asks to slow down: 30 changes a second are what Amazon allows in
// a channel, and somebody may have written more than that. Any other error ends the try.
func patiently(ctx context.Context, call func() error) error {
	for {
		err := call()
		if !fault.Is(err, fault.Throttled) {
			return err
		}
		wait := time.NewTimer(max(fault.As(err).RetryAfter, time.Second))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

func (d *Desk) unban(ctx context.Context, p place, r *record) error {
	target := p.channel.AppInstance().User(r.UserID)
	if err := p.as.DeleteBan(ctx, p.moderator, p.channel, target); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err := d.readmit(ctx, p, target); err != nil {
		return err
	}
	if err := d.say(ctx, p, r, "show-user"); err != nil {
		return err
	}
	_, ticket, _ := id.FromChatUser(r.UserID)
	d.cfg.Bus.Publish(bus.Hint{Topic: bus.ChatReady, Event: r.event, Ticket: ticket})
	return nil
}

// readmit gives the membership back that a ban has ended for good (Amazon Chime SDK API reference, CreateChannelBan).
// The provisioner may do the same or may not have noticed anything; adding a member twice is harmless (Conflict, or
// nothing at all). Of batches Amazon takes one a second and channel, and those are the provisioner's.
func (d *Desk) readmit(ctx context.Context, p place, user arn.ARN) error {
	err := d.cfg.Chime.CreateMembership(ctx, p.admin, p.channel, user)
	if fault.Is(err, fault.Throttled) || fault.Is(err, fault.Unavailable) || fault.HasCode(err, chime.CodeNoAccess) {
		return err
	}
	return nil // any other refusal means that there is no account yet: it joins when it is made
}

// action is the content of a message by which moderators command the pages; see docs/wire.md.
type action struct {
	V      int    `json:"v"`
	Kind   string `json:"kind"`
	Act    string `json:"act"`
	Target string `json:"target"`
}

// say sends an action to all pages, once, however often it is repeated: the act's id is the provider's request token.
func (d *Desk) say(ctx context.Context, p place, r *record, what string) error {
	content, err := json.Marshal(action{V: 1, Kind: "action", Act: what, Target: r.UserID})
	if err != nil {
		return err
	}
	_, err = p.as.SendMessage(ctx, p.moderator, p.channel, string(content), r.ID)
	return err
}

// keyring keeps the moderators' credentials for as long as they last. The zero value is empty.
type keyring struct {
	mu   sync.Mutex
	keys map[[2]arn.ARN]chime.Credentials
}

// spare is how much longer than now credentials must last to be used: any act's calls.
const spare = 2 * time.Minute

func (k *keyring) client(ctx context.Context, c *chime.Client, moderator, channel arn.ARN) (*chime.Client, error) {
	who := [2]arn.ARN{moderator, channel}
	now := time.Now()
	k.mu.Lock()
	keys, ok := k.keys[who]
	k.mu.Unlock()
	if ok && keys.Expires.Sub(now) > spare {
		return c.As(keys), nil
	}
	keys, err := c.AssumeUser(ctx, moderator, channel, id.Moderator, time.Hour)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[[2]arn.ARN]chime.Credentials{}
	}
	for w, old := range k.keys { // few moderators: a look at all is cheaper than a second structure
		if old.Expires.Before(now) {
			delete(k.keys, w)
		}
	}
	k.keys[who] = keys
	return c.As(keys), nil
}
