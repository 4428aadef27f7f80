package flow

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Associate gives a channel a flow: messages sent from now on go through it. A channel has at most one; giving it the
// same again changes nothing.
func (c *Flows) Associate(ctx context.Context, bearer, channel, flow arn.ARN) error {
	return c.Changing(ctx, "AssociateChannelFlow", bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		f, err := c.lock(tx, flow)
		if err != nil {
			return err
		}
		switch {
		case f.app != a.App:
			return errFlow()
		case a.Flow != 0 && a.Flow != f.no:
			return fault.New(fault.Conflict, "associated", "The channel is associated with another channel flow.")
		}
		_, err = tx.Exec(`UPDATE channel SET flow = $2 WHERE no = $1`, a.Channel, f.no)
		return err
	})
}

// Disassociate takes the flow from a channel. What it holds goes on to its end; what is sent from now on is delivered at
// once.
func (c *Flows) Disassociate(ctx context.Context, bearer, channel, flow arn.ARN) error {
	return c.Changing(ctx, "DisassociateChannelFlow", bearer, channel, false, func(tx *db.Tx, a role.Actor) error {
		f, err := c.flow(tx.Context(), tx, flow)
		if err != nil {
			return err
		}
		if a.Flow != f.no {
			return fault.New(fault.NotFound, "not_associated", "The channel is not associated with this channel flow.")
		}
		_, err = tx.Exec(`UPDATE channel SET flow = 0 WHERE no = $1`, a.Channel)
		return err
	})
}

// Associated is a channel that has a flow: the structure ChannelAssociatedWithFlowSummary.
type Associated struct {
	Name, Mode, Privacy string
	Metadata            string `json:",omitempty"`
	ChannelArn          arn.ARN

	no      int64
	app, id string
}

// AssociatedWith lists the channels that have a flow.
func (c *Flows) AssociatedWith(ctx context.Context, flow arn.ARN, p core.Page) ([]Associated, string, error) {
	f, err := c.Flow(ctx, flow)
	if err != nil {
		return nil, "", err
	}
	name := core.List("associated", core.Itoa(f.no))
	after, err := p.KeyNo(name, 0)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, func(a *Associated) []any {
		return []any{&a.no, &a.app, &a.id, &a.Name, &a.Mode, &a.Privacy, &a.Metadata}
	}, `SELECT no, app, id, name, mode, privacy, metadata FROM channel
WHERE flow = $1 AND flow <> 0 AND no > $2 ORDER BY flow, no LIMIT $3`, f.no, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].ChannelArn = c.InstanceARN(all[i].app).Channel(all[i].id)
	}
	all, next := core.Cut(all, p, name, func(a Associated) string { return core.Itoa(a.no) })
	return all, next, nil
}

// SweepFlows is the step that removes the flows of deleted app instances, whose channels are gone by then.
func (c *Flows) SweepFlows(tx *db.Tx) (int64, error) {
	app, err := db.Value[string](tx.Context(), tx, `SELECT id FROM app_instance WHERE deleted_ms > 0 ORDER BY id LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return tx.Exec(`DELETE FROM channel_flow WHERE app = $1`, app)
}
