package role

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Elasticity says what an operation means in an elastic channel. The zero value: it is about the channel as a whole.
type Elasticity uint8

// The meanings.
const (
	Whole     Elasticity = iota
	SubOnly              // it happens in one sub-channel: SubChannelId is required
	NotThere             // elastic channels have no such thing
	OnlyThere            // nothing else has such a thing
)

// Elastic lists the operations of Rules that are not Whole (developer guide, "Using elastic channels to host live
// events": no hidden memberships, no membership preferences, no read markers).
var Elastic = map[string]Elasticity{
	"SendChannelMessage":      SubOnly,
	"GetChannelMessage":       SubOnly,
	"GetChannelMessageStatus": SubOnly,
	"ListChannelMessages":     SubOnly,
	"UpdateChannelMessage":    SubOnly,
	"RedactChannelMessage":    SubOnly,
	"DeleteChannelMessage":    SubOnly,
	"ListChannelMemberships":  SubOnly,

	HiddenMembers:                     NotThere,
	"UpdateChannelReadMarker":         NotThere,
	"GetChannelMembershipPreferences": NotThere,
	"PutChannelMembershipPreferences": NotThere,

	"ListSubChannels": OnlyThere,
}

// fits refuses what the kind of channel does not have.
func (a Actor) fits(operation string) error {
	switch Elastic[operation] {
	case SubOnly:
		if a.Elastic && a.Sub == "" {
			return fault.New(fault.Invalid, "sub_channel", "SubChannelId is required in an elastic channel.").On("SubChannelId")
		}
	case NotThere:
		if a.Elastic {
			return fault.New(fault.Invalid, "elastic", "An elastic channel does not support this operation.")
		}
	case OnlyThere:
		if !a.Elastic {
			return errNotElastic()
		}
	case Whole:
	}
	return nil
}

func errNotElastic() error {
	return fault.New(fault.Invalid, "elastic", "The channel is not an elastic channel.")
}

// missing says why there is no such place: a sub-channel of what is no elastic channel is a mistake of the caller's.
func (c *Roles) missing(ctx context.Context, q db.Querier, a Actor) error {
	if a.Sub == "" {
		return core.ErrChannel()
	}
	elastic, err := db.Value[bool](ctx, q, `SELECT max_subs > 0 FROM channel WHERE app = $1 AND id = $2`, a.App, a.ChannelID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return core.ErrChannel()
	case err != nil:
		return err
	case !elastic:
		return errNotElastic()
	}
	return fault.New(fault.NotFound, "sub_channel", "The sub-channel does not exist.")
}

// anywhere returns the actor's membership type in any sub-channel, "" for none.
func (c *Roles) anywhere(ctx context.Context, q db.Querier, a Actor) (string, error) {
	kind, err := db.Value[string](ctx, q, `SELECT m.type FROM channel s JOIN channel_membership m ON m.channel = s.no
WHERE s.parent = $1 AND s.parent > 0 AND m.member = $2 LIMIT 1`, a.Channel, a.No)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return kind, err
}
