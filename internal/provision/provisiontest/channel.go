package provisiontest

import (
	"net/http"
	"slices"
)

type channel struct {
	name                      string
	stranger                  bool
	members, moderators, bans shelf[struct{}] // user ARNs
}

// with404 are the operations that can say that there is no such channel; others forbid it.
var with404 = []string{"CreateChannelMembership", "BatchCreateChannelMembership", "DescribeChannelMembership", "DescribeChannelModerator",
	"DescribeChannelBan"}

// messaging does what an operation with a bearer asks for.
func (p *Provider) messaging(q *request, in *instance) answer {
	bearer := q.call.Bearer
	if !in.users.has(bearer) {
		return refuse(http.StatusUnauthorized, "Unauthorized")
	}
	admin := in.admins.has(bearer)
	switch q.op {
	case "CreateChannel":
		return p.createChannel(q, in)
	case "ListChannels":
		return listChannels(q, in, admin)
	}
	c, ok := in.channels.get(q.call.Channel)
	if !ok && slices.Contains(with404, q.op) {
		return refuse(http.StatusNotFound, "NotFound")
	}
	if !ok || (!admin && !c.moderators.has(bearer)) {
		return refuse(http.StatusForbidden, "Forbidden")
	}
	switch q.op {
	case "DescribeChannel":
		return answer{status: 200, body: map[string]any{"Channel": map[string]any{"ChannelArn": q.call.Channel, "Name": c.name}}}
	case "UpdateChannel":
		p.harm(c.stranger, q.call.Channel)
		c.name = q.text("Name")
		return q.did(Changed, 200, map[string]any{"ChannelArn": q.call.Channel})
	case "DeleteChannel":
		p.harm(c.stranger, q.call.Channel)
		in.channels.drop(q.call.Channel)
		return q.did(Removed, 204, nil)
	case "BatchCreateChannelMembership":
		return p.join(q, in, c)
	}
	return p.person(q, in, c)
}

