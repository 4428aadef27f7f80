// Package tag is the tags of resources: app instances, users, bots, channels and channel flows carry up to 50 pairs of key
// and value (API reference, TagResource). IAM conditions may ask for them.
package tag

import (
	"context"
	"strings"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Max is how many tags a resource may have.
const Max = 50

// Tag is one pair. The key is unique for a resource, case matters.
type Tag struct{ Key, Value string }

// Tags is the room. Safe for concurrent use.
type Tags struct{ *core.Core }

// Put sets tags of a resource in the running write; other keys stay as they are.
func Put(tx *db.Tx, app string, kind arn.Kind, id string, tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return fault.New(fault.Invalid, "tag", "The key of a tag must not begin with \"aws:\".").On("Tags")
		case seen[t.Key]:
			return fault.New(fault.Invalid, "tag", "The key of a tag is given twice.").On("Tags")
		}
		seen[t.Key] = true
		if _, err := tx.Exec(`INSERT INTO resource_tag (app, kind, id, key, value) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (app, kind, id, key) DO UPDATE SET value = excluded.value`, app, string(kind), id, t.Key, t.Value); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	n, err := db.Value[int](tx.Context(), tx, `SELECT count(*) FROM resource_tag WHERE app = $1 AND kind = $2 AND id = $3`,
		app, string(kind), id)
	if err == nil && n > Max {
		err = fault.New(fault.Invalid, quota.CodeLimit, "A resource has at most %d tags.", Max)
	}
	return err
}

// Drop removes every tag of a resource that is deleted in the running write.
func Drop(tx *db.Tx, app string, kind arn.Kind, id string) error {
	_, err := tx.Exec(`DELETE FROM resource_tag WHERE app = $1 AND kind = $2 AND id = $3`, app, string(kind), id)
	return err
}

// exists says, for each kind, how to find out whether the resource is there.
var exists = map[arn.Kind]string{
	arn.KindAppInstance: `SELECT EXISTS (SELECT 1 FROM app_instance i WHERE i.id = $1 AND i.deleted_ms = 0 AND $2 = '')`,
	arn.KindUser:        inInstance + `app_instance_user` + withID,
	arn.KindBot:         inInstance + `app_instance_user` + withID,
	arn.KindChannel:     inInstance + `channel` + withID,
	arn.KindChannelFlow: inInstance + `channel_flow` + withID,
}

const (
	inInstance = `SELECT EXISTS (SELECT 1 FROM app_instance i JOIN `
	withID     = ` r ON r.app = i.id AND r.id = $2 WHERE i.id = $1 AND i.deleted_ms = 0)`
)

// resource is a tagged thing as the tables know it. key is its id in the table of its kind.
type resource struct {
	core.Ref
	kind arn.Kind
	key  string
}

func (c *Tags) find(ctx context.Context, q db.Querier, a arn.ARN) (resource, error) {
	missing := fault.New(fault.Denied, "resource", "The resource does not exist.")
	p, err := arn.Parse(string(a))
	if err != nil {
		return resource{}, missing
	}
	ref, ok := c.Find(a, p.Kind)
	text := exists[p.Kind]
	if !ok || text == "" {
		return resource{}, missing
	}
	r := resource{Ref: ref, kind: p.Kind, key: ref.ID}
	if p.Kind == arn.KindBot {
		r.key = core.BotID(ref.ID)
	}
	there, err := db.Value[bool](ctx, q, text, r.App, r.key)
	if err == nil && !there {
		err = missing
	}
	return r, err
}

// Tag sets tags of a resource.
func (c *Tags) Tag(ctx context.Context, a arn.ARN, tags []Tag) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		r, err := c.find(tx.Context(), tx, a)
		if err != nil {
			return err
		}
		return Put(tx, r.App, r.kind, r.ID, tags)
	})
}

// Untag removes tags by their keys; what is not there stays away.
func (c *Tags) Untag(ctx context.Context, a arn.ARN, keys []string) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		r, err := c.find(tx.Context(), tx, a)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if _, err := tx.Exec(`DELETE FROM resource_tag WHERE app = $1 AND kind = $2 AND id = $3 AND key = $4`,
				r.App, string(r.kind), r.ID, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// TagsOf lists the tags of a resource in the order of their keys.
func (c *Tags) TagsOf(ctx context.Context, a arn.ARN) ([]Tag, error) {
	r, err := c.find(ctx, c.DB, a)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, c.DB, func(t *Tag) []any { return []any{&t.Key, &t.Value} },
		`SELECT key, value FROM resource_tag WHERE app = $1 AND kind = $2 AND id = $3 ORDER BY key`, r.App, string(r.kind), r.ID)
}
