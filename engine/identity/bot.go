package identity

import (
	"context"
	"database/sql"
	"errors"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Bot is an app instance bot. It can be a member and act as a bearer like a user; its Lex configuration is kept and
// given back, and nobody at Lex is ever asked.
type Bot struct {
	User
	Configuration string // JSON
}

// NewBot is what CreateBot needs.
type NewBot struct {
	Instance                      arn.ARN
	Name, Metadata, Configuration string
	Tags                          []tag.Tag
}

// CreateBot makes a bot under an id of ours. The same token and input give the same ARN.
func (c *Identities) CreateBot(ctx context.Context, token string, in NewBot) (arn.ARN, error) {
	req := core.NewRequest("CreateAppInstanceBot\n"+string(in.Instance), token, in)
	fresh := id.NewUUID()
	var made arn.ARN
	err := c.Write(ctx, func(tx *db.Tx) error {
		if _, err := c.InstanceIn(tx.Context(), tx, in.Instance); err != nil {
			return err
		}
		old, err := req.Standing(tx, func(old string) error {
			_, err := c.UserIn(tx.Context(), tx, arn.ARN(old))
			return err
		})
		if made = arn.ARN(old); err != nil || old != "" {
			return err
		}
		made = in.Instance.Child(arn.KindBot, fresh)
		app, now := in.Instance.ID(), core.NowMS()
		if _, err := tx.Exec(`INSERT INTO app_instance_user (app, id, no, name, metadata, created_ms, updated_ms, kind, configuration)
VALUES ($1, $2, $3, $4, $5, $6, $6, 'bot', $7)`, app, core.BotID(fresh), core.NewNo(), in.Name, in.Metadata, now, in.Configuration); err != nil {
			return err
		}
		if err := tag.Put(tx, app, arn.KindBot, fresh, in.Tags); err != nil {
			return err
		}
		return req.Remember(tx, string(made), now)
	})
	return made, err
}

func (b *Bot) fields() []any { return append(b.User.fields(), &b.Configuration) }

const botSQL = `SELECT ` + userColumns + `, u.configuration FROM app_instance_user u
JOIN app_instance i ON i.id = u.app AND i.deleted_ms = 0 WHERE u.app = $1 AND u.kind = 'bot' `

// Bot reads a bot; a NotFound fault says that there is none.
func (c *Identities) Bot(ctx context.Context, bot arn.ARN) (Bot, error) {
	return c.botIn(ctx, c.DB, bot)
}

func (c *Identities) botIn(ctx context.Context, q db.Querier, bot arn.ARN) (Bot, error) {
	missing := fault.New(fault.NotFound, "bot", "The app instance bot does not exist.")
	r, ok := c.Find(bot, arn.KindBot)
	if !ok {
		return Bot{}, missing
	}
	b, err := db.One(ctx, q, (*Bot).fields, botSQL+`AND u.id = $2`, r.App, core.BotID(r.ID))
	if errors.Is(err, sql.ErrNoRows) {
		return b, missing
	}
	b.ARN = bot
	return b, err
}

// Bots lists the bots of an app instance.
func (c *Identities) Bots(ctx context.Context, instance arn.ARN, p core.Page) ([]Bot, string, error) {
	if _, err := c.Instance(ctx, instance); err != nil {
		return nil, "", err
	}
	name := core.List("bots", string(instance))
	after, err := p.Key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Bot).fields, botSQL+`AND u.id > $2 ORDER BY u.id LIMIT $3`, instance.ID(), after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		all[i].ARN = c.UserARN(instance.ID(), all[i].ID)
	}
	all, next := core.Cut(all, p, name, func(b Bot) string { return b.ID })
	return all, next, nil
}

// UpdateBot replaces name and metadata, and the configuration if it is not "".
func (c *Identities) UpdateBot(ctx context.Context, bot arn.ARN, name, metadata, configuration string) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		b, err := c.botIn(tx.Context(), tx, bot)
		if err != nil {
			return err
		}
		if configuration == "" {
			configuration = b.Configuration
		}
		_, err = tx.Exec(`UPDATE app_instance_user SET name = $2, metadata = $3, configuration = $4, updated_ms = $5 WHERE no = $1`,
			b.No, name, metadata, configuration, core.NowMS())
		return err
	})
}

// DeleteBot removes a bot as DeleteUser removes a user.
func (c *Identities) DeleteBot(ctx context.Context, bot arn.ARN) error {
	return c.removing(ctx, func(tx *db.Tx) (User, error) {
		b, err := c.botIn(tx.Context(), tx, bot)
		return b.User, err
	})
}
