package provisiontest

import (
	"fmt"
	"net/http"
	"time"
)

// instance is an app instance with all that is inside. Users are known by ARN, channels too.
type instance struct {
	name     string
	stranger bool
	users    shelf[*user]
	admins   shelf[struct{}]
	channels shelf[*channel]
}

type user struct {
	name     string
	stranger bool
}

// account is the part of an ARN before the app instance's id.
const account = "arn:aws:chime:us-east-1:000000000000:app-instance/"

// effect does what a request asks for.
func (p *Provider) effect(q *request) answer {
	switch q.op {
	case "CreateAppInstance":
		return p.createInstance(q)
	case "ListAppInstances":
		return page(q, &p.instances, "AppInstances", func(a string, i *instance) map[string]any {
			return map[string]any{"AppInstanceArn": a, "Name": i.name}
		})
	}
	in, ok := p.instances.get(q.call.Instance)
	if !ok {
		return refuse(http.StatusForbidden, "Forbidden")
	}
	switch q.op {
	case "DescribeAppInstance":
		return answer{status: 200, body: map[string]any{"AppInstance": map[string]any{"AppInstanceArn": q.call.Instance, "Name": in.name}}}
	case "DeleteAppInstance":
		p.harm(in.stranger, q.call.Instance)
		in.users.all(func(a string, u *user) bool { p.harm(u.stranger, a); return true })
		in.channels.all(func(a string, c *channel) bool { p.harm(c.stranger, a); return true })
		p.instances.drop(q.call.Instance)
		q.call.Name = in.name
		return q.did(Removed, 204, nil)
	case "CreateAppInstanceAdmin", "ListAppInstanceAdmins", "DeleteAppInstanceAdmin":
		return p.admin(q, in)
	case "CreateAppInstanceUser":
		return p.createUser(q, in)
	case "ListAppInstanceUsers":
		return page(q, &in.users, "AppInstanceUsers", func(a string, u *user) map[string]any {
			return map[string]any{"AppInstanceUserArn": a, "Name": u.name}
		})
	case "DescribeAppInstanceUser", "UpdateAppInstanceUser", "DeleteAppInstanceUser":
		return p.oneUser(q, in)
	}
	return p.messaging(q, in)
}

// did writes an effect into the books.
func (q *request) did(e Effect, status int, body map[string]any) answer {
	q.call.Effect = e
	return answer{status: status, body: body}
}

// harm writes down that a stranger's thing was changed.
func (p *Provider) harm(stranger bool, what string) {
	if stranger {
		p.harmed = append(p.harmed, what)
	}
}

// remembered looks a request token up.
func (p *Provider) remembered(q *request) (token, bool) {
	t, ok := p.tokens[q.op+" "+q.text("ClientRequestToken")]
	if !ok || p.ForgetsTokens || (p.TokenLife > 0 && time.Since(t.at) >= p.TokenLife) {
		return token{}, false
	}
	return t, true
}

// reuse writes down when a create asks with the request token of something that is gone.
func (p *Provider) reuse(q *request) {
	if t, ok := p.tokens[q.op+" "+q.text("ClientRequestToken")]; ok && !p.there(t.made) {
		p.reused = append(p.reused, q.op+" "+q.text("ClientRequestToken"))
	}
}

// there reports whether there is an app instance, user or channel with an ARN.
func (p *Provider) there(a string) bool {
	in, ok := p.instances.get(home(a))
	return ok && (a == home(a) || in.users.has(a) || in.channels.has(a))
}

func (p *Provider) remember(q *request, made, name string) {
	p.tokens[q.op+" "+q.text("ClientRequestToken")] = token{time.Now(), made, name}
}

