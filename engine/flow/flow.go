// Package flow is the channel flows: which there are, which channel has which, and the runs of messages through their
// processors. What a message is, and what an answer means for it, is engine/message's (interface Lines).
//
// A processor stands in the API for a Lambda function; here it is an HTTP endpoint (Config.Processors). A run is a row,
// written in the transaction that accepts the message, so it survives whatever happens to the process:
//
//	READY ──invoked──► CALLED ──answer──► READY for the next processor, or DONE
//	  │                  │
//	  └──tries used up───┴──deadline──► the processor's fallback: as if it had answered, or DONE
//
// An answer may come while the invocation still runs, so READY takes one too.
package flow

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/hook"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/role"
	"github.com/stagedoor/stagedoor/engine/tag"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Config says where processors are and how long they are waited for.
type Config struct {
	Processors map[string]string // Lambda ARN → http:// or https:// URL
	Poster     *hook.Poster
	Logger     *slog.Logger // nil: nobody is told

	// Deadline is how long a message waits for answers, from when it was sent; 0 means Amazon's 48 hours.
	Deadline time.Duration
	// Pauses are waited before each repeat of an invocation that failed; nil means one and two seconds. Lambda repeats
	// an asynchronous invocation twice, too.
	Pauses []time.Duration
}

// Flows is the room. Safe for concurrent use.
type Flows struct {
	*role.Roles
	ids  *identity.Identities
	cfg  Config
	wake chan struct{} // tells Run that a run is READY
}

// New makes the room.
func New(r *role.Roles, ids *identity.Identities, cfg Config) *Flows {
	cfg.Deadline = cmp.Or(cfg.Deadline, 48*time.Hour)
	if cfg.Pauses == nil {
		cfg.Pauses = []time.Duration{time.Second, 2 * time.Second}
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	return &Flows{r, ids, cfg, make(chan struct{}, 1)}
}

// Processor is the structure Processor of the API.
type Processor struct {
	Name           string
	Configuration  Configuration
	ExecutionOrder int    // 1 to 3, each once in a flow
	FallbackAction string // CONTINUE or ABORT
}

// Configuration is the structure ProcessorConfiguration.
type Configuration struct{ Lambda Lambda }

// Lambda is the structure LambdaConfiguration.
type Lambda struct {
	ResourceArn    string
	InvocationType string // ASYNC
}

// Flow is a channel flow.
type Flow struct {
	ARN                  arn.ARN
	Name                 string
	Processors           []Processor // as they were given; they run by ExecutionOrder
	CreatedMS, UpdatedMS int64

	no              int64
	app, id, inJSON string
}

const flowColumns = `no, app, id, name, processors, created_ms, updated_ms`

func (f *Flow) fields() []any {
	return []any{&f.no, &f.app, &f.id, &f.Name, &f.inJSON, &f.CreatedMS, &f.UpdatedMS}
}

func (c *Flows) named(f Flow) (Flow, error) {
	f.ARN = c.InstanceARN(f.app).Child(arn.KindChannelFlow, f.id)
	return f, json.Unmarshal([]byte(f.inJSON), &f.Processors)
}

func errFlow() error {
	return fault.New(fault.NotFound, "channel_flow", "The channel flow does not exist.")
}

func (c *Flows) flow(ctx context.Context, q db.Querier, flow arn.ARN) (Flow, error) {
	r, ok := c.Find(flow, arn.KindChannelFlow)
	if !ok {
		return Flow{}, errFlow()
	}
	f, err := db.One(ctx, q, (*Flow).fields, `SELECT `+flowColumns+` FROM channel_flow f WHERE app = $1 AND id = $2
AND EXISTS (SELECT 1 FROM app_instance i WHERE i.id = f.app AND i.deleted_ms = 0)`, r.App, r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return f, errFlow()
	}
	if err != nil {
		return f, err
	}
	return c.named(f)
}

// lock is flow under the flow's row lock, so that on all nodes it is not deleted and given to a channel at once.
func (c *Flows) lock(tx *db.Tx, flow arn.ARN) (Flow, error) {
	r, _ := c.Find(flow, arn.KindChannelFlow)
	if _, err := tx.Exec(`UPDATE channel_flow SET updated_ms = updated_ms WHERE app = $1 AND id = $2`, r.App, r.ID); err != nil {
		return Flow{}, err
	}
	return c.flow(tx.Context(), tx, flow)
}

// check holds the processors against the quota, and their order against the guide: they run in it, so it must say one.
func (c *Flows) check(all []Processor) error {
	if err := c.Limits.Check(quota.FlowProcessors, 0, len(all)); err != nil {
		return err
	}
	seen := map[int]bool{}
	for _, p := range all {
		if seen[p.ExecutionOrder] {
			return fault.New(fault.Invalid, "execution_order", "Two processors have the ExecutionOrder %d.", p.ExecutionOrder).On("Processors")
		}
		seen[p.ExecutionOrder] = true
	}
	return nil
}

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structures
	}
	return string(text)
}

