package provision

import (
	"context"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// adminUser is the AppInstanceUserId of the installation's own account. It cannot be mistaken for a ticket's: those
// begin with one letter and a dash.
const adminUser = "stagedoor-admin"

// base is what every call needs to know: where things are made and who makes them. Fields are "" until made.
type base struct {
	installation string
	instance     arn.ARN
	admin        arn.ARN
}

func (b base) appInstanceName() string { return "stagedoor-" + b.installation }

// user is the account of the row's ticket.
func (b base) user(r row) arn.ARN { return b.instance.User(id.ChatUser(r.Role, r.Subject)) }

// call is one announced call to the provider: all rows have the same event, kind and task.
type call struct {
	rows    []row
	channel arn.ARN // of the event, "" until made
	base    base
}

func (c call) first() row { return c.rows[0] }

// op names the provider's operation, for the buckets of the pace.
func (c call) op() string {
	r := c.first()
	switch r.Task {
	case taskJoin:
		return "BatchCreateChannelMembership"
	case taskRename:
		return "UpdateAppInstanceUser"
	case taskDelete:
		return map[kind]string{kindChannel: "DeleteChannel", kindUser: "DeleteAppInstanceUser",
			kindMembership: "DeleteChannelMembership", kindModerator: "DeleteChannelModerator"}[r.Kind]
	case taskCreate:
		return map[kind]string{kindInstance: "CreateAppInstance", kindAdminUser: "CreateAppInstanceUser", kindAdmin: "CreateAppInstanceAdmin",
			kindChannel: "CreateChannel", kindUser: "CreateAppInstanceUser", kindModerator: "CreateChannelModerator"}[r.Kind]
	}
	return ""
}

// answer is what the provider said about one row.
type answer struct {
	arn  arn.ARN
	name string // that the provider shows now; "" if we cannot know
	err  error
}

// send makes the call and returns an answer per row. slot waits for the pace before each further request that the call
// turns out to need.
func (p *Provisioner) send(ctx context.Context, c call, slot func(op string) error) []answer {
	r := c.first()
	switch r.Task {
	case taskJoin:
		return p.join(ctx, c)
	case taskRename:
		return []answer{{r.ARN, r.WantName, p.chime.RenameUser(ctx, r.ARN, r.WantName)}}
	case taskDelete:
		return []answer{{err: gone(p.remove(ctx, c))}}
	case taskCreate:
		return []answer{p.create(ctx, c, slot)}
	}
	return []answer{{err: fmt.Errorf("no such task %q", r.Task)}}
}

// token is the request token of a create: the same for every repeat of one generation.
func (r row) token(b base) string {
	of := string(r.Subject)
	if of == "" {
		of = string(r.Event)
	}
	if of == "" {
		of = b.installation
	}
	return fmt.Sprintf("%s-%s-%d", r.Kind, of, r.Generation)
}

func (p *Provisioner) create(ctx context.Context, c call, slot func(op string) error) answer {
	r, b := c.first(), c.base
	switch r.Kind {
	case kindInstance:
		return p.createInstance(ctx, c, slot)
	case kindAdminUser:
		a, err := p.chime.CreateUser(ctx, b.instance, adminUser, r.Name, r.token(b))
		return existing(answer{a, r.Name, err}, b.instance.User(adminUser))
	case kindAdmin:
		return existing(answer{err: p.chime.CreateAdmin(ctx, b.instance, b.admin)}, "")
	case kindChannel:
		a, err := p.chime.CreateChannel(ctx, b.admin, b.instance, string(r.Event), r.Name, r.token(b))
		return existing(answer{a, r.Name, err}, b.instance.Channel(string(r.Event)))
	case kindUser:
		a, err := p.chime.CreateUser(ctx, b.instance, id.ChatUser(r.Role, r.Subject), r.Name, r.token(b))
		return existing(answer{a, r.Name, err}, b.user(r))
	case kindModerator:
		return existing(answer{err: p.chime.CreateModerator(ctx, b.admin, c.channel, b.user(r))}, "")
	case kindMembership:
		return p.join(ctx, c)[0]
	}
	return answer{err: fmt.Errorf("no such kind %q", r.Kind)}
}

// createInstance looks for the app instance by name before it repeats a create whose answer is unknown: the provider
// chooses this one id, and remembers request tokens for a limited time only.
func (p *Provisioner) createInstance(ctx context.Context, c call, slot func(op string) error) answer {
	r, name := c.first(), c.base.appInstanceName()
	if r.Attempts > 1 {
		for next := ""; ; {
			page, err := p.chime.ListAppInstances(ctx, next)
			if err != nil {
				return answer{err: err}
			}
			for _, a := range page.Items {
				if a.Name == name {
					return answer{arn: a.ARN, name: name}
				}
			}
			if err := slot("ListAppInstances"); err != nil {
				return answer{err: err}
			}
			if next = page.Next; next == "" {
				break
			}
		}
	}
	a, err := p.chime.CreateAppInstance(ctx, name, r.token(c.base))
	return answer{a, name, err}
}

// join adds users to the channel. Who is not named among the errors is in.
func (p *Provisioner) join(ctx context.Context, c call) []answer {
	users := make([]arn.ARN, len(c.rows))
	for i, r := range c.rows {
		users[i] = c.base.user(r)
	}
	failed, err := p.chime.BatchCreateMembership(ctx, c.base.admin, c.channel, users)
	bad := make(map[arn.ARN]error, len(failed))
	for _, f := range failed {
		bad[f.Member] = f.Err
	}
	out := make([]answer, len(c.rows))
	for i, u := range users {
		if out[i].err = err; err == nil {
			out[i] = existing(answer{err: bad[u]}, "")
		}
	}
	return out
}

func (p *Provisioner) remove(ctx context.Context, c call) error {
	r, b := c.first(), c.base
	switch r.Kind {
	case kindChannel:
		return p.chime.DeleteChannel(ctx, b.admin, b.instance.Channel(string(r.Event)))
	case kindUser:
		return p.chime.DeleteUser(ctx, b.user(r))
	case kindMembership:
		return p.chime.DeleteMembership(ctx, b.admin, c.channel, b.user(r))
	case kindModerator:
		return p.chime.DeleteModerator(ctx, b.admin, c.channel, b.user(r))
	case kindInstance, kindAdminUser, kindAdmin:
		// Never unwanted: the installation keeps its own.
	}
	return fmt.Errorf("a %q is never deleted", r.Kind)
}

// existing turns a create's Conflict into success: the ids are ours, so what is there is what we wanted. Its name is not
// known then, and decide asks for a rename.
func existing(a answer, ours arn.ARN) answer {
	if fault.Is(a.err, fault.Conflict) {
		return answer{arn: ours}
	}
	return a
}

// gone turns a delete's "no such thing" into success. Operations without a 404 answer Forbidden for an unknown resource
// (Amazon Chime SDK API reference: errors of DeleteChannel, DeleteAppInstanceUser).
func gone(err error) error {
	if fault.Is(err, fault.NotFound) || fault.HasCode(err, chime.CodeForbidden) {
		return nil
	}
	return err
}
