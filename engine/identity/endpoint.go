package identity

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Endpoint is where push notifications for a user would go: it is kept and given back, and nothing is ever sent to it.
type Endpoint struct {
	ID, Name, Type, ResourceARN  string // Type is APNS, APNS_SANDBOX or GCM
	DeviceToken, VoipDeviceToken string
	AllowMessages                string // ALL or NONE
	CreatedMS, UpdatedMS         int64
}

func (e *Endpoint) fields() []any {
	return []any{&e.ID, &e.Name, &e.Type, &e.ResourceARN, &e.DeviceToken, &e.VoipDeviceToken, &e.AllowMessages, &e.CreatedMS, &e.UpdatedMS}
}

const endpointSQL = `SELECT id, name, type, resource_arn, device_token, voip_device_token, allow_messages, created_ms, updated_ms
FROM app_instance_user_endpoint WHERE member = $1 `

// RegisterEndpoint keeps an endpoint and returns its id. The same token and input give the same id.
func (c *Identities) RegisterEndpoint(ctx context.Context, token string, user arn.ARN, e Endpoint) (string, error) {
	req := core.NewRequest("RegisterAppInstanceUserEndpoint\n"+string(user), token, e)
	fresh := id.NewUUID()
	var made string
	err := c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.person(tx.Context(), tx, user)
		if err != nil {
			return err
		}
		made, err = req.Standing(tx, func(old string) error {
			_, err := c.endpointIn(tx.Context(), tx, u, old)
			return err
		})
		if err != nil || made != "" {
			return err
		}
		if err := c.Fits(tx, quota.Endpoints, 1, `app_instance_user_endpoint WHERE member = $1`, u.No); err != nil {
			return err
		}
		now := core.NowMS()
		made = fresh
		if _, err := tx.Exec(`INSERT INTO app_instance_user_endpoint
 (member, id, name, type, resource_arn, device_token, voip_device_token, allow_messages, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
			u.No, fresh, e.Name, e.Type, e.ResourceARN, e.DeviceToken, e.VoipDeviceToken, e.AllowMessages, now); err != nil {
			return err
		}
		return req.Remember(tx, made, now)
	})
	return made, err
}

func (c *Identities) endpointIn(ctx context.Context, q db.Querier, u User, id string) (Endpoint, error) {
	if !core.IsText(id) {
		return Endpoint{}, errEndpoint()
	}
	e, err := db.One(ctx, q, (*Endpoint).fields, endpointSQL+`AND id = $2`, u.No, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = errEndpoint()
	}
	return e, err
}

func errEndpoint() error {
	return fault.New(fault.Denied, "endpoint", "The endpoint does not exist.")
}

// Endpoint reads one endpoint of a user.
func (c *Identities) Endpoint(ctx context.Context, user arn.ARN, id string) (Endpoint, error) {
	u, err := c.person(ctx, c.DB, user)
	if err != nil {
		return Endpoint{}, err
	}
	return c.endpointIn(ctx, c.DB, u, id)
}

// Endpoints lists the endpoints of a user.
func (c *Identities) Endpoints(ctx context.Context, user arn.ARN, p core.Page) ([]Endpoint, string, error) {
	u, err := c.person(ctx, c.DB, user)
	if err != nil {
		return nil, "", err
	}
	name := core.List("endpoints", core.Itoa(u.No))
	after, err := p.Key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Endpoint).fields, endpointSQL+`AND id > $2 ORDER BY id LIMIT $3`, u.No, after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	all, next := core.Cut(all, p, name, func(e Endpoint) string { return e.ID })
	return all, next, nil
}

// UpdateEndpoint changes what is not nil.
func (c *Identities) UpdateEndpoint(ctx context.Context, user arn.ARN, id string, name, allow *string) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.person(tx.Context(), tx, user)
		if err != nil {
			return err
		}
		if _, err := c.endpointIn(tx.Context(), tx, u, id); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE app_instance_user_endpoint SET name = coalesce($3, name),
 allow_messages = coalesce($4, allow_messages), updated_ms = $5 WHERE member = $1 AND id = $2`, u.No, id, name, allow, core.NowMS())
		return err
	})
}

// DeregisterEndpoint forgets an endpoint; Denied if there is none.
func (c *Identities) DeregisterEndpoint(ctx context.Context, user arn.ARN, id string) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		u, err := c.person(tx.Context(), tx, user)
		if err != nil {
			return err
		}
		if _, err := c.endpointIn(tx.Context(), tx, u, id); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM app_instance_user_endpoint WHERE member = $1 AND id = $2`, u.No, id)
		return err
	})
}