func (p *Provider) createInstance(q *request) answer {
	name := q.text("Name")
	p.reuse(q)
	if t, ok := p.remembered(q); ok && p.instances.has(t.made) {
		if t.name != name {
			return refuse(http.StatusConflict, "Conflict")
		}
		return answer{status: 201, body: map[string]any{"AppInstanceArn": t.made}}
	}
	if full(p.Quotas.Instances, p.instances.len()) {
		return overQuota()
	}
	a := p.newInstance(name, false)
	p.remember(q, a, name)
	return q.did(Made, 201, map[string]any{"AppInstanceArn": a})
}

func (p *Provider) newInstance(name string, stranger bool) string {
	p.serial++
	a := fmt.Sprintf("%s%08d", account, p.serial)
	p.instances.put(a, &instance{name: name, stranger: stranger})
	p.born[a]++
	return a
}

func full(most, have int) bool { return most > 0 && have >= most }

func overQuota() answer { return refuse(http.StatusBadRequest, "ResourceLimitExceeded") }

func (p *Provider) admin(q *request, in *instance) answer {
	if q.op == "ListAppInstanceAdmins" {
		return page(q, &in.admins, "AppInstanceAdmins", func(a string, _ struct{}) map[string]any {
			return map[string]any{"Admin": p.identity(in, a)}
		})
	}
	a := q.call.User
	switch {
	case !in.users.has(a):
		return refuse(http.StatusForbidden, "Forbidden")
	case q.op == "DeleteAppInstanceAdmin":
		if !in.admins.drop(a) {
			return refuse(http.StatusForbidden, "Forbidden")
		}
		return q.did(Removed, 204, nil)
	case in.admins.has(a):
		return refuse(http.StatusConflict, "Conflict")
	case full(p.Quotas.Admins, in.admins.len()):
		return overQuota()
	}
	in.admins.put(a, struct{}{})
	return q.did(Made, 201, map[string]any{"AppInstanceArn": q.call.Instance, "AppInstanceAdmin": p.identity(in, a)})
}

func (p *Provider) identity(in *instance, a string) map[string]any {
	who := map[string]any{"Arn": a}
	if u, ok := in.users.get(a); ok {
		who["Name"] = u.name
	}
	return who
}

func (p *Provider) createUser(q *request, in *instance) answer {
	a, name := q.call.User, q.text("Name")
	p.reuse(q)
	if name == "" || len([]rune(name)) > 100 {
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	if u, ok := in.users.get(a); ok {
		if t, again := p.remembered(q); u.name != name && (!again || t.name != name) {
			return refuse(http.StatusConflict, "Conflict")
		}
		return answer{status: 201, body: map[string]any{"AppInstanceUserArn": a}}
	}
	if full(p.Quotas.Users, in.users.len()) {
		return overQuota()
	}
	in.users.put(a, &user{name: name})
	p.born[a]++
	p.remember(q, a, name)
	return q.did(Made, 201, map[string]any{"AppInstanceUserArn": a})
}

func (p *Provider) oneUser(q *request, in *instance) answer {
	a := q.call.User
	u, ok := in.users.get(a)
	switch {
	case !ok:
		return refuse(http.StatusForbidden, "Forbidden")
	case q.op == "DescribeAppInstanceUser":
		return answer{status: 200, body: map[string]any{"AppInstanceUser": map[string]any{"AppInstanceUserArn": a, "Name": u.name}}}
	case q.op == "UpdateAppInstanceUser":
		p.harm(u.stranger, a)
		if u.name == q.text("Name") {
			return answer{status: 200, body: map[string]any{"AppInstanceUserArn": a}}
		}
		u.name = q.text("Name")
		return q.did(Changed, 200, map[string]any{"AppInstanceUserArn": a})
	}
	p.harm(u.stranger, a)
	in.drop(a)
	return q.did(Removed, 204, nil)
}

// drop takes a user out of the app instance and of every channel.
func (in *instance) drop(a string) {
	in.users.drop(a)
	in.admins.drop(a)
	in.channels.all(func(_ string, c *channel) bool {
		c.members.drop(a)
		c.moderators.drop(a)
		c.bans.drop(a)
		return true
	})
}
