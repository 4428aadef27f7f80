package chat

import (
	"context"
	"encoding/json"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
)

// How much a prefetch tells at most (Amazon Chime SDK endpoints and quotas).
const (
	prefetchChannels = 50
	prefetchMessages = 20
	prefetchMembers  = 30
)

// MembershipSummaryWire is the structure ChannelMembershipSummary.
type MembershipSummaryWire struct{ Member core.Identity }

// DetailsWire is the payload of CHANNEL_DETAILS. The lists may be written already (json.RawMessage).
type DetailsWire struct {
	Channel                channel.SummaryWire[core.ISO]
	ChannelMessages        any      // []message.SummaryWire[core.ISO], newest first
	ChannelMemberships     any      // []MembershipSummaryWire
	ReadMarkerTimestamp    core.ISO `json:",omitzero"`
	ChannelMessagesHasMore bool
}

// together is what prefetches have in common that are read in one view of the database.
type together struct {
	app         string
	unreadFirst bool
}

type prefetching struct {
	user string // id in the tables
	mark func()
}

type prefetched struct {
	events []core.Event
	err    error
}

// Prefetch reads what a user should see first: their channels, the most urgent ones first, each with its newest messages
// and some of its members, as CHANNEL_DETAILS events. What is read is one state of the database; mark is called when
// every event up to that state has gone to the Sink, and before any later one does. Those who ask at one time share a
// state, and what is the same for all of them.
func (c *Chat) Prefetch(ctx context.Context, user arn.ARN, sortBy string, mark func()) ([]core.Event, error) {
	r, ok := c.Find(user, arn.KindUser)
	if !ok {
		return nil, core.ErrUser()
	}
	got, err := c.prefetches.Ask(ctx, together{r.App, sortBy != core.SortByLastMessage}, prefetching{r.ID, mark})
	if err != nil {
		return nil, err
	}
	return got.events, got.err
}

func (c *Chat) prefetchAll(ctx context.Context, key together, asked []prefetching) ([]prefetched, error) {
	mark := func() {
		for _, a := range asked {
			a.mark()
		}
	}
	out := make([]prefetched, len(asked))
	err := c.DB.View(ctx, mark, func(q db.Querier) error {
		ids := make([]string, len(asked))
		for i, a := range asked {
			ids[i] = a.user
		}
		people, err := c.UsersIn(ctx, q, key.app, ids)
		if err != nil || len(people) == 0 {
			return err
		}
		s, err := c.survey(ctx, q, key, people)
		if err != nil {
			return err
		}
		for i, a := range asked {
			u, is := people[a.user]
			if !is {
				continue
			}
			if out[i].events, err = s.tell(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range out {
		if out[i].events == nil {
			out[i].err = core.ErrUser()
		}
	}
	return out, err
}

// survey is what many prefetches read once.
type survey struct {
	*Chat
	q       db.Querier
	horizon int64
	urgent  map[int64][]channel.Reading // by user
	places  map[int64]*sight            // by channel.no
}

// sight is a place as it looks to everybody.
type sight struct {
	channel.Place
	messages json.RawMessage // nil: everybody has to read for themselves
	more     bool
	members  json.RawMessage
	unread   *core.Shared // the payload for who has no read marker
}

func (c *Chat) survey(ctx context.Context, q db.Querier, key together, people map[string]identity.User) (*survey, error) {
	s := &survey{Chat: c, q: q, places: map[int64]*sight{}}
	var err error
	if s.horizon, err = c.roles.Horizon(ctx, q, key.app); err != nil {
		return nil, err
	}
	members := make([]int64, 0, len(people))
	for _, u := range people {
		members = append(members, u.No)
	}
	if s.urgent, err = c.Urgent(ctx, q, members, key.unreadFirst, prefetchChannels); err != nil {
		return nil, err
	}
	var nos []int64
	for _, all := range s.urgent {
		for _, r := range all {
			if s.places[r.Place] == nil {
				s.places[r.Place] = &sight{}
				nos = append(nos, r.Place)
			}
		}
	}
	places, err := c.Places(ctx, q, nos)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		if err := s.look(ctx, key.app, p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *survey) reader(app string, p channel.Place) role.Actor {
	return role.Actor{App: app, Horizon: s.horizon, Channel: p.No, ChannelID: p.Channel.ARN.ID(), Sub: p.Sub, Clock: p.Clock}
}

func (s *survey) look(ctx context.Context, app string, p channel.Place) error {
	at := s.places[p.No]
	at.Place = p
	var err error
	if at.messages, at.more, err = s.Summaries(ctx, s.q, s.reader(app, p), prefetchMessages); err != nil {
		return err
	}
	members, err := s.Some(ctx, s.q, p.No, prefetchMembers)
	if err != nil {
		return err
	}
	list := make([]MembershipSummaryWire, len(members))
	for i, m := range members {
		list[i].Member = m.Member
	}
	at.members, err = core.JSON(list)
	return err
}

// tell writes the events of one user.
func (s *survey) tell(ctx context.Context, u identity.User) ([]core.Event, error) {
	out := []core.Event{}
	for _, r := range s.urgent[u.No] {
		at := s.places[r.Place]
		payload, err := s.payload(ctx, u, r, at)
		if err != nil {
			return nil, err
		}
		out = append(out, core.Event{Type: core.EventChannelDetails, MessageType: core.System,
			Channel: core.InSub(at.Channel.ARN, at.Sub), Payload: payload})
	}
	return out, nil
}

func (s *survey) payload(ctx context.Context, u identity.User, r channel.Reading, at *sight) (any, error) {
	common := at.messages != nil && r.ReadMS == 0
	if common && at.unread != nil {
		return at.unread, nil
	}
	w := DetailsWire{Channel: channel.WireSummary[core.ISO](at.Channel), ReadMarkerTimestamp: core.ISO(r.ReadMS),
		ChannelMessages: at.messages, ChannelMemberships: at.members, ChannelMessagesHasMore: at.more}
	if at.messages == nil {
		a := s.reader(u.ARN.AppInstance().ID(), at.Place)
		a.ID, a.No = u.ID, u.No
		own, more, err := s.SummariesFor(ctx, s.q, a, prefetchMessages)
		if err != nil {
			return nil, err
		}
		w.ChannelMessages, w.ChannelMessagesHasMore = own, more
	}
	if !common {
		return w, nil
	}
	var err error
	at.unread, err = core.Share(w)
	return at.unread, err
}
