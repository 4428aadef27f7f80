package provision

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
)

// call is one announced call to the provider: all rows have the same event, kind and task.
type call struct {
	rows    []ledger.Row
	channel arn.ARN // of the event, "" until made
	base    ledger.Base
	bearer  arn.ARN   // the admin account that acts; "" where none does
	slot    pace.Slot // when it may start
}

func (c call) first() ledger.Row { return c.rows[0] }

// op names the provider's operation, for the buckets of the pace.
func (c call) op() string {
	r := c.first()
	switch r.Task {
	case ledger.TaskJoin:
		return "BatchCreateChannelMembership"
	case ledger.TaskRename:
		return map[ledger.Kind]string{ledger.KindChannel: "UpdateChannel", ledger.KindUser: "UpdateAppInstanceUser"}[r.Kind]
	case ledger.TaskDelete:
		return map[ledger.Kind]string{ledger.KindInstance: "DeleteAppInstance", ledger.KindChannel: "DeleteChannel", ledger.KindUser: "DeleteAppInstanceUser",
			ledger.KindMembership: "DeleteChannelMembership", ledger.KindModerator: "DeleteChannelModerator"}[r.Kind]
	case ledger.TaskCreate:
		return map[ledger.Kind]string{ledger.KindInstance: "CreateAppInstance", ledger.KindAdminUser: "CreateAppInstanceUser", ledger.KindAdmin: "CreateAppInstanceAdmin",
			ledger.KindChannel: "CreateChannel", ledger.KindUser: "CreateAppInstanceUser", ledger.KindModerator: "CreateChannelModerator"}[r.Kind]
	}
	return ""
}

// endsAll reports whether the call takes everything of its event along: from now on there is no way back.
func (c call) endsAll() bool {
	k := c.first().Kind
	return c.first().Task == ledger.TaskDelete && (k == ledger.KindInstance || k == ledger.KindChannel)
}

// paced says whose limits the call counts against.
func (c call) paced() pace.Call {
	out := pace.Call{Op: c.op(), Instance: c.base.Instance, Bearer: c.bearer}
	switch r := c.first(); r.Kind {
	case ledger.KindInstance:
		if r.Task == ledger.TaskDelete {
			out.Instance = r.ARN
		}
	case ledger.KindChannel:
		if r.State == ledger.Made {
			out.Channel = r.ARN
		}
	case ledger.KindMembership, ledger.KindModerator:
		out.Channel = c.channel
	case ledger.KindUser:
		out.User = c.base.User(r)
	case ledger.KindAdminUser, ledger.KindAdmin:
	}
	return out
}

// answer is what the provider said about one row.
type answer struct {
	arn  arn.ARN
	name string // that the provider shows now; "" if we cannot know
	err  error
	// member says that err is about one member of a batch: the call itself was answered.
	member bool
}

// send makes the call and returns an answer per row.
func (p *Provisioner) send(ctx context.Context, c call) []answer {
	r := c.first()
	if r.Kind == ledger.KindInstance { // may have to look first
		if r.Task == ledger.TaskDelete {
			return []answer{{err: gone(p.removeInstance(ctx, c))}}
		}
		return []answer{p.createInstance(ctx, c)}
	}
	ctx = p.pace.Watch(ctx, c.slot)
	switch r.Task {
	case ledger.TaskJoin:
		return p.join(ctx, c)
	case ledger.TaskRename:
		if r.Kind == ledger.KindChannel {
			return []answer{{arn: r.ARN, name: r.WantName, err: p.chime.RenameChannel(ctx, c.bearer, r.ARN, r.WantName)}}
		}
		return []answer{{arn: r.ARN, name: r.WantName, err: p.chime.RenameUser(ctx, r.ARN, r.WantName)}}
	case ledger.TaskDelete:
		return []answer{{err: gone(p.remove(ctx, c))}}
	case ledger.TaskCreate:
		return []answer{p.create(ctx, c)}
	}
	return []answer{{err: fmt.Errorf("no such task %q", r.Task)}}
}

