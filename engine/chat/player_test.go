package chat_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// player does something that changes what others see.
type player struct {
	house
	rnd    *rand.Rand
	db     *db.DB
	people []arn.ARN
	hall   arn.ARN
	places []arn.ARN
	said   []message.Message
}

func (p *player) place() arn.ARN { return p.places[p.rnd.IntN(len(p.places))] }
func (p *player) who() arn.ARN   { return p.people[p.rnd.IntN(len(p.people))] }

// act does one thing; most of what is not allowed is tried, too.
func (p *player) act() string {
	p.Helper()
	ctx, place, who := p.Context(), p.place(), p.who()
	var err error
	var did string
	switch n := p.rnd.IntN(20); {
	case n < 7 || len(p.said) == 0:
		l := line(fmt.Sprint("line <b>", p.rnd.Uint32()))
		if p.rnd.IntN(8) == 0 {
			l.Target = p.who()
		}
		var m message.Message
		if m, err = p.Send(ctx, who, place, "", l); err == nil {
			p.said = append(p.said, m)
		}
		did = "send"
	case n < 11:
		did, err = p.change(who)
	case n == 11:
		_, err = p.CreateMembership(ctx, p.mod, p.whole(place), who, []string{"DEFAULT", "HIDDEN"}[p.rnd.IntN(2)])
		did = "join"
	case n == 12:
		did, err = "leave", p.DeleteMembership(ctx, p.mod, p.whole(place), who)
	case n == 13:
		_, err = p.CreateBan(ctx, p.mod, p.whole(place), who)
		did = "ban"
	case n == 14:
		did, err = "lift", p.DeleteBan(ctx, p.mod, p.whole(place), who)
	case n == 15:
		did, err = "read", p.Read(ctx, who, place)
	case n == 16:
		did, err = "rename", p.UpdateUser(ctx, who, fmt.Sprint("Name ", p.rnd.Uint32()), "")
	case n == 17 && who != p.mod && who != p.admin:
		_ = p.DeleteUser(ctx, who)
		_, err = p.CreateUser(ctx, "", identity.NewUser{Instance: p.app, ID: who.ID(), Name: "New"})
		did = "delete and make"
	case n == 18:
		did, err = p.age(), nil
	default:
		_, err = p.SetRetention(ctx, p.app, int64(p.rnd.IntN(3)))
		did = "retain"
	}
	if err != nil && fault.As(err).Kind == fault.Internal {
		p.Fatal(err)
	}
	return fmt.Sprintf("%s by %s in %s: %v", did, who.ID(), place.ID(), err)
}

func (p *player) whole(place arn.ARN) arn.ARN { channel, _ := core.SplitPlace(place); return channel }

func (p *player) change(who arn.ARN) (string, error) {
	m := p.said[len(p.said)-1-p.rnd.IntN(min(len(p.said), 6))]
	place := core.InSub(m.Channel, m.Sub)
	switch p.rnd.IntN(3) {
	case 0:
		_, err := p.UpdateMessage(p.Context(), m.Sender.Arn, place, m.ID, message.Edit{Content: fmt.Sprint("edited ", p.rnd.Uint32())})
		return "edit", err
	case 1:
		return "redact", p.RedactMessage(p.Context(), p.mod, place, m.ID)
	}
	return "delete", p.DeleteMessage(p.Context(), p.admin, place, m.ID)
}

// age makes everything 36 hours older, as the computer's clock would: nothing that is in memory may change by it.
func (p *player) age() string {
	for _, text := range []string{`UPDATE channel_message SET created_ms = created_ms - 129600000`,
		`UPDATE channel SET clock_ms = clock_ms + 1`, `UPDATE app_instance SET retention_delete_ms = 1`} {
		_, err := p.db.Exec(p.Context(), text)
		p.ok(err)
	}
	p.said = nil
	p.sweep()
	return "age"
}
