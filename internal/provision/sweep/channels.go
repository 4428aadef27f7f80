package sweep

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// sweepChannels compares channels, and returns the shows whose channels are there and belong here.
func (p *pass) sweepChannels(ctx context.Context) (there []id.Event, err error) {
	asked := time.Now()
	found := map[id.Event]chime.Channel{}
	var events []id.Event
	list := func(ctx context.Context, next string) (chime.Page[chime.Channel], error) {
		return p.Chime.ListChannels(ctx, p.bearer, p.base.Instance, next)
	}
	err = pages(ctx, p.sweeper, p.call("ListChannels", ""), list, func(page []chime.Channel, _ time.Time) error {
		for _, c := range page {
			event := id.Event(c.ARN.ID())
			found[event] = c
			events = append(events, event)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	where, err := p.where(ctx, events...)
	if err != nil {
		return nil, err
	}
	for event, c := range found {
		w, known := where[event]
		switch {
		case w.here(p.place) && w.leaves:
			p.moving++
		case w.here(p.place):
			there = append(there, event)
		default:
			if err := p.channelExtra(ctx, w, known, c); err != nil {
				return nil, err
			}
		}
	}
	p.counted.channels += len(there)
	shows, err := p.showsIn(ctx, p.place)
	if err != nil {
		return nil, err
	}
	for _, show := range shows {
		c, listed := found[show]
		if err := p.settleChannel(ctx, show, where[show].sealed, c, listed, asked); err != nil {
			return nil, err
		}
	}
	return there, nil
}

// channelExtra says what is to become of a channel that no show has here.
func (p *pass) channelExtra(ctx context.Context, w whereabouts, known bool, c chime.Channel) error {
	switch {
	case known && w.sealed:
		_, err := p.dismiss(ctx, dismissal{
			call: p.call("DeleteChannel", c.ARN),
			what: ledger.Row{Event: w.event, Kind: ledger.KindChannel, ARN: c.ARN},
			still: func(ctx context.Context) (bool, error) {
				now, err := p.where(ctx, w.event)
				return now[w.event].sealed && !now[w.event].here(p.place), err
			},
			remove: func(ctx context.Context) error { return p.Chime.DeleteChannel(ctx, p.bearer, c.ARN) },
		})
		return err
	case known && !w.homeless():
		p.moving++
		return nil
	}
	return p.report(ctx, []stranger{{c.ARN, "channel", c.Name}}) // whatever was said in it is nowhere else
}

// settleChannel compares the channel of a show with its row.
func (p *pass) settleChannel(ctx context.Context, show id.Event, sealed bool, c chime.Channel, listed bool, asked time.Time) error {
	rows, err := db.All(ctx, p.DB, (*standing).fields, standingSQL, show, ledger.KindChannel, ledger.Bulk([]id.Ticket{""}))
	if err != nil || len(rows) == 0 {
		return err
	}
	r, before := rows[0], settled(asked)
	if r.State == ledger.Made {
		p.ledger.channels++
	}
	switch {
	case r.moving(before):
		p.moving++
	case r.State == ledger.Made && !listed:
		return p.channelVanished(ctx, r)
	case r.State == ledger.Absent && listed && (r.want || sealed):
		return p.correct(ctx, show, func(tx *db.Tx, t *tally) error {
			if err := p.hold(tx, t, show, "", ledger.KindChannel, c.ARN, c.Name); err != nil {
				return err
			}
			return ledger.Decide(tx, show, "")
		})
	case r.State == ledger.Made && c.Name != "" && c.Name != r.Name:
		return p.correct(ctx, show, func(tx *db.Tx, t *tally) error {
			if err := p.callIt(tx, t, show, "", ledger.KindChannel, c.Name, asked); err != nil {
				return err
			}
			return ledger.Decide(tx, show, "")
		})
	}
	return nil
}

// channelVanished takes a channel for lost, with everybody in it, if the provider says so once more.
func (p *pass) channelVanished(ctx context.Context, r standing) error {
	err := p.ask(ctx, p.call("DescribeChannel", r.ARN), func(ctx context.Context) error {
		_, err := p.Chime.DescribeChannel(ctx, p.bearer, r.ARN)
		return err
	})
	if !chime.Missing(err) {
		return err
	}
	began, n := time.Now().UnixMilli(), p.vanished
	err = p.correct(ctx, r.Event, func(tx *db.Tx, t *tally) error {
		if err := p.lose(tx, t, r.Event, ledger.KindChannel, began, "the sweep did not find it at the provider", ""); err != nil {
			return err
		}
		return ledger.Decide(tx, r.Event, "")
	})
	if err != nil || p.vanished == n {
		return err
	}
	p.ledger.channels--
	p.Log.Warn("a channel is not at the chat provider any more", "event", r.Event)
	return p.vanishInside(ctx, r.Event, began, ledger.KindMembership, ledger.KindModerator)
}