func (p *Provisioner) create(ctx context.Context, c call) answer {
	r, b := c.first(), c.base
	switch r.Kind {
	case ledger.KindAdminUser:
		a, err := p.chime.CreateUser(ctx, b.Instance, ledger.AdminUser(r.Subject), r.Name, r.Token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.Instance.User(ledger.AdminUser(r.Subject)))
	case ledger.KindAdmin:
		return existing(r, answer{err: p.chime.CreateAdmin(ctx, b.Instance, b.Instance.User(ledger.AdminUser(r.Subject)))}, "")
	case ledger.KindChannel:
		a, err := p.chime.CreateChannel(ctx, b.Admin, b.Instance, string(r.Event), r.Name, r.Token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.Instance.Channel(string(r.Event)))
	case ledger.KindUser:
		a, err := p.chime.CreateUser(ctx, b.Instance, id.ChatUser(r.Role, r.Subject), r.Name, r.Token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.User(r))
	case ledger.KindModerator:
		return existing(r, answer{err: p.chime.CreateModerator(ctx, c.bearer, c.channel, b.User(r))}, "")
	case ledger.KindMembership:
		return p.join(ctx, c)[0]
	case ledger.KindInstance: // see send
	}
	return answer{err: fmt.Errorf("no such kind %q", r.Kind)}
}

// createInstance looks for the app instance by name before it repeats a create whose answer is unknown: the provider
// chooses this one id, and remembers request tokens for a limited time only.
func (p *Provisioner) createInstance(ctx context.Context, c call) answer {
	r, name := c.first(), c.base.AppInstanceName()
	client, direct := p.chime, p.pace.Watch(ctx, c.slot)
	if r.Attempts > 1 {
		found, ok, err := p.waiting.FindAppInstance(ctx, name)
		if err != nil || ok {
			return answer{arn: found, name: name, err: err}
		}
		client, direct = p.waiting, ctx // its own slot has passed
	}
	a, err := client.CreateAppInstance(direct, name, r.Token(c.base))
	return answer{arn: a, name: name, err: err}
}

// join adds users to the channel. Who is not named among the errors is in.
func (p *Provisioner) join(ctx context.Context, c call) []answer {
	users := make([]arn.ARN, len(c.rows))
	for i, r := range c.rows {
		users[i] = c.base.User(r)
	}
	failed, err := p.chime.BatchCreateMembership(ctx, c.bearer, c.channel, users)
	bad := make(map[arn.ARN]error, len(failed))
	for _, f := range failed {
		bad[f.Member] = f.Err
	}
	out := make([]answer, len(c.rows))
	for i, u := range users {
		if out[i].err = err; err == nil {
			out[i] = existing(c.rows[i], answer{err: bad[u], member: bad[u] != nil}, "")
		}
	}
	return out
}

func (p *Provisioner) remove(ctx context.Context, c call) error {
	r, b := c.first(), c.base
	switch r.Kind {
	case ledger.KindChannel:
		return p.chime.DeleteChannel(ctx, c.bearer, b.Instance.Channel(string(r.Event)))
	case ledger.KindUser:
		return p.chime.DeleteUser(ctx, b.User(r))
	case ledger.KindMembership:
		return p.chime.DeleteMembership(ctx, c.bearer, c.channel, b.User(r))
	case ledger.KindModerator:
		return p.chime.DeleteModerator(ctx, c.bearer, c.channel, b.User(r))
	case ledger.KindInstance, ledger.KindAdminUser, ledger.KindAdmin:
		// See send; the others go with their app instance.
	}
	return fmt.Errorf("a %q is never deleted", r.Kind)
}

// removeInstance deletes an app instance; after a lost create, whatever has its name.
func (p *Provisioner) removeInstance(ctx context.Context, c call) error {
	if instance := c.first().ARN; instance != "" {
		return p.chime.DeleteAppInstance(p.pace.Watch(ctx, c.slot), instance)
	}
	instance, ok, err := p.waiting.FindAppInstance(ctx, c.base.AppInstanceName())
	if err != nil || !ok {
		return err
	}
	return p.waiting.DeleteAppInstance(ctx, instance)
}

// existing turns a create's Conflict into success: the ids are ours, so what is there is what we wanted. A first attempt
// that meets it found something older, whose name is not known, and decide asks for a rename; a repeated one met itself.
func existing(r ledger.Row, a answer, ours arn.ARN) answer {
	if !fault.Is(a.err, fault.Conflict) {
		return a
	}
	if r.Attempts > 1 {
		return answer{arn: ours, name: a.name}
	}
	return answer{arn: ours}
}

// gone turns a delete's "no such thing" into success.
func gone(err error) error {
	if chime.Missing(err) {
		return nil
	}
	return err
}
