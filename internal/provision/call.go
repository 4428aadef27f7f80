package provision

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// call is one announced call to the provider: all rows have the same event, kind and task.
type call struct {
	rows    []row
	channel arn.ARN // of the event, "" until made
	base    base
	bearer  arn.ARN   // the admin account that acts; "" where none does
	slot    pace.Slot // when it may start
}

func (c call) first() row { return c.rows[0] }

// op names the provider's operation, for the buckets of the pace.
func (c call) op() string {
	r := c.first()
	switch r.Task {
	case taskJoin:
		return "BatchCreateChannelMembership"
	case taskRename:
		return map[kind]string{kindChannel: "UpdateChannel", kindUser: "UpdateAppInstanceUser"}[r.Kind]
	case taskDelete:
		return map[kind]string{kindInstance: "DeleteAppInstance", kindChannel: "DeleteChannel", kindUser: "DeleteAppInstanceUser",
			kindMembership: "DeleteChannelMembership", kindModerator: "DeleteChannelModerator"}[r.Kind]
	case taskCreate:
		return map[kind]string{kindInstance: "CreateAppInstance", kindAdminUser: "CreateAppInstanceUser", kindAdmin: "CreateAppInstanceAdmin",
			kindChannel: "CreateChannel", kindUser: "CreateAppInstanceUser", kindModerator: "CreateChannelModerator"}[r.Kind]
	}
	return ""
}

// endsAll reports whether the call takes everything of its event along: from now on there is no way back.
func (c call) endsAll() bool {
	k := c.first().Kind
	return c.first().Task == taskDelete && (k == kindInstance || k == kindChannel)
}

// paced says whose limits the call counts against.
func (c call) paced() pace.Call {
	out := pace.Call{Op: c.op(), Instance: c.base.instance, Bearer: c.bearer}
	switch r := c.first(); r.Kind {
	case kindInstance:
		if r.Task == taskDelete {
			out.Instance = r.ARN
		}
	case kindChannel:
		if r.State == made {
			out.Channel = r.ARN
		}
	case kindMembership, kindModerator:
		out.Channel = c.channel
	case kindUser:
		out.User = c.base.user(r)
	case kindAdminUser, kindAdmin:
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
	switch r.Task {
	case taskJoin:
		return p.join(ctx, c)
	case taskRename:
		if r.Kind == kindChannel {
			return []answer{{arn: r.ARN, name: r.WantName, err: p.chime.RenameChannel(ctx, c.bearer, r.ARN, r.WantName)}}
		}
		return []answer{{arn: r.ARN, name: r.WantName, err: p.chime.RenameUser(ctx, r.ARN, r.WantName)}}
	case taskDelete:
		return []answer{{err: gone(p.remove(ctx, c))}}
	case taskCreate:
		return []answer{p.create(ctx, c)}
	}
	return []answer{{err: fmt.Errorf("no such task %q", r.Task)}}
}

func (p *Provisioner) create(ctx context.Context, c call) answer {
	r, b := c.first(), c.base
	switch r.Kind {
	case kindInstance:
		return p.createInstance(ctx, c)
	case kindAdminUser:
		a, err := p.chime.CreateUser(ctx, b.instance, adminUser(r.Subject), r.Name, r.token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.instance.User(adminUser(r.Subject)))
	case kindAdmin:
		return existing(r, answer{err: p.chime.CreateAdmin(ctx, b.instance, b.instance.User(adminUser(r.Subject)))}, "")
	case kindChannel:
		a, err := p.chime.CreateChannel(ctx, b.admin, b.instance, string(r.Event), r.Name, r.token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.instance.Channel(string(r.Event)))
	case kindUser:
		a, err := p.chime.CreateUser(ctx, b.instance, id.ChatUser(r.Role, r.Subject), r.Name, r.token(b))
		return existing(r, answer{arn: a, name: r.Name, err: err}, b.user(r))
	case kindModerator:
		return existing(r, answer{err: p.chime.CreateModerator(ctx, c.bearer, c.channel, b.user(r))}, "")
	case kindMembership:
		return p.join(ctx, c)[0]
	}
	return answer{err: fmt.Errorf("no such kind %q", r.Kind)}
}

// createInstance looks for the app instance by name before it repeats a create whose answer is unknown: the provider
// chooses this one id, and remembers request tokens for a limited time only.
func (p *Provisioner) createInstance(ctx context.Context, c call) answer {
	r, name, client := c.first(), c.base.appInstanceName(), p.chime
	if r.Attempts > 1 {
		found, ok, err := p.waiting.FindAppInstance(ctx, name)
		if err != nil || ok {
			return answer{arn: found, name: name, err: err}
		}
		client = p.waiting // its own slot has passed
	}
	a, err := client.CreateAppInstance(ctx, name, r.token(c.base))
	return answer{arn: a, name: name, err: err}
}

// join adds users to the channel. Who is not named among the errors is in.
func (p *Provisioner) join(ctx context.Context, c call) []answer {
	users := make([]arn.ARN, len(c.rows))
	for i, r := range c.rows {
		users[i] = c.base.user(r)
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
	case kindInstance:
		return p.removeInstance(ctx, c)
	case kindChannel:
		return p.chime.DeleteChannel(ctx, c.bearer, b.instance.Channel(string(r.Event)))
	case kindUser:
		return p.chime.DeleteUser(ctx, b.user(r))
	case kindMembership:
		return p.chime.DeleteMembership(ctx, c.bearer, c.channel, b.user(r))
	case kindModerator:
		return p.chime.DeleteModerator(ctx, c.bearer, c.channel, b.user(r))
	case kindAdminUser, kindAdmin:
		// They go with their app instance.
	}
	return fmt.Errorf("a %q is never deleted", r.Kind)
}

// removeInstance deletes an app instance; after a lost create, whatever has its name.
func (p *Provisioner) removeInstance(ctx context.Context, c call) error {
	if instance := c.first().ARN; instance != "" {
		return p.chime.DeleteAppInstance(ctx, instance)
	}
	instance, ok, err := p.waiting.FindAppInstance(ctx, c.base.appInstanceName())
	if err != nil || !ok {
		return err
	}
	return p.waiting.DeleteAppInstance(ctx, instance)
}

// existing turns a create's Conflict into success: the ids are ours, so what is there is what we wanted. A first attempt
// that meets it found something older, whose name is not known, and decide asks for a rename; a repeated one met itself.
func existing(r row, a answer, ours arn.ARN) answer {
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
