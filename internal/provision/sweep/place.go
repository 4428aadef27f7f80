package sweep

import (
	"context"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// throughPlace compares everything in one app instance with the ledger. 100,000 accounts are 2,000 calls, as many
// memberships as many again. What would hurt most comes first.
func (p *pass) throughPlace(ctx context.Context) error {
	b, ready, err := ledger.ReadBase(ctx, p.DB, p.Installation, p.place, 0)
	if err != nil {
		return err
	}
	p.base = b
	if !ready {
		return p.throughUnready(ctx)
	}
	p.bearer = b.Bearers[len(b.Bearers)-1]
	if err := p.sweepAdmins(ctx); err != nil {
		return err
	}
	channels, err := p.sweepChannels(ctx)
	if err != nil {
		return err
	}
	if err := p.sweepUsers(ctx); err != nil {
		return err
	}
	for _, show := range channels {
		if err := p.sweepPeople(ctx, show); err != nil {
			return err
		}
	}
	return nil
}

// throughUnready is for an app instance without an administrator, in whose name channels could be listed. Where a show wants
// its chat, there will be one soon. Where none does, the accounts can be compared all the same.
func (p *pass) throughUnready(ctx context.Context) error {
	shows, err := p.showsIn(ctx, p.place)
	if err != nil {
		return err
	}
	where, err := p.where(ctx, shows...)
	if err != nil {
		return err
	}
	for _, w := range where {
		if w.make {
			return trouble{rest: unready}
		}
	}
	if p.base.Instance == "" {
		return trouble{rest: unready} // on its way out
	}
	if err := p.sweepAdmins(ctx); err != nil {
		return err
	}
	return p.sweepUsers(ctx)
}

func (p *pass) call(op string, channel arn.ARN) pace.Call {
	c := pace.Call{Op: op, Instance: p.base.Instance, Channel: channel}
	if channel != "" || op == "ListChannels" {
		c.Bearer = p.bearer
	}
	return c
}

// sweepUsers compares accounts.
func (p *pass) sweepUsers(ctx context.Context) error {
	seen, admins := newSights(), map[id.Ticket]string{}
	list := func(ctx context.Context, next string) (chime.Page[chime.User], error) {
		return p.Chime.ListUsers(ctx, p.base.Instance, next)
	}
	err := pages(ctx, p.sweeper, p.call("ListAppInstanceUsers", ""), list, func(page []chime.User, asked time.Time) error {
		accounts := slices.DeleteFunc(page, func(u chime.User) bool {
			n, ok := ourAdmin(u)
			if ok {
				admins[n] = u.Name
			}
			return ok
		})
		ours, others, err := p.sort(ctx, accounts)
		if err != nil {
			return err
		}
		if err := p.report(ctx, others); err != nil {
			return err
		}
		return p.house(ctx, ours, seen, asked)
	})
	if err != nil {
		return err
	}
	if err := p.settleAdmins(ctx, admins); err != nil {
		return err
	}
	p.counted.users += len(seen.seen) + len(admins)
	shows, err := p.showsIn(ctx, p.place)
	if err != nil {
		return err
	}
	for _, show := range shows {
		n, err := p.walk(ctx, show, ledger.KindUser, seen, settled(p.began))
		if err != nil {
			return err
		}
		p.ledger.users += n
		delete(p.lodged, show)
	}
	for _, n := range p.lodged { // their show has left meanwhile
		p.moving += n
	}
	return nil
}

// house finds the show of each of our accounts, and removes those that have none here.
func (p *pass) house(ctx context.Context, page []listed, seen sights, asked time.Time) error {
	at := map[id.Event][]listed{p.place: page}
	var homeless []listed
	if p.place == ledger.Shared {
		var err error
		if at, homeless, err = p.showsOf(ctx, page); err != nil {
			return err
		}
	}
	for show, some := range at {
		p.lodged[show] += len(some)
		for _, l := range some {
			seen.see(l.user.ARN.ID())
		}
		if err := p.settle(ctx, show, ledger.KindUser, some, asked); err != nil {
			return err
		}
	}
	for _, l := range homeless {
		done, err := p.dismiss(ctx, dismissal{
			call: pace.Call{Op: "DeleteAppInstanceUser", Instance: p.base.Instance, User: l.user.ARN},
			what: ledger.Row{Event: p.place, Subject: l.subject, Kind: ledger.KindUser, ARN: l.user.ARN},
			still: func(ctx context.Context) (bool, error) {
				_, now, err := p.showsOf(ctx, []listed{l})
				return len(now) == 1, err
			},
			remove: func(ctx context.Context) error { return p.Chime.DeleteUser(ctx, l.user.ARN) },
		})
		if err != nil {
			return err
		}
		if !done {
			seen.see(l.user.ARN.ID())
		}
	}
	return nil
}

// showsOf sorts accounts in the shared app instance by the shows of their tickets.
func (p *pass) showsOf(ctx context.Context, page []listed) (at map[id.Event][]listed, homeless []listed, err error) {
	subjects := make([]id.Ticket, len(page))
	for i, l := range page {
		subjects[i] = l.subject
	}
	owners, err := db.All(ctx, p.DB, (*owner).fields, ownersSQL, ledger.Bulk(subjects))
	if err != nil {
		return nil, nil, err
	}
	show, shows := map[id.Ticket]id.Event{}, []id.Event{}
	for _, o := range owners {
		show[o.ticket] = o.event
		shows = append(shows, o.event)
	}
	where, err := p.where(ctx, shows...)
	if err != nil {
		return nil, nil, err
	}
	at = map[id.Event][]listed{}
	for _, l := range page {
		w, known := where[show[l.subject]]
		switch {
		case w.here(p.place) && w.leaves:
			p.moving++
		case w.here(p.place):
			at[w.event] = append(at[w.event], l)
		case known && !w.homeless():
			p.moving++
		default:
			homeless = append(homeless, l)
		}
	}
	return at, homeless, nil
}

// sweepPeople compares who is in a channel, and who keeps order there. Bans are moderation's: who is banned is no member.
func (p *pass) sweepPeople(ctx context.Context, show id.Event) error {
	channel := p.base.Instance.Channel(string(show))
	for _, role := range []struct {
		kind            ledger.Kind
		op              string
		list            func(ctx context.Context, bearer, channel arn.ARN, next string) (chime.Page[chime.User], error)
		counted, ledger *int
	}{
		{ledger.KindMembership, "ListChannelMemberships", p.Chime.ListMemberships, &p.counted.members, &p.ledger.members},
		{ledger.KindModerator, "ListChannelModerators", p.Chime.ListModerators, &p.counted.moderators, &p.ledger.moderators},
	} {
		seen, before := newSights(), settled(time.Now())
		list := func(ctx context.Context, next string) (chime.Page[chime.User], error) {
			return role.list(ctx, p.bearer, channel, next)
		}
		err := pages(ctx, p.sweeper, p.call(role.op, channel), list, func(page []chime.User, asked time.Time) error {
			ours, _, err := p.sort(ctx, page)
			if err != nil {
				return err
			}
			for _, l := range ours {
				seen.see(l.user.ARN.ID())
			}
			return p.settle(ctx, show, role.kind, ours, asked)
		})
		if chime.Missing(err) {
			p.moving++
			return nil // the channel goes, or has vanished since: the next sweep will tell
		}
		if err != nil {
			return err
		}
		n, err := p.walk(ctx, show, role.kind, seen, before)
		if err != nil {
			return err
		}
		*role.counted += len(seen.seen)
		*role.ledger += n
	}
	return nil
}