func (p *Provider) createChannel(q *request, in *instance) answer {
	a, name := q.call.Channel, q.text("Name")
	p.reuse(q)
	if name == "" || len([]rune(name)) > 256 {
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	if in.channels.has(a) {
		if t, ok := p.remembered(q); !ok || t.made != a || t.name != name {
			return refuse(http.StatusConflict, "Conflict")
		}
		return answer{status: 201, body: map[string]any{"ChannelArn": a}}
	}
	c := &channel{name: name}
	c.members.put(q.call.Bearer, struct{}{}) // the bearer becomes its first member and moderator
	c.moderators.put(q.call.Bearer, struct{}{})
	in.channels.put(a, c)
	p.born[a]++
	p.remember(q, a, name)
	return q.did(Made, 201, map[string]any{"ChannelArn": a})
}

// listChannels lists private channels to admins; there are no public ones.
func listChannels(q *request, in *instance, admin bool) answer {
	shown := &in.channels
	switch {
	case q.query.Get("privacy") != "PRIVATE":
		shown = &shelf[*channel]{}
	case !admin:
		return refuse(http.StatusForbidden, "Forbidden")
	}
	return page(q, shown, "Channels", func(a string, c *channel) map[string]any {
		return map[string]any{"ChannelArn": a, "Name": c.name, "Privacy": "PRIVATE", "Mode": "RESTRICTED"}
	})
}

// role is one list of people in a channel, and how the wire calls them.
type role struct {
	people              *shelf[struct{}]
	list, one, identity string
}

func (c *channel) role(word string) role {
	switch word {
	case "memberships":
		return role{&c.members, "ChannelMemberships", "ChannelMembership", "Member"}
	case "moderators":
		return role{&c.moderators, "ChannelModerators", "ChannelModerator", "Moderator"}
	}
	return role{&c.bans, "ChannelBans", "ChannelBan", "Member"}
}

// person does what concerns one person's role in a channel, or the list of a role.
func (p *Provider) person(q *request, in *instance, c *channel) answer {
	r, a := c.role(q.at(2)), q.call.User
	switch q.op {
	case "ListChannelMemberships", "ListChannelModerators", "ListChannelBans":
		return page(q, r.people, r.list, func(a string, _ struct{}) map[string]any { return map[string]any{r.identity: p.identity(in, a)} })
	case "CreateChannelMembership", "CreateChannelModerator", "CreateChannelBan":
		return p.give(q, in, c, r)
	case "DescribeChannelMembership", "DescribeChannelModerator", "DescribeChannelBan":
		switch {
		case !in.users.has(a):
			return refuse(http.StatusForbidden, "Forbidden")
		case !r.people.has(a):
			return refuse(http.StatusNotFound, "NotFound")
		}
		return answer{status: 200, body: map[string]any{r.one: map[string]any{"ChannelArn": q.call.Channel, r.identity: p.identity(in, a)}}}
	case "DeleteChannelMembership", "DeleteChannelModerator", "DeleteChannelBan":
		u, ok := in.users.get(a)
		if !ok {
			return refuse(http.StatusForbidden, "Forbidden")
		}
		if r.people.drop(a) {
			p.harm(u.stranger, q.call.Channel+" "+a)
			return q.did(Removed, 204, nil)
		}
		return answer{status: 204}
	}
	return refuse(http.StatusBadRequest, "BadRequest")
}

// give gives a person a role.
func (p *Provider) give(q *request, in *instance, c *channel, r role) answer {
	a := q.call.User
	denied := refuse(http.StatusForbidden, "Forbidden")
	body := map[string]any{"ChannelArn": q.call.Channel, r.identity: p.identity(in, a)}
	switch {
	case !in.users.has(a):
		return denied
	case q.op == "CreateChannelBan" && (in.admins.has(a) || c.moderators.has(a)):
		return denied
	case q.op != "CreateChannelBan" && c.bans.has(a):
		return denied
	case q.op == "CreateChannelModerator" && !c.members.has(a):
		return denied
	case r.people.has(a):
		return answer{status: 201, body: body}
	case q.op == "CreateChannelMembership" && full(p.Quotas.Members, c.members.len()):
		return overQuota()
	}
	p.harm(c.stranger, q.call.Channel)
	if q.op == "CreateChannelBan" {
		c.members.drop(a)
	}
	r.people.put(a, struct{}{})
	return q.did(Made, 201, body)
}

// join adds up to a hundred members.
func (p *Provider) join(q *request, in *instance, c *channel) answer {
	list := q.list("MemberArns")
	if len(list) == 0 || len(list) > 100 {
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	fresh := 0
	for _, a := range list {
		if in.users.has(a) && !c.bans.has(a) && !c.members.has(a) {
			fresh++
		}
	}
	if p.Quotas.Members > 0 && fresh > 0 && c.members.len()+fresh > p.Quotas.Members {
		return overQuota()
	}
	p.harm(c.stranger, q.call.Channel)
	failed := []map[string]string{}
	for _, a := range list {
		code := p.memberFault(*q.call, a)
		if code == "" && (!in.users.has(a) || c.bans.has(a)) {
			code = "Forbidden"
		}
		if code != "" {
			failed = append(failed, map[string]string{"MemberArn": a, "ErrorCode": code})
			continue
		}
		if !c.members.has(a) {
			c.members.put(a, struct{}{})
			q.call.Effect = Made
			q.call.Joined++
		}
	}
	return answer{status: 200, body: map[string]any{"BatchChannelMemberships": map[string]any{}, "Errors": failed}}
}

func (p *Provider) memberFault(c Call, member string) string {
	if p.Member != nil {
		if code := p.Member(c.N, member); code != "" {
			return code
		}
	}
	if p.MemberTrouble != nil {
		again := p.again[c.Channel+" "+member]
		p.again[c.Channel+" "+member]++
		return p.MemberTrouble(c, member, again)
	}
	return ""
}