// NewFlow is what CreateFlow needs.
type NewFlow struct {
	Instance   arn.ARN
	Name       string
	Processors []Processor
	Tags       []tag.Tag
}

// CreateFlow makes a channel flow. The same token and input give the same ARN.
func (c *Flows) CreateFlow(ctx context.Context, token string, in NewFlow) (arn.ARN, error) {
	if err := c.check(in.Processors); err != nil {
		return "", err
	}
	req := core.NewRequest("CreateChannelFlow\n"+string(in.Instance), token, in)
	fresh := in.Instance.Child(arn.KindChannelFlow, id.NewUUID())
	var made arn.ARN
	err := c.Write(ctx, func(tx *db.Tx) error {
		if _, err := c.ids.InstanceIn(tx.Context(), tx, in.Instance); err != nil {
			return err
		}
		old, err := req.Standing(tx, func(old string) error {
			_, err := c.flow(tx.Context(), tx, arn.ARN(old))
			return err
		})
		if made = arn.ARN(old); err != nil || old != "" {
			return err
		}
		made = fresh
		now := core.NowMS()
		if err := c.insert(tx, in, made.ID(), now); err != nil {
			return err
		}
		return req.Remember(tx, string(made), now)
	})
	return made, err
}

func (c *Flows) insert(tx *db.Tx, in NewFlow, id string, now int64) error {
	app := in.Instance.ID()
	have, err := db.Value[int](tx.Context(), tx, `SELECT count(*) FROM channel_flow WHERE app = $1`, app)
	if err == nil {
		err = c.Limits.Check(quota.ChannelFlows, have, 1)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO channel_flow (no, app, id, name, processors, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $6)`, core.NewNo(), app, id, in.Name, toJSON(in.Processors), now); err != nil {
		return err
	}
	return tag.Put(tx, app, arn.KindChannelFlow, id, in.Tags)
}

// Flow reads a channel flow.
func (c *Flows) Flow(ctx context.Context, flow arn.ARN) (Flow, error) { return c.flow(ctx, c.DB, flow) }

// List lists the channel flows of an app instance.
func (c *Flows) List(ctx context.Context, instance arn.ARN, p core.Page) ([]Flow, string, error) {
	if _, err := c.ids.Instance(ctx, instance); err != nil {
		return nil, "", err
	}
	name := core.List("flows", instance.ID())
	after, err := p.Key(name)
	if err != nil {
		return nil, "", err
	}
	all, err := db.All(ctx, c.DB, (*Flow).fields, `SELECT `+flowColumns+` FROM channel_flow
WHERE app = $1 AND id > $2 ORDER BY id LIMIT $3`, instance.ID(), after, p.Limit()+1)
	if err != nil {
		return nil, "", err
	}
	for i := range all {
		if all[i], err = c.named(all[i]); err != nil {
			return nil, "", err
		}
	}
	all, next := core.Cut(all, p, name, func(f Flow) string { return f.id })
	return all, next, nil
}

// UpdateFlow replaces name and processors. Messages sent before go on with the processors of then.
func (c *Flows) UpdateFlow(ctx context.Context, flow arn.ARN, name string, processors []Processor) error {
	if err := c.check(processors); err != nil {
		return err
	}
	return c.Write(ctx, func(tx *db.Tx) error {
		f, err := c.lock(tx, flow)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE channel_flow SET name = $2, processors = $3, updated_ms = $4 WHERE no = $1`,
			f.no, name, toJSON(processors), core.NowMS())
		return err
	})
}

// DeleteFlow deletes a flow that no channel has any more. Messages it still holds go on to their end.
func (c *Flows) DeleteFlow(ctx context.Context, flow arn.ARN) error {
	return c.Write(ctx, func(tx *db.Tx) error {
		f, err := c.lock(tx, flow)
		if err != nil {
			return err
		}
		used, err := db.Value[bool](tx.Context(), tx, `SELECT EXISTS (SELECT 1 FROM channel WHERE flow = $1 AND flow <> 0)`, f.no)
		if err == nil && used {
			err = fault.New(fault.Conflict, "associated", "The channel flow is associated with a channel.")
		}
		if err != nil {
			return err
		}
		if err := tag.Drop(tx, f.app, arn.KindChannelFlow, f.id); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM channel_flow WHERE no = $1`, f.no)
		return err
	})
}

// inOrder returns the processors as they run.
func inOrder(all []Processor) []Processor {
	return slices.SortedStableFunc(slices.Values(all), func(a, b Processor) int { return a.ExecutionOrder - b.ExecutionOrder })
}
